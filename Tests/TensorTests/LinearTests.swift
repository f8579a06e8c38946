import Tensor
import Testing

/// A linear layer's operands at random.
struct LinearCase {
  let M, N, K: Int
  let input, weight, bias, dOut: [Float]

  init(M: Int, N: Int, K: Int, seed: UInt64 = 1) {
    var random = TestRandom(seed: seed)
    (self.M, self.N, self.K) = (M, N, K)
    weight = random.floats(N * K)
    bias = random.floats(N)
    input = random.floats(M * K)
    dOut = random.floats(M * N)
  }

  func forward(rows: Range<Int>? = nil, bias: [Float]? = nil, adding: [Float]? = nil, pool: ThreadPool) -> [Float] {
    let rows = rows ?? 0..<M
    let buffer = FloatBuffer(count: PackedMatrix.count(outputs: N, inputs: K))
    defer { withExtendedLifetime(buffer) {} }
    let packed = PackedMatrix(pointer: buffer.pointer, outputs: N, inputs: K)
    packed.pack(from: weight, pool: pool)
    var out = adding ?? [Float](repeating: .nan, count: rows.count * N)
    input.withUnsafeBufferPointer { input in
      let start = input.baseAddress! + rows.lowerBound * K
      if let bias {
        bias.withUnsafeBufferPointer {
          linearForward(
            out: &out, input: start, weight: packed, bias: $0.baseAddress, adding: adding != nil, M: rows.count,
            pool: pool)
        }
      } else {
        linearForward(out: &out, input: start, weight: packed, adding: adding != nil, M: rows.count, pool: pool)
      }
    }
    return out
  }

  func backward(pool: ThreadPool) -> (dInput: [Float], dWeight: [Float]) {
    var dInput = [Float](repeating: .nan, count: M * K)
    linearBackwardInput(dInput: &dInput, dOut: dOut, weight: weight, adding: false, M: M, N: N, K: K, pool: pool)
    var dWeight = [Float](repeating: 0, count: N * K)
    linearBackwardWeight(dWeight: &dWeight, dOut: dOut, input: input, M: M, N: N, K: K, pool: pool)
    return (dInput, dWeight)
  }
}

@Suite("Linear")
struct LinearTests {
  @Test(
    "the forward product equals the naive one, whatever the shape",
    arguments: [
      (1, 16, 64), (2, 5, 7), (3, 40, 33), (6, 48, 16), (11, 17, 1), (32, 101, 40), (67, 20, 3), (100, 96, 65),
      (197, 64, 32),
    ], KernelPath.supported)
  func forward(shape: (M: Int, N: Int, K: Int), path: KernelPath) {
    let (M, N, K) = shape
    let pool = ThreadPool(threads: 2, path: path)
    let test = LinearCase(M: M, N: N, K: K)
    let naive = Naive.linear(test.input.doubles, test.weight.doubles, M: M, N: N, K: K)
    expectClose(test.forward(pool: pool), naive)
    let biased = Naive.linear(test.input.doubles, test.weight.doubles, bias: test.bias.doubles, M: M, N: N, K: K)
    expectClose(test.forward(bias: test.bias, pool: pool), biased, "with bias")
    let sum = zip(naive, test.dOut).map { $0 + Double($1) }
    expectClose(test.forward(adding: test.dOut, pool: pool), sum, "adding")
  }

  @Test(
    "a row has the same bits in every batch of 1 to 64 and in one of 130, on one thread and on two",
    arguments: [1, 2], KernelPath.supported)
  func batchInvariance(threads: Int, path: KernelPath) {
    let test = LinearCase(M: 130, N: 213, K: 300)
    let threaded = ThreadPool(threads: threads, path: path)
    // 130 rows go the way of long prompts, fewer that of decoding.
    let whole = test.forward(bias: test.bias, pool: ThreadPool(threads: 1, path: path))
    for M in 1...64 {
      for start in Set([0, 130 - M, (130 - M) / 3]).sorted() {
        let part = test.forward(rows: start..<start + M, bias: test.bias, pool: threaded)
        expectSameBits(part, whole[start * test.N..<(start + M) * test.N], "rows \(start) and \(M) more")
      }
    }
  }

  @Test(
    "both gradients equal the finite differences of the naive product",
    arguments: [(3, 5, 4), (20, 33, 17), (41, 7, 9)], KernelPath.supported)
  func backward(shape: (M: Int, N: Int, K: Int), path: KernelPath) {
    let (M, N, K) = shape
    let pool = ThreadPool(threads: 2, path: path)
    let test = LinearCase(M: M, N: N, K: K)
    let (x, w) = (test.input.doubles, test.weight.doubles)
    var dInput = [Float](repeating: .nan, count: M * K)
    linearBackwardInput(
      dInput: &dInput, dOut: test.dOut, weight: test.weight, adding: false, M: M, N: N, K: K, pool: pool)
    expectClose(dInput, numericalGradient(x) { weighted(test.dOut, Naive.linear($0, w, M: M, N: N, K: K)) })
    var dWeight = [Float](repeating: 0, count: N * K)
    linearBackwardWeight(dWeight: &dWeight, dOut: test.dOut, input: test.input, M: M, N: N, K: K, pool: pool)
    expectClose(dWeight, numericalGradient(w) { weighted(test.dOut, Naive.linear(x, $0, M: M, N: N, K: K)) })
    var dBias = [Float](repeating: 0, count: N)
    linearBackwardBias(dBias: &dBias, dOut: test.dOut, M: M, N: N, pool: pool)
    expectClose(dBias, (0..<N).map { n in (0..<M).reduce(0.0) { $0 + Double(test.dOut[$1 * N + n]) } })
  }

  @Test("gradients of many rows and of a long sum equal the naive ones", arguments: KernelPath.supported)
  func longBackward(path: KernelPath) {
    let test = LinearCase(M: 300, N: 530, K: 37)
    let (dInput, dWeight) = test.backward(pool: ThreadPool(threads: 2, path: path))
    let (M, N, K) = (test.M, test.N, test.K)
    func transposed(_ x: [Float], rows: Int) -> [Double] {
      let columns = x.count / rows
      return (0..<x.count).map { Double(x[$0 % rows * columns + $0 / rows]) }
    }
    expectClose(dInput, Naive.linear(test.dOut.doubles, transposed(test.weight, rows: N), M: M, N: K, K: N))
    expectClose(
      dWeight, Naive.linear(transposed(test.dOut, rows: M), transposed(test.input, rows: M), M: N, N: K, K: M))
  }

  @Test(
    "gradients have the same bits on one thread and on two, and add to what is there", arguments: KernelPath.supported)
  func backwardThreads(path: KernelPath) {
    let test = LinearCase(M: 150, N: 208, K: 96)
    let results = [1, 2].map { threads -> [Float] in
      let pool = ThreadPool(threads: threads, path: path)
      var dInput = test.input
      linearBackwardInput(
        dInput: &dInput, dOut: test.dOut, weight: test.weight, adding: true, M: test.M, N: test.N, K: test.K, pool: pool
      )
      var dWeight = test.weight
      linearBackwardWeight(
        dWeight: &dWeight, dOut: test.dOut, input: test.input, M: test.M, N: test.N, K: test.K, pool: pool)
      return dInput + dWeight
    }
    expectSameBits(results[0], results[1])
    let pool = ThreadPool(threads: 2, path: path)
    var alone = [Float](repeating: 0, count: test.M * test.K)
    linearBackwardInput(
      dInput: &alone, dOut: test.dOut, weight: test.weight, adding: false, M: test.M, N: test.N, K: test.K, pool: pool)
    expectClose(
      Array(results[0].prefix(alone.count)), zip(alone, test.input).map { Double($0) + Double($1) })
  }
}
