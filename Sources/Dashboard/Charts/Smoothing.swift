/// A share of counts over a window of buckets: right ones of all, pooled, so that a large iteration weighs more than a small one.
struct Share: Sendable {
  var part: Int
  var whole: Int

  var value: Double? { whole > 0 ? Double(part) / Double(whole) : nil }

  static func + (left: Share, right: Share) -> Share {
    Share(part: left.part + right.part, whole: left.whole + right.whole)
  }
}

/// Curves over trailing windows: a point is about itself and the `window` − 1 points before it.
enum Smoothing {
  /// The windows that are offered.
  static let windows = [1, 3, 5, 10, 25, 100]

  static func shares(_ shares: [Share?], window: Int) -> [Double?] {
    shares.indices.map { index in
      guard shares[index] != nil else { return nil }
      return shares[max(0, index - window + 1)...index].compactMap(\.self).reduce(Share(part: 0, whole: 0), +).value
    }
  }

  static func means(_ values: [Double?], window: Int) -> [Double?] {
    values.indices.map { index in
      guard values[index] != nil else { return nil }
      let present = values[max(0, index - window + 1)...index].compactMap(\.self).filter(\.isFinite)
      return present.isEmpty ? nil : present.reduce(0, +) / Double(present.count)
    }
  }
}

/// A curve of smallest and largest values: two points a bucket where a bucket is several iterations, else one.
struct Envelope: Sendable {
  let x: [Int]
  let values: [Double?]

  init(iterations: [Int], low: [Double?], high: [Double?], width: Int, window: Int) {
    guard width > 1 else {
      x = iterations
      values = Smoothing.means(low, window: window)
      return
    }
    x = iterations.flatMap { [$0, $0 + width / 2] }
    let lows = Smoothing.means(low, window: window)
    let highs = Smoothing.means(high, window: window)
    values = lows.indices.flatMap { [lows[$0], highs[$0]] }
  }
}
