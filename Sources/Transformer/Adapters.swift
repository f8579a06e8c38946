import Tensor

/// A matrix of a layer that can have an adapter.
package enum AdapterTarget: String, CaseIterable, Hashable, Sendable {
  case query, key, value
  case attentionOutput = "attention_output"
  case gate, up, down
}

/// Which matrices are adapted, and how (Hu et al. 2021, "LoRA", arXiv 2106.09685).
package struct AdapterShape: Equatable, Sendable {
  /// r, the rank of a change.
  package var rank: Int
  /// A change is multiplied by alpha/rank.
  package var alpha: Double
  package var targets: Set<AdapterTarget>

  package init(rank: Int, alpha: Double, targets: Set<AdapterTarget>) {
    precondition(rank > 0 && alpha > 0 && !targets.isEmpty, "adapters of rank \(rank), alpha \(alpha), \(targets)")
    (self.rank, self.alpha, self.targets) = (rank, alpha, targets)
  }

  var scale: Float { Float(alpha / Double(rank)) }
}

/// The low-rank changes of a frozen model: W + alpha/rank · B·A for each target W (N,K), with A (r,K) and B (N,r).
///
/// A begins random and B zero, so the first weights are the base model's. Only A and B are trained; a `Decoder` made with
/// adapters merges them into its packed weights after each update. No dropout. One owner, the decoder.
package final class Adapters {
  /// One adapted matrix.
  struct Adapter {
    let layer: Int
    let target: AdapterTarget
    /// The matrix of the model (N,K).
    let matrix: ParameterView
    /// (r,K) and (N,r).
    let a, b: ParameterView
    /// A in the layout of the forward kernels.
    let packedA: PackedMatrix
  }

  /// An element of A's beginning by layer, target and place (row-major): uniform in -1..<1, the same at every call.
  package typealias Initial = (_ layer: Int, _ target: AdapterTarget, _ element: Int) -> Float

  package let shape: AdapterShape
  /// All A and B, by layer and target, A before B, as `blk.0.attn_q.weight.lora_a`.
  package let parameters: Parameters
  let all: [Adapter]
  private let byMatrix: [String: Int]
  private let initial: Initial
  private let packed: FloatBuffer

  /// Adapters at their beginning.
  package init(_ shape: AdapterShape, configuration: ModelConfiguration, initial: @escaping Initial) {
    let blocks = DecoderLayout(configuration, packedOnly: true).blocks
    let matrices = blocks.enumerated().flatMap { layer, block in
      AdapterTarget.allCases.filter(shape.targets.contains).map { (layer, $0, block[$0]) }
    }
    func packedCount(_ view: ParameterView) -> Int { PackedMatrix.count(outputs: shape.rank, inputs: view.shape[1]) }
    let packed = FloatBuffer(count: matrices.reduce(0) { $0 + packedCount($1.2) })
    var layout = ParameterLayout()
    var offset = 0
    var all: [Adapter] = []
    for (layer, target, matrix) in matrices {
      all.append(
        Adapter(
          layer: layer, target: target, matrix: matrix,
          a: layout.add(matrix.name + ".lora_a", [shape.rank, matrix.shape[1]]),
          b: layout.add(matrix.name + ".lora_b", [matrix.shape[0], shape.rank]),
          packedA: PackedMatrix(pointer: packed.pointer + offset, outputs: shape.rank, inputs: matrix.shape[1])))
      offset += packedCount(matrix)
    }
    (self.shape, self.all, self.packed, self.initial) = (shape, all, packed, initial)
    byMatrix = Dictionary(uniqueKeysWithValues: all.enumerated().map { ($1.matrix.name, $0) })
    parameters = Parameters(layout: layout)
    reset()
  }

  /// Back to the beginning: A uniform in ±1/√K, as PyTorch's default for linear layers, B zero. The decoder must be told
  /// (`Decoder.weightsChanged`).
  package func reset() {
    for adapter in all {
      let bound = 1 / Float(adapter.matrix.shape[1]).squareRoot()
      for element in 0..<adapter.a.count {
        parameters[adapter.a][element] = bound * initial(adapter.layer, adapter.target, element)
      }
      parameters[adapter.b].update(repeating: 0, count: adapter.b.count)
    }
  }

  /// The adapter of a matrix; nil if it is frozen.
  func adapter(of matrix: ParameterView) -> Adapter? { byMatrix[matrix.name].map { all[$0] } }

  /// weight (N,K), row-major, += alpha/rank · B·A; and A is packed for `backward`. `scaled` (N,r) is scratch.
  func merge(_ adapter: Adapter, into weight: Out, scaled: Out, pool: ThreadPool) {
    let (N, K, r) = (adapter.matrix.shape[0], adapter.matrix.shape[1], shape.rank)
    scale(out: scaled, input: parameters[adapter.b], count: N * r)
    linearBackwardInput(
      dInput: weight, dOut: scaled, weight: parameters[adapter.a], adding: true, M: N, N: r, K: K, pool: pool)
    adapter.packedA.pack(from: parameters[adapter.a], pool: pool)
  }

  /// The gradients of A and B from those of the product's result, dOut (M,N), and its input (M,K):
  /// dB (N,r) += alpha/rank · dOutᵀ·(input·Aᵀ), dA (r,K) += alpha/rank · (dOut·B)ᵀ·input. `inner` (M,r) is scratch.
  func backward(
    _ adapter: Adapter, dOut: In, input: In, M: Int, inner: Out, gradients: Parameters, pool: ThreadPool
  ) {
    let (N, K, r) = (adapter.matrix.shape[0], adapter.matrix.shape[1], shape.rank)
    linearForward(out: inner, input: input, weight: adapter.packedA, M: M, pool: pool)
    scale(out: inner, input: inner, count: M * r)
    linearBackwardWeight(dWeight: gradients[adapter.b], dOut: dOut, input: inner, M: M, N: N, K: r, pool: pool)
    linearBackwardInput(
      dInput: inner, dOut: dOut, weight: parameters[adapter.b], adding: false, M: M, N: N, K: r, pool: pool)
    scale(out: inner, input: inner, count: M * r)
    linearBackwardWeight(dWeight: gradients[adapter.a], dOut: inner, input: input, M: M, N: r, K: K, pool: pool)
  }

  private func scale(out: Out, input: In, count: Int) {
    let factor = shape.scale
    for index in 0..<count { out[index] = factor * input[index] }
  }
}

extension DecoderLayout.Block {
  subscript(target: AdapterTarget) -> ParameterView {
    switch target {
    case .query: query
    case .key: key
    case .value: value
    case .attentionOutput: attentionOutput
    case .gate: gate
    case .up: up
    case .down: down
    }
  }
}
