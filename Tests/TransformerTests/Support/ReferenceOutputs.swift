/// A file of `shared/reference`: what transformers computes for a real model. Only the fields the tests compare.
struct ReferenceOutputs: Decodable {
  struct Prompt: Decodable {
    struct TopLogit: Decodable {
      let id: Int
      let logit: Double
    }
    struct Statistics: Decodable {
      let sum: Double
      let std: Double
      let max: Double
      let argmax: Int
    }
    struct Backward: Decodable {
      let loss: Double
      let total_grad_norm: Double
      let grad_norms: [String: Double]
      let grad_probes: [String: [Double]]
    }

    let name: String
    let ids: [Int32]
    let final_top20: [TopLogit]
    let logits_stats: [Statistics]
    let prompt_logprobs: [Double]
    let greedy_ids: [Int32]
    let greedy_logprobs: [Double]
    let greedy_margins: [Double]
    let backward: Backward?
  }

  let prompts: [Prompt]
}
