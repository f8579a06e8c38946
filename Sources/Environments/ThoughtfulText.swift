/// A completion that thinks before it answers: `<think>…</think>`, white space, `<answer>…</answer>`, and whatever follows
/// (the published code's format check and extraction, for the setting `play.thinking`).
struct ThoughtfulText: Hashable {
  /// Whether the text has that form from its first character on.
  let isFormatted: Bool
  /// What is after the last `<answer>`, up to the `</answer>` that follows if there is one; empty without the tag.
  let answer: String

  /// What is said of a text that has not.
  static let complaint = "not of the form <think>…</think><answer>…</answer>"

  init(_ text: String) {
    isFormatted = Self.hasForm(text)
    answer = Self.lastAnswer(text)
  }

  private static func lastAnswer(_ text: String) -> String {
    guard let open = text.ranges(of: "<answer>").last else { return "" }
    let rest = text[open.upperBound...]
    return String(rest[..<(rest.firstRange(of: "</answer>")?.lowerBound ?? rest.endIndex)])
  }

  /// A thought may hold any text, tags among it: every end of one is tried, as a regular expression would.
  private static func hasForm(_ text: String) -> Bool {
    guard text.hasPrefix("<think>") else { return false }
    return text.ranges(of: "</think>").contains { end in
      let rest = text[end.upperBound...].drop(while: \.isWhitespace)
      guard rest.hasPrefix("<answer>") else { return false }
      return rest.dropFirst("<answer>".count).contains("</answer>")
    }
  }
}
