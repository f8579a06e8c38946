import Glibc
import Tensor
import Testing

@Suite("Norm, rotation, activation, embedding")
struct PointwiseTests {
  @Test(
    "the vector exponential is within 2 units in the last place, and exactly zero below the normal numbers",
    arguments: KernelPath.supported)
  func exponential(path: KernelPath) {
    let inputs = (0..<400_000).map { Float($0) / 400_000 * 175.3 - 87.3 }
    var out = [Float](repeating: .nan, count: inputs.count)
    expForward(out: &out, input: inputs, count: inputs.count, path: path)
    var worst = 0.0
    for (x, y) in zip(inputs, out) {
      let exact = exp(Double(x))
      worst = max(worst, abs(Double(y) - exact) / Double(Float(exact).ulp))
    }
    #expect(worst <= 2, "\(worst) units in the last place")
    var edges: [Float] = [0, -88, -1000, -.infinity, 100, 1, -1, 0.5, -0.5]
    expForward(out: &edges, input: edges.map { $0 }, count: edges.count, path: path)
    #expect(edges[0] == 1)
    #expect(edges[1...3].allSatisfy { $0 == 0 })
    #expect(edges[4].isFinite && edges[4] > 1e38)
  }

  @Test(
    "RMSNorm and its gradients equal the naive ones", arguments: [(1, 8), (5, 33), (9, 64), (2, 150)],
    KernelPath.supported)
  func rmsNorm(shape: (M: Int, C: Int), path: KernelPath) {
    let (M, C) = shape
    let pool = ThreadPool(threads: 2, path: path)
    var random = TestRandom(seed: 2)
    let (x, w, dOut) = (random.floats(M * C), random.floats(C), random.floats(M * C))
    var (out, scales) = ([Float](repeating: .nan, count: M * C), [Float](repeating: .nan, count: M))
    rmsNormForward(out: &out, scales: &scales, input: x, weight: w, epsilon: 1e-5, M: M, C: C, pool: pool)
    expectClose(out, Naive.rmsNorm(x.doubles, w.doubles, epsilon: 1e-5, M: M, C: C))
    var (dInput, dWeight) = ([Float](repeating: 0.25, count: M * C), [Float](repeating: 0, count: C))
    rmsNormBackward(
      dInput: &dInput, dWeight: &dWeight, dOut: dOut, input: x, weight: w, scales: scales, adding: true, M: M, C: C,
      pool: pool)
    let gradient = numericalGradient(x.doubles) {
      weighted(dOut, Naive.rmsNorm($0, w.doubles, epsilon: 1e-5, M: M, C: C))
    }
    expectClose(dInput, gradient.map { $0 + 0.25 })
    expectClose(
      dWeight,
      numericalGradient(w.doubles) { weighted(dOut, Naive.rmsNorm(x.doubles, $0, epsilon: 1e-5, M: M, C: C)) })
  }

  @Test(
    "rotation equals the naive one in both orders, and its gradient turns back",
    arguments: [true, false], KernelPath.supported)
  func rope(interleaved: Bool, path: KernelPath) {
    let pool = ThreadPool(threads: 2, path: path)
    let (heads, HS) = (3, 16)
    let positions: [Int32] = [0, 1, 7, 99]
    let table = RopeTable(positionsMax: 100, headSize: HS, theta: 10_000)
    let order: RotaryOrder = interleaved ? .interleavedPairs : .halves
    var random = TestRandom(seed: 3)
    let x = random.floats(4 * heads * HS)
    var rotated = x
    ropeForward(x: &rotated, positions: positions, table: table, order: order, M: 4, heads: heads, pool: pool)
    expectClose(
      rotated,
      Naive.rope(x.doubles, positions: positions, theta: 10_000, interleaved: interleaved, heads: heads, HS: HS))
    let dOut = random.floats(x.count)
    var dx = dOut
    ropeBackward(dx: &dx, positions: positions, table: table, order: order, M: 4, heads: heads, pool: pool)
    let gradient = numericalGradient(x.doubles) {
      weighted(
        dOut, Naive.rope($0, positions: positions, theta: 10_000, interleaved: interleaved, heads: heads, HS: HS))
    }
    expectClose(dx, gradient)
  }

  @Test(
    "SwiGLU and its gradients equal the naive ones, in place too", arguments: [5, 64, 20_000], KernelPath.supported)
  func swiglu(count: Int, path: KernelPath) {
    let pool = ThreadPool(threads: 2, path: path)
    var random = TestRandom(seed: 4)
    var (gate, up) = (random.floats(count, scale: 6), random.floats(count))
    let dOut = random.floats(count)
    var out = [Float](repeating: .nan, count: count)
    swigluForward(out: &out, gate: gate, up: up, count: count, pool: pool)
    expectClose(out, Naive.swiglu(gate.doubles, up.doubles))
    let h = 1e-5
    func slope(_ index: Int, _ byGate: Double, _ byUp: Double) -> Double {
      let (g, u) = (Double(gate[index]), Double(up[index]))
      let above = Naive.swiglu([g + h * byGate], [u + h * byUp])[0]
      let below = Naive.swiglu([g - h * byGate], [u - h * byUp])[0]
      return Double(dOut[index]) * (above - below) / (2 * h)
    }
    let (dGate, dUp) = ((0..<count).map { slope($0, 1, 0) }, (0..<count).map { slope($0, 0, 1) })
    gate.withUnsafeMutableBufferPointer { g in
      up.withUnsafeMutableBufferPointer { u in
        swigluBackward(
          dGate: g.baseAddress!, dUp: u.baseAddress!, dOut: dOut, gate: g.baseAddress!, up: u.baseAddress!,
          count: count,
          pool: pool)
      }
    }
    expectClose(gate, dGate)
    expectClose(up, dUp)
  }

  @Test("embedding picks rows and its gradient adds them up where they came from", arguments: KernelPath.supported)
  func embedding(path: KernelPath) {
    let pool = ThreadPool(threads: 2, path: path)
    let table: [Float] = (0..<30).map { Float($0) }
    let tokens: [Int32] = [4, 0, 4]
    var out = [Float](repeating: .nan, count: 9)
    embeddingForward(out: &out, tokens: tokens, table: table, M: 3, C: 3, pool: pool)
    #expect(out == [12, 13, 14, 0, 1, 2, 12, 13, 14])
    var dTable = [Float](repeating: 0, count: 30)
    embeddingBackward(dTable: &dTable, dOut: [1, 2, 3, 4, 5, 6, 7, 8, 9], tokens: tokens, M: 3, C: 3, pool: pool)
    #expect(Array(dTable[12..<15]) == [8, 10, 12])
    #expect(Array(dTable[0..<3]) == [4, 5, 6])
    #expect(dTable.reduce(0, +) == 45)
  }
}
