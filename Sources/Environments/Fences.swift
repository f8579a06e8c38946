/// A fenced block of a completion: three backticks, a language word, lines, three backticks.
struct FencedBlock: Hashable {
  var language: String
  var content: String
}

/// All closed fenced blocks of a text, in order. A block whose closing fence is missing is not one: a completion that
/// was cut by its length limit has no answer.
///
/// The closing fence may follow its content on the same line, which small models do often. Fences that open and close on
/// one line are code inside a sentence. "\r\n" ends a line, too; in Swift it is one Character.
func fencedBlocks(_ text: String) -> [FencedBlock] {
  var blocks: [FencedBlock] = []
  var rest = text[...]
  while let open = rest.firstRange(of: "```") {
    let afterOpen = rest[open.upperBound...]
    guard let lineEnd = afterOpen.firstIndex(where: { $0 == "\n" || $0 == "\r\n" }) else { break }
    if let inline = afterOpen[..<lineEnd].firstRange(of: "```") {
      rest = afterOpen[inline.upperBound...]
      continue
    }
    let content = afterOpen[afterOpen.index(after: lineEnd)...]
    guard let close = content.firstRange(of: "```") else { break }
    let language = afterOpen[..<lineEnd].trimmed.lowercased()
    blocks.append(FencedBlock(language: language, content: String(content[..<close.lowerBound])))
    rest = content[close.upperBound...]
  }
  return blocks
}

extension StringProtocol {
  /// Without white space at either end.
  var trimmed: String {
    var text = self[...]
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
