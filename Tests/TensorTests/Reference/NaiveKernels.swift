import Glibc

/// The kernels as their definitions say, in double precision and without any cleverness: the oracle of the fast ones.
enum Naive {
  /// out (M,N) = input (M,K) · weightᵀ (N,K) + bias
  static func linear(_ input: [Double], _ weight: [Double], bias: [Double]? = nil, M: Int, N: Int, K: Int) -> [Double] {
    var out = [Double](repeating: 0, count: M * N)
    for m in 0..<M {
      for n in 0..<N {
        var sum = bias?[n] ?? 0
        for k in 0..<K { sum += input[m * K + k] * weight[n * K + k] }
        out[m * N + n] = sum
      }
    }
    return out
  }

  static func rmsNorm(_ input: [Double], _ weight: [Double], epsilon: Double, M: Int, C: Int) -> [Double] {
    (0..<M).flatMap { m in
      let row = input[m * C..<(m + 1) * C]
      let scale = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(C) + epsilon).squareRoot()
      return zip(row, weight).map { $0 * scale * $1 }
    }
  }

  static func swiglu(_ gate: [Double], _ up: [Double]) -> [Double] { zip(gate, up).map { $0 / (1 + exp(-$0)) * $1 } }

  static func rope(
    _ x: [Double], positions: [Int32], theta: Double, interleaved: Bool, heads: Int, HS: Int
  ) -> [Double] {
    var out = x
    for (m, position) in positions.enumerated() {
      for head in 0..<heads {
        for i in 0..<HS / 2 {
          let angle = Double(position) * pow(theta, -2 * Double(i) / Double(HS))
          let start = (m * heads + head) * HS
          let (a, b) = interleaved ? (start + 2 * i, start + 2 * i + 1) : (start + i, start + i + HS / 2)
          out[a] = x[a] * cos(angle) - x[b] * sin(angle)
          out[b] = x[a] * sin(angle) + x[b] * cos(angle)
        }
      }
    }
    return out
  }

  static func logSoftmax(_ row: [Double], inverseTemperature: Double) -> [Double] {
    let z = row.map { $0 * inverseTemperature }
    let highest = z.max() ?? 0
    let total = log(z.reduce(0) { $0 + exp($1 - highest) })
    return z.map { $0 - highest - total }
  }

  /// Causal attention of the sequences in `sequences`, each a list of rows in order of position; only the rows in
  /// `queries` of each are computed. query (M,NH·HS), key and value (M,KVH·HS).
  static func attention(
    query: [Double], key: [Double], value: [Double], sequences: [(rows: [Int], queries: Range<Int>)], NH: Int, KVH: Int,
    HS: Int
  ) -> [Double] {
    var out = [Double](repeating: 0, count: query.count)
    for sequence in sequences {
      for position in sequence.queries {
        for head in 0..<NH {
          let q = (sequence.rows[position] * NH + head) * HS
          let kv = sequence.rows[0...position].map { ($0 * KVH + head * KVH / NH) * HS }
          let scores = kv.map { k in (0..<HS).reduce(0.0) { $0 + query[q + $1] * key[k + $1] } }
          let weights = logSoftmax(scores, inverseTemperature: 1 / Double(HS).squareRoot()).map { exp($0) }
          for d in 0..<HS { out[q + d] = zip(kv, weights).reduce(0) { $0 + $1.1 * value[$1.0 + d] } }
        }
      }
    }
    return out
  }
}
