/// A curve the size of a word, drawn on the server.
enum Sparkline {
  private static let width = 120.0
  private static let height = 28.0

  /// - Parameters:
  ///   - values: in order; gaps are left out.
  ///   - label: what it is, for those who do not see it.
  static func svg(_ values: [Double?], label: String) -> HTML {
    let present = values.compactMap(\.self).filter(\.isFinite)
    guard let low = present.min(), let high = present.max(), let last = present.last, present.count > 1 else {
      return "<span class=\"quiet\">–</span>"
    }
    let range = high - low > 0 ? high - low : 1
    let step = (width - 6) / Double(present.count - 1)
    func y(_ value: Double) -> Double { high > low ? height - 4 - (value - low) / range * (height - 8) : height / 2 }
    let points = present.indices.map { index in
      Format.decimal(2 + Double(index) * step, 1) + "," + Format.decimal(y(present[index]), 1)
    }
    return """
      <svg class="spark" viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-label="\(label)">\
      <polyline points="\(points.joined(separator: " "))"/>\
      <circle cx="\(Format.decimal(width - 4, 1))" cy="\(Format.decimal(y(last), 1))" r="2.2"/></svg>
      """
  }
}
