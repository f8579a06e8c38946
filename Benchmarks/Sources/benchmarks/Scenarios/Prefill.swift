import Tensor
import Transformer

/// One prompt of 512 tokens through the model, and the logits after its last: what comes before the first sampled token.
func measurePrefill(_ bench: Bench) throws -> Outcome {
  let workbench = try Workbench(bench)
  let configuration = workbench.decoder.configuration
  let session = InferenceSession(
    decoder: workbench.decoder, cache: KVCache(configuration: configuration, positionsMax: 1024), outputsMax: 1)
  let times = try seconds(runs: bench.runs(9)) {
    let sequence = session.cache.makeSequence()
    _ = try session.run([DecodeSpan(sequence: sequence, tokens: Array(workbench.tokens[0..<512]))])
    session.cache.release(sequence)
  }
  // The head is computed for the last row only, so it is counted once.
  let flops = 512 * workbench.blockFlops + workbench.headFlops
  return Outcome(figures: [
    Figure(
      name: "prefill 512", unit: "tok/s", runs: times.map { 512 / $0 }, gigaflops: flops / median(times) / 1e9)
  ])
}
