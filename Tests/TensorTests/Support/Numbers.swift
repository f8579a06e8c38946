import Tensor
import Testing

/// Random numbers for tests (SplitMix64): the same seed gives the same numbers everywhere.
struct TestRandom {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// `count` numbers in −scale…scale.
  mutating func floats(_ count: Int, scale: Float = 1) -> [Float] {
    (0..<count).map { _ in (Float(next() >> 40) / Float(1 << 23) - 1) * scale }
  }
}

extension [Float] {
  var doubles: [Double] { map { Double($0) } }
}

/// Σ weights·values: turns the output of a kernel into one number whose gradient is known.
func weighted(_ weights: [Float], _ values: [Double]) -> Double {
  zip(weights, values).reduce(0) { $0 + Double($1.0) * $1.1 }
}

/// The gradient of `function` at `point` by central differences in double precision.
func numericalGradient(_ point: [Double], _ function: ([Double]) -> Double) -> [Double] {
  let h = 1e-5
  var x = point
  return point.indices.map { index in
    x[index] = point[index] + h
    let above = function(x)
    x[index] = point[index] - h
    let below = function(x)
    x[index] = point[index]
    return (above - below) / (2 * h)
  }
}

/// Expects equality within `tolerance` of the largest expected magnitude.
func expectClose(
  _ actual: [Float], _ expected: [Double], tolerance: Double = 2e-5, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.count == expected.count, sourceLocation: sourceLocation)
  let scale = max(expected.map(abs).max() ?? 0, 1e-3)
  let worst = zip(actual, expected).map { abs(Double($0) - $1) }.max() ?? 0
  #expect(worst <= tolerance * scale, "\(what): off by \(worst) at a scale of \(scale)", sourceLocation: sourceLocation)
}

/// Expects equal bits.
func expectSameBits(
  _ a: some Sequence<Float>, _ b: some Sequence<Float>, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(a.map(\.bitPattern) == b.map(\.bitPattern), "\(what)", sourceLocation: sourceLocation)
}
