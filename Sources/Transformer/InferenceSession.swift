import Tensor

/// Tokens to append to one cached sequence: a whole prompt, a part of it, or the one token just sampled.
package struct DecodeSpan: Sendable {
  package var sequence: CachedSequence
  package var tokens: [Int32]
  /// Whether the logits after the last token are wanted.
  package var wantsLogits: Bool

  package init(sequence: CachedSequence, tokens: [Int32], wantsLogits: Bool = true) {
    (self.sequence, self.tokens, self.wantsLogits) = (sequence, tokens, wantsLogits)
  }
}

/// Logits of the spans that wanted them, in their order. Valid until the session's next `run`; the caller may work on the
/// rows in place.
package struct LogitRows {
  package let count: Int
  /// V.
  package let vocabulary: Int
  /// Kept here so that the rows outlive a session that is let go.
  let buffer: FloatBuffer

  private var pointer: Out { buffer.pointer }

  /// Row `index` (V).
  package subscript(index: Int) -> Out {
    precondition(index >= 0 && index < count, "row \(index) of \(count)")
    return pointer + index * vocabulary
  }

  /// `temperedLogSoftmaxRow` on every row, in place.
  package func temperedLogSoftmax(inverseTemperature: Float, pool: ThreadPool) {
    temperedLogSoftmaxForward(
      rows: pointer, inverseTemperature: inverseTemperature, M: count, V: vocabulary, pool: pool)
  }
}

/// Prefill and decoding over a `KVCache`. Any mix of spans may go into one `run`; what a sequence gets back does not depend
/// on the mix.
package final class InferenceSession {
  package let decoder: Decoder
  package let cache: KVCache
  package let outputsMax: Int
  private let activations: Activations
  private let scratch = ScratchBuffer()
  private let hidden: FloatBuffer  // (outputsMax, C)
  private let normed: FloatBuffer
  private let scales: FloatBuffer
  private let logits: FloatBuffer  // (outputsMax, V)

  /// - Parameters:
  ///   - rowsMax: rows computed at once; longer runs are cut, which changes no result.
  ///   - outputsMax: rows of logits one `run` can return.
  package init(decoder: Decoder, cache: KVCache, rowsMax: Int = 512, outputsMax: Int) {
    precondition(decoder.configuration == cache.configuration, "a cache of another model")
    (self.decoder, self.cache, self.outputsMax) = (decoder, cache, outputsMax)
    let configuration = decoder.configuration
    activations = Activations(configuration, rowsMax: rowsMax, keepingLayers: false)
    hidden = FloatBuffer(count: outputsMax * configuration.hidden)
    normed = FloatBuffer(count: outputsMax * configuration.hidden)
    scales = FloatBuffer(count: outputsMax)
    logits = FloatBuffer(count: outputsMax * configuration.vocabulary)
  }

  /// Appends the tokens of every span to its sequence and returns the logits wanted. A sequence appears at most once.
  package func run(_ spans: [DecodeSpan]) throws(TransformerError) -> LogitRows {
    try check(spans)
    var outputs = 0
    var next = (span: 0, token: 0)
    while next.span < spans.count {
      let (batch, lastRows) = takeRows(spans, &next)
      decoder.forward(batch, activations: activations, pages: cache.pages(layer:), scratch: scratch)
      let rows = decoder.configuration.hidden
      gatherRows(
        out: hidden.pointer + outputs * rows, input: activations.layer(decoder.configuration.layers).input,
        rows: lastRows, C: rows)
      outputs += lastRows.count
    }
    if outputs > 0 {
      decoder.head(
        logits: logits.pointer, hidden: hidden.pointer, normed: normed.pointer, scales: scales.pointer, M: outputs)
    }
    return LogitRows(count: outputs, vocabulary: decoder.configuration.vocabulary, buffer: logits)
  }

  private func check(_ spans: [DecodeSpan]) throws(TransformerError) {
    precondition(Set(spans.map(\.sequence)).count == spans.count, "a sequence twice in one run")
    let limit = decoder.configuration.contextLength
    for span in spans {
      if span.tokens.isEmpty { throw .emptyTokens("a span") }
      try decoder.check(span.tokens)
      let length = cache.length(span.sequence) + span.tokens.count
      if length > limit { throw .sequenceTooLong(length: length, limit: limit) }
    }
    let outputs = spans.count(where: \.wantsLogits)
    if outputs > outputsMax { throw .tooManyOutputs(rows: outputs, limit: outputsMax) }
    let pages = spans.reduce(0) { $0 + cache.pagesNeeded($1.sequence, adding: $1.tokens.count) }
    if pages > cache.pagesFree { throw .cacheFull(pagesNeeded: pages, pagesFree: cache.pagesFree) }
  }

  /// The next rows, at most `rowsMax`, and which of them have wanted logits.
  private func takeRows(
    _ spans: [DecodeSpan], _ next: inout (span: Int, token: Int)
  ) -> (batch: RowBatch, lastRows: [Int32]) {
    var batch = RowBatch(plan: AttentionPlan(shape: decoder.configuration.attention))
    var lastRows: [Int32] = []
    while next.span < spans.count, batch.count < activations.rowsMax {
      let span = spans[next.span]
      let taken = min(span.tokens.count - next.token, activations.rowsMax - batch.count)
      let start = cache.length(span.sequence)
      let pages = cache.extend(span.sequence, by: taken)
      for index in 0..<taken {
        let position = start + index
        batch.plan.store(
          row: batch.count, page: pages[position / AttentionPage.positions], slot: position % AttentionPage.positions)
        batch.tokens.append(span.tokens[next.token + index])
        batch.positions.append(Int32(position))
      }
      batch.plan.append(rowCount: taken, positionStart: start, pages: pages)
      next.token += taken
      if next.token == span.tokens.count {
        if span.wantsLogits { lastRows.append(Int32(batch.count - 1)) }
        next = (next.span + 1, 0)
      }
    }
    return (batch, lastRows)
  }
}
