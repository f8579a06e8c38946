import Domain
import Tensor
import Transformer

/// How much a sampler does at once. Changes speed and memory, never a result.
package struct SamplerLimits: Sendable {
  /// Completions sampled at the same time.
  package var rowsMax: Int
  /// Memory for keys and values; costs nothing until it is used.
  package var cacheBytesMax: Int
  /// Prompt tokens computed at once.
  package var prefillRowsMax: Int

  package init(rowsMax: Int = 32, cacheBytesMax: Int = 768 << 20, prefillRowsMax: Int = 512) {
    precondition(rowsMax > 0 && cacheBytesMax > 0 && prefillRowsMax > 0, "sampler limits must be positive")
    self.rowsMax = rowsMax
    self.cacheBytesMax = cacheBytesMax
    self.prefillRowsMax = prefillRowsMax
  }
}

/// Samples completions from a decoder, many at a time.
///
/// Requests with equal prompts share one prefill, and prompts that begin alike share its pages; a row whose completion ends is given to the next request at once. A
/// sample depends on its own request and the weights only (promise P4): each token is drawn with its own number of the
/// request's key, and no row of a forward pass depends on the rows beside it.
///
/// Used by the engine's `Policy`. One owner; blocks its thread while it samples.
package final class BatchSampler {
  private let decoder: Decoder
  private let tokenizer: Tokenizer
  private let limits: SamplerLimits
  private let session: InferenceSession
  /// (threads, V)
  private let scratch: FloatBuffer

  /// Reserves the cache. Throws when the tokenizer is of another model.
  package init(decoder: Decoder, tokenizer: Tokenizer, limits: SamplerLimits = SamplerLimits()) throws(SamplingError) {
    let configuration = decoder.configuration
    guard tokenizer.vocabularySize == configuration.vocabulary else {
      throw .vocabularyMismatch(tokenizer: tokenizer.vocabularySize, model: configuration.vocabulary)
    }
    (self.decoder, self.tokenizer, self.limits) = (decoder, tokenizer, limits)
    let pageBytes = configuration.layers * configuration.attention.pageFloats * MemoryLayout<Float>.size
    let pages = max(1, limits.cacheBytesMax / pageBytes)
    let cache = KVCache(configuration: configuration, positionsMax: pages * AttentionPage.positions)
    session = InferenceSession(
      decoder: decoder, cache: cache, rowsMax: max(limits.prefillRowsMax, limits.rowsMax), outputsMax: limits.rowsMax)
    scratch = FloatBuffer(count: decoder.pool.threads * configuration.vocabulary)
  }

  /// Samples one completion for each request; results in the order of the requests. Throws `SamplingError`, or
  /// `CancellationError` at the next token when the task is cancelled; the sampler can be used again afterwards.
  package func sample(
    _ requests: [GenerationRequest], progress: (StepProgress) -> Void = { _ in }
  ) throws -> [Generation] {
    var call = Call(
      queue: try SamplingQueue(
        requests, tokenizer: tokenizer, contextLength: decoder.configuration.contextLength,
        pagesMax: session.cache.pagesMax),
      results: Array(repeating: nil, count: requests.count))
    defer { release(call) }
    while true {
      try Task.checkCancellation()
      try admit(requests, &call)
      if call.running.isEmpty { break }
      try step(&call)
      progress(StepProgress(done: call.done, total: requests.count, tokens: call.tokens))
    }
    return call.results.map { result in
      guard let result else { preconditionFailure("a request was never sampled") }
      return result
    }
  }

  /// The state of one `sample` call.
  private struct Call {
    var queue: SamplingQueue
    var running: [RunningSample] = []
    var results: [Generation?]
    var done = 0
    /// Tokens computed: prompts and completions.
    var tokens = 0
  }

  // MARK: Admission

  /// Fills free rows: prefills the prompts that are new, then gives each admitted request a continuation of its own.
  private func admit(_ requests: [GenerationRequest], _ call: inout Call) throws {
    var admissions: [SamplingQueue.Admission] = []
    while call.running.count + admissions.count < limits.rowsMax, let admission = try call.queue.admit() {
      admissions.append(admission)
    }
    try prefill(admissions, &call)
    for admission in admissions {
      let group = call.queue.groups[admission.group]
      guard let base = group.base, let last = group.prompt.last else { preconditionFailure("a group without a prompt") }
      call.running.append(
        RunningSample(
          request: admission.request, group: admission.group, of: requests[admission.request],
          tokensMax: admission.tokensMax, pages: admission.pages, sequence: try session.cache.fork(base), input: last))
    }
  }

  /// Computes the prompts that are new. One that begins as another does, by pages, begins with that one's pages: the worked
  /// examples before a problem are computed once. The bits are the same, since no row depends on the rows beside it.
  private func prefill(_ admissions: [SamplingQueue.Admission], _ call: inout Call) throws {
    var sources = call.queue.groups.indices.filter { call.queue.groups[$0].base != nil }
    var (leaders, followers): ([DecodeSpan], [(group: Int, source: Int, positions: Int)]) = ([], [])
    for admission in admissions where call.queue.groups[admission.group].base == nil {
      let group = call.queue.groups[admission.group]
      if let (source, positions) = call.queue.source(of: group, among: sources) {
        // Its source may be in this very batch: it is forked when that one is computed.
        if followers.contains(where: { $0.group == admission.group }) { continue }
        followers.append((admission.group, source, positions))
        continue
      }
      let base = session.cache.makeSequence()
      call.queue.setBase(base, ofGroup: admission.group)
      sources.append(admission.group)
      // A prompt of one token has no prefix: its samples continue an empty sequence.
      if !group.prefix.isEmpty {
        leaders.append(DecodeSpan(sequence: base, tokens: Array(group.prefix), wantsLogits: false))
      }
    }
    try run(leaders, &call)
    var rest: [DecodeSpan] = []
    for (group, source, positions) in followers {
      guard let parent = call.queue.groups[source].base else { preconditionFailure("a source without a base") }
      let base = session.cache.fork(parent, first: positions)
      call.queue.setBase(base, ofGroup: group)
      let tokens = Array(call.queue.groups[group].prefix.dropFirst(positions))
      if !tokens.isEmpty { rest.append(DecodeSpan(sequence: base, tokens: tokens, wantsLogits: false)) }
    }
    try run(rest, &call)
  }

  private func run(_ spans: [DecodeSpan], _ call: inout Call) throws {
    guard !spans.isEmpty else { return }
    call.tokens += spans.reduce(0) { $0 + $1.tokens.count }
    _ = try session.run(spans)
  }

  // MARK: Decoding

  /// One token for every running sample; finished ones leave their row.
  private func step(_ call: inout Call) throws {
    let rows = try session.run(call.running.map { DecodeSpan(sequence: $0.sequence, tokens: [$0.input]) })
    let drawn = draw(rows, call.running)
    for (sample, token) in zip(call.running, drawn) where !token.logProbability.isFinite {
      throw SamplingError.notFinite(request: sample.request, token: sample.tokens.count)
    }
    call.tokens += drawn.count
    var remaining: [RunningSample] = []
    for (sample, token) in zip(call.running, drawn) {
      var sample = sample
      guard let finish = sample.append(token, tokenizer: tokenizer) else {
        remaining.append(sample)
        continue
      }
      let prompt = call.queue.groups[sample.group].prompt
      call.results[sample.request] = sample.generation(promptTokenCount: prompt.count, finish: finish)
      call.done += 1
      session.cache.release(sample.sequence)
      if let base = call.queue.finish(sample) { session.cache.release(base) }
    }
    call.running = remaining
  }

  /// Draws the next token of each sample from its row, rows shared among the threads.
  private func draw(_ rows: LogitRows, _ samples: [RunningSample]) -> [DrawnToken] {
    let V = rows.vocabulary
    return [DrawnToken](unsafeUninitializedCapacity: samples.count) { buffer, count in
      let tokens = buffer
      decoder.pool.run(samples.count) { index, thread in
        let sampling = samples[index].sampling
        (tokens.baseAddress! + index).initialize(
          to: drawToken(
            logits: rows[index], scratch: scratch.pointer + thread * V, V: V, temperature: sampling.temperature,
            inverseTemperature: sampling.inverseTemperature, uniform: samples[index].uniform))
      }
      count = samples.count
    }
  }

  /// Gives everything back to the cache, also when a call ended with an error.
  private func release(_ call: Call) {
    for sample in call.running { session.cache.release(sample.sequence) }
    for group in call.queue.groups { if let base = group.base { session.cache.release(base) } }
  }
}
