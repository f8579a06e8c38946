/// Cuts text into the words within which byte pairs are merged. Each case is the hand-written equivalent of the regular
/// expression in a published `tokenizer.json`; every character falls into exactly one word.
///
/// Chosen by `tokenizer.ggml.pre` in a GGUF file.
package enum PreTokenizer: String, Sendable, CaseIterable {
  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  case gpt2 = "gpt-2"
  /// Each \p{N} on its own, then GPT-2's expression on what lies between. A space before a digit therefore ends its
  /// piece, and belongs to no number.
  case smolLM = "smollm"
  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  /// on text in Unicode normal form C.
  case qwen2 = "qwen2"

  /// Whether text is brought to normal form C first.
  var normalizes: Bool { self == .qwen2 }

  /// Calls `word` with each word of `text`, in order.
  func split(_ text: Substring, _ word: (ArraySlice<UInt8>) -> Void) {
    let text = ClassifiedText(text)
    switch self {
    case .gpt2: splitGPT2(text, 0..<text.count, word)
    case .smolLM: splitSmolLM(text, word)
    case .qwen2: splitQwen2(text, word)
    }
  }

  /// The words of `text`, for people and tests.
  package func words(of text: String) -> [String] {
    var words: [String] = []
    split(text[...]) { words.append(String(decoding: $0, as: UTF8.self)) }
    return words
  }

  // MARK: GPT-2 and SmolLM

  private func splitSmolLM(_ text: ClassifiedText, _ word: (ArraySlice<UInt8>) -> Void) {
    var index = 0
    while index < text.count {
      let digit = text.end(from: index) { $0 != .number }
      splitGPT2(text, index..<digit, word)
      index = text.end(from: digit) { $0 == .number }
      for number in digit..<index { word(text.bytes(number..<number + 1)) }
    }
  }

  /// GPT-2's expression within `range`, beyond which it sees nothing.
  private func splitGPT2(_ text: ClassifiedText, _ range: Range<Int>, _ word: (ArraySlice<UInt8>) -> Void) {
    var index = range.lowerBound
    while index < range.upperBound {
      let end = gpt2WordEnd(text, index, limit: range.upperBound)
      word(text.bytes(index..<end))
      index = end
    }
  }

  private func gpt2WordEnd(_ text: ClassifiedText, _ index: Int, limit: Int) -> Int {
    if let end = contractionEnd(text, index, ignoresCase: false), end <= limit { return end }
    let body = text.classes[index] == .space ? index + 1 : index
    if body < limit && !text.classes[body].isSpace {
      let kind = text.classes[body]
      return min(limit, text.end(from: body) { $0 == kind })
    }
    return spacesEnd(text, index, limit: limit)
  }

  /// `\s+(?!\S)|\s+` at `index`, which is a space: all of the run, without its last character when a word follows.
  private func spacesEnd(_ text: ClassifiedText, _ index: Int, limit: Int) -> Int {
    let end = min(limit, text.end(from: index) { $0.isSpace })
    return end == limit || end - index == 1 ? end : end - 1
  }

  // MARK: Qwen2

  private func splitQwen2(_ text: ClassifiedText, _ word: (ArraySlice<UInt8>) -> Void) {
    var index = 0
    while index < text.count {
      let end = qwen2WordEnd(text, index)
      word(text.bytes(index..<end))
      index = end
    }
  }

  private func qwen2WordEnd(_ text: ClassifiedText, _ index: Int) -> Int {
    if let end = contractionEnd(text, index, ignoresCase: true) { return end }
    let kind = text.classes[index]
    if kind == .letter { return text.end(from: index) { $0 == .letter } }
    if kind == .number { return index + 1 }
    if kind != .newline && text.has(.letter, at: index + 1) { return text.end(from: index + 1) { $0 == .letter } }
    let body = kind == .space ? index + 1 : index
    if text.has(.other, at: body) {
      return text.end(from: text.end(from: body) { $0 == .other }) { $0 == .newline }
    }
    let run = text.end(from: index) { $0.isSpace }
    if let newline = (index..<run).last(where: { text.classes[$0] == .newline }) { return newline + 1 }
    return spacesEnd(text, index, limit: text.count)
  }

  // MARK: Contractions

  /// The end of `'s 't 're 've 'm 'll 'd` at `index`, if one is there.
  private func contractionEnd(_ text: ClassifiedText, _ index: Int, ignoresCase: Bool) -> Int? {
    guard text.bytes[text.starts[index]] == UInt8(ascii: "'"), index + 1 < text.count else { return nil }
    let first = contractionLetter(text, index + 1, ignoresCase)
    switch first {
    case "s", "t", "m", "d": return index + 2
    case "r", "v", "l":
      guard index + 2 < text.count else { return nil }
      return contractionLetter(text, index + 2, ignoresCase) == (first == "l" ? "l" : "e") ? index + 3 : nil
    default: return nil
    }
  }

  /// The letter at `index` as contractions are compared: lower case, with U+017F (ſ) for s, when case is ignored;
  /// U+0000 for anything that is in no contraction.
  private func contractionLetter(_ text: ClassifiedText, _ index: Int, _ ignoresCase: Bool) -> Unicode.Scalar {
    let bytes = text.bytes(index..<index + 1)
    let byte = bytes[bytes.startIndex]
    if bytes.count == 1 {
      let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
      return Unicode.Scalar(ignoresCase && isUpper ? byte | 0x20 : byte)
    }
    return ignoresCase && Array(bytes) == [0xC5, 0xBF] ? "s" : "\0"
  }
}
