import Foundation

/// Sampled tokens, each behind the colour of its log-probability: pale where the policy was sure, strong where it was not.
struct TokenStrip: Sendable {
  /// The bytes of token ids, from the model's tokenizer; nil where it cannot be had.
  typealias Pieces = @Sendable (_ model: String, _ ids: [Int32]) async -> [[UInt8]]?

  /// One token.
  struct Token: Sendable {
    let id: Int32
    let nats: Float
    /// What it adds to the text; empty for one in the middle of a character, whose text stands at the character's last token.
    let text: String
  }

  let tokens: [Token]
  let completion: String
  /// Whether the texts are those of the tokens.
  let hasTexts: Bool

  /// So many tokens get a box of their own.
  private static let tokensMax = 4000

  init(_ generation: GenerationRow, pieces: [[UInt8]]?) {
    let ids = generation.ids
    let nats = generation.nats
    completion = generation.completion
    let hasTexts = pieces?.count == ids.count && !ids.isEmpty
    let texts = pieces.map(Self.texts) ?? []
    self.hasTexts = hasTexts
    tokens = zip(ids, nats).enumerated().prefix(Self.tokensMax).map { index, pair in
      Token(id: pair.0, nats: pair.1, text: hasTexts ? texts[index] : "")
    }
  }

  /// Bytes of characters that several tokens share come out whole at the last of them.
  static func texts(_ pieces: [[UInt8]]) -> [String] {
    var pending: [UInt8] = []
    return pieces.enumerated().map { index, piece in
      pending += piece
      let cut = index == pieces.count - 1 ? pending.count : pending.count - unfinished(pending)
      let text = String(decoding: pending[..<cut], as: UTF8.self)
      pending.removeFirst(cut)
      return text
    }
  }

  /// How many bytes at the end begin a character that is not there yet.
  private static func unfinished(_ bytes: [UInt8]) -> Int {
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? back : 0
    }
    return 0
  }

  /// Log-probabilities that the steps of colour begin below.
  private static let steps: [Float] = [-0.105, -0.357, -0.693, -1.386, -2.303, -4.605]

  private static func step(_ nats: Float) -> Int { steps.firstIndex { nats > $0 } ?? steps.count }

  var mean: Double? {
    tokens.isEmpty ? nil : Double(tokens.map(\.nats).reduce(0, +)) / Double(tokens.count)
  }

  private var summary: String {
    guard let least = tokens.min(by: { $0.nats < $1.nats }) else { return "no tokens" }
    return
      "\(tokens.count) tokens, mean log-probability \(Format.decimal(mean, 2)), least \(Format.decimal(Double(least.nats), 2))"
  }

  var html: HTML {
    guard !tokens.isEmpty else { return "<pre class=\"tokens\">\(completion)</pre>" }
    let more: HTML = tokens.count == Self.tokensMax ? "<span class=\"quiet\"> and more</span>" : .nothing
    let boxes: HTML = "\(tokens.html(box))\(more)"
    let description: HTML = "<p class=\"note\">\(summary)</p>"
    if hasTexts { return "<pre class=\"tokens\">\(boxes)</pre>\(description)" }
    return """
      <pre class="tokens">\(completion)</pre>
      <div class="strip" aria-hidden="true">\(boxes)</div>\(description)
      """
  }

  private func box(_ token: Token) -> HTML {
    let probability = Format.percent(exp(Double(token.nats)))
    let title =
      "token \(token.id), log-probability \(Format.decimal(Double(token.nats), 3)), probability \(probability)"
    return "<span class=\"t p\(Self.step(token.nats))\" title=\"\(title)\">\(token.text)</span>"
  }

  /// What the colours mean.
  static let legend: HTML = """
    <p class="token-scale"><span>probability of each token when it was drawn:</span> \
    <span class="t p0">over 90 %</span> <span class="t p1">70</span> <span class="t p2">50</span> <span class="t p3">25</span> \
    <span class="t p4">10</span> <span class="t p5">1</span> <span class="t p6">below 1 %</span></p>
    """
}
