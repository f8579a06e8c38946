/// Tokens that stand in the text as they are and are found before anything is split: `<|im_end|>`, `<tool_call>`.
///
/// The leftmost match wins, the longest among those that begin at the same byte, as in Hugging Face's tokenizers.
struct AddedTokens: Sendable {
  /// A stretch of text between two matches, or a match.
  enum Piece {
    case text(Substring)
    case token(Int32)
  }

  private struct Entry {
    let bytes: [UInt8]
    let token: Int32
  }

  /// By first byte; the longest first.
  private var entries: [[Entry]] = Array(repeating: [], count: 256)
  private var isEmpty = true

  /// `tokens` are pairs of text and id; empty texts are left out.
  init(_ tokens: [(text: String, id: Int32)]) {
    for token in tokens {
      let bytes = Array(token.text.utf8)
      guard let first = bytes.first else { continue }
      entries[Int(first)].append(Entry(bytes: bytes, token: token.id))
      isEmpty = false
    }
    for first in entries.indices { entries[first].sort { ($1.bytes.count, $0.token) < ($0.bytes.count, $1.token) } }
  }

  /// Cuts `text` at the tokens it contains; pieces of text are never empty.
  func split(_ text: Substring, _ piece: (Piece) -> Void) {
    guard !isEmpty else {
      if !text.isEmpty { piece(.text(text)) }
      return
    }
    let utf8 = text.utf8
    var start = text.startIndex
    var index = text.startIndex
    while index < text.endIndex {
      guard let entry = entries[Int(utf8[index])].first(where: { utf8[index...].starts(with: $0.bytes) }) else {
        index = utf8.index(after: index)
        continue
      }
      if start < index { piece(.text(text[start..<index])) }
      piece(.token(entry.token))
      index = utf8.index(index, offsetBy: entry.bytes.count)
      start = index
    }
    if start < text.endIndex { piece(.text(text[start...])) }
  }
}
