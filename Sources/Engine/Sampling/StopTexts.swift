/// The texts that end a completion, compared as UTF-8 bytes, so that a text is found wherever the tokens cut it.
struct StopTexts {
  private let texts: [[UInt8]]

  /// Empty texts would end every completion at once and are a programming error.
  init(_ texts: [String]) {
    precondition(!texts.contains(""), "an empty stop text")
    self.texts = texts.map { Array($0.utf8) }
  }

  /// Whether one of the texts ends within the last `fresh` bytes of `bytes`.
  func isCompleted(in bytes: [UInt8], fresh: Int) -> Bool {
    texts.contains { text in
      let first = max(0, bytes.count - fresh - (text.count - 1))
      guard bytes.count - first >= text.count else { return false }
      return (first...bytes.count - text.count).contains { bytes[$0..<$0 + text.count].elementsEqual(text) }
    }
  }
}
