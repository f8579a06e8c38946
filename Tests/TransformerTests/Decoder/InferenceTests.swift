import Tensor
import Testing
import Transformer

@Suite("Inference")
struct InferenceTests {
  /// The logits after a prompt and after each of `next`, for one sequence alone on one thread, token by token.
  private func alone(_ architecture: ModelConfiguration.Architecture, prompt: [Int32], next: [Int32]) throws
    -> [[Float]]
  {
    let session = TinyModel.session(TinyModel.decoder(architecture, threads: 1))
    let sequence = session.cache.makeSequence()
    let rows = try (prompt + next).map { token in
      try session.run([DecodeSpan(sequence: sequence, tokens: [token])]).values(0)
    }
    return Array(rows.dropFirst(prompt.count - 1))
  }

  @Test(
    "a sequence has the same logits, bit for bit, alone and among 6, 31 and 63 others, on 1 thread and on 2",
    arguments: [ModelConfiguration.Architecture.llama, .qwen2], [1, 2])
  func batchInvariance(architecture: ModelConfiguration.Architecture, threads: Int) throws {
    let (prompt, next) = (TinyModel.tokens(41, seed: 11), TinyModel.tokens(30, seed: 12))
    let expected = try alone(architecture, prompt: prompt, next: next)
    for others in [0, 6, 31, 63] {
      let session = TinyModel.session(TinyModel.decoder(architecture, threads: threads), rowsMax: 200)
      var sequences = (0...others).map { _ in session.cache.makeSequence() }
      let place = others / 2
      // Prompts of all lengths, prefilled in one run that is cut into pieces of 200 rows.
      let spans = sequences.enumerated().map { index, sequence in
        DecodeSpan(
          sequence: sequence,
          tokens: index == place ? prompt : TinyModel.tokens(1 + index * 7 % 60, seed: UInt64(100 + index)))
      }
      #expect(try session.run(spans).values(place).bits == expected[0].bits, "prefill among \(others)")
      for (step, token) in next.enumerated() {
        // Neighbours leave on the way.
        if step % 10 == 9, sequences.count > place + 1 { session.cache.release(sequences.removeLast()) }
        let rows = try session.run(
          sequences.enumerated().map { index, sequence in
            DecodeSpan(sequence: sequence, tokens: [index == place ? token : Int32(index)])
          })
        #expect(rows.values(place).bits == expected[step + 1].bits, "step \(step) among \(others)")
      }
    }
  }

  @Test("a cache filled in pieces of any size gives the same bits", arguments: [1, 2, 5, 16, 33, 64])
  func chunks(size: Int) throws {
    let prompt = TinyModel.tokens(90, seed: 21)
    let expected = try alone(.llama, prompt: prompt, next: [])
    let session = TinyModel.session(TinyModel.decoder())
    let sequence = session.cache.makeSequence()
    var last: [Float] = []
    for start in stride(from: 0, to: prompt.count, by: size) {
      let piece = Array(prompt[start..<min(prompt.count, start + size)])
      last = try session.run([DecodeSpan(sequence: sequence, tokens: piece)]).values(0)
    }
    #expect(last.bits == expected[0].bits)
  }

  @Test("forks share a prefill and continue with the bits of sequences of their own", arguments: [1, 31, 32, 50])
  func forks(length: Int) throws {
    let (prompt, next) = (TinyModel.tokens(length, seed: 31), TinyModel.tokens(6, seed: 32))
    let expected = try alone(.llama, prompt: prompt, next: next)
    let session = TinyModel.session(TinyModel.decoder())
    let parent = session.cache.makeSequence()
    _ = try session.run([DecodeSpan(sequence: parent, tokens: prompt, wantsLogits: false)])
    let children = try (0..<5).map { _ in try session.cache.fork(parent) }
    session.cache.release(parent)
    for (step, token) in next.enumerated() {
      let rows = try session.run(
        children.enumerated().map { index, child in
          DecodeSpan(sequence: child, tokens: [index == 3 ? token : Int32(index + step)])
        })
      #expect(rows.values(3).bits == expected[step + 1].bits)
    }
  }

  @Test("only wanted logits are returned, in the order of the spans")
  func wanted() throws {
    let session = TinyModel.session(TinyModel.decoder())
    let prompts = (0..<3).map { TinyModel.tokens(4 + $0, seed: UInt64(40 + $0)) }
    let sequences = prompts.map { _ in session.cache.makeSequence() }
    let rows = try session.run(
      (0..<3).map { DecodeSpan(sequence: sequences[$0], tokens: prompts[$0], wantsLogits: $0 != 1) })
    #expect(rows.count == 2)
    let (first, second) = (rows.values(0), rows.values(1))
    #expect(try first.bits == alone(.llama, prompt: prompts[0], next: [])[0].bits)
    #expect(try second.bits == alone(.llama, prompt: prompts[2], next: [])[0].bits)
  }

  @Test("all pages come back, and a fork costs only the page it shares in part")
  func pages() throws {
    let session = TinyModel.session(TinyModel.decoder(), positionsMax: 320)
    let cache = session.cache
    let sequence = cache.makeSequence()
    _ = try session.run([DecodeSpan(sequence: sequence, tokens: TinyModel.tokens(70, seed: 51))])
    #expect(cache.pagesFree == 7)
    let fork = try cache.fork(sequence)
    #expect(cache.pagesFree == 6)
    #expect(cache.length(fork) == 70)
    cache.release(sequence)
    #expect(cache.pagesFree == 7)
    cache.release(fork)
    #expect(cache.pagesFree == 10)
  }

  @Test("what cannot be done is refused with nothing changed")
  func refusals() throws {
    let session = TinyModel.session(TinyModel.decoder(), positionsMax: 64)
    let sequence = session.cache.makeSequence()
    func refused(_ tokens: [Int32]) -> TransformerError? {
      do {
        _ = try session.run([DecodeSpan(sequence: sequence, tokens: tokens)])
        return nil
      } catch { return error }
    }
    #expect(refused([]) == .emptyTokens("a span"))
    #expect(refused([3, 101]) == .tokenOutOfRange(token: 101, vocabulary: 101))
    #expect(refused([-1]) == .tokenOutOfRange(token: -1, vocabulary: 101))
    #expect(refused(TinyModel.tokens(65, seed: 1)) == .cacheFull(pagesNeeded: 3, pagesFree: 2))
    #expect(refused(TinyModel.tokens(257, seed: 1)) == .sequenceTooLong(length: 257, limit: 256))
    #expect(session.cache.length(sequence) == 0)
    #expect(session.cache.pagesFree == 2)
  }
}
