/// A row of bars, one a value: `▁▂▅█`. Values that are missing are gaps.
package enum Sparkline {
  private static let bars = Array("▁▂▃▄▅▆▇█")

  /// - Parameters:
  ///   - values: the newest last; only so many of the last are drawn.
  ///   - width: in columns.
  package static func text(_ values: [Double?], width: Int) -> String {
    let shown = values.suffix(max(0, width))
    let known = shown.compactMap { $0 }.filter(\.isFinite)
    guard let low = known.min(), let high = known.max() else { return String(repeating: " ", count: shown.count) }
    return String(
      shown.map { value -> Character in
        guard let value, value.isFinite else { return " " }
        guard high > low else { return bars[3] }
        return bars[min(7, Int((value - low) / (high - low) * 8))]
      })
  }

  /// A bar of a share of 1.
  package static func bar(_ share: Double, width: Int) -> String {
    let filled = share.isFinite ? max(0, min(width, Int((share * Double(width)).rounded()))) : 0
    return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
  }
}
