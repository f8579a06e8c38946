import FoundationEssentials

/// A chart: its data travel in an attribute to the script that draws it; a summary in words and a table stand beside it, and are all
/// there is without the script or the library.
struct Chart: Sendable {
  /// How the figures are written.
  enum Unit: String, Encodable, Sendable {
    case share, number, seconds
    /// Elo points, which nobody reads decimals of.
    case points

    func text(_ value: Double?) -> String {
      switch self {
      case .share: Format.percent(value)
      case .number: Format.short(value)
      case .seconds: Format.duration(seconds: value)
      case .points: Format.decimal(value, 0)
      }
    }
  }

  enum Shape: String, Encodable, Sendable {
    case line
    /// Areas on top of each other.
    case stacked
  }

  /// One curve.
  struct Series: Encodable, Sendable {
    let name: String
    /// 1 to 8: which colour of the style sheet.
    let color: Int
    var dashed = false
    var values: [Double?]
    /// The ends of an interval around each value, drawn as a band; nil draws none.
    var low: [Double?]?
    var high: [Double?]?
  }

  /// Name in links, unique on the page.
  let name: String
  let title: String
  /// What it says, for somebody who sees it for the first time.
  let note: String
  var shape = Shape.line
  let unit: Unit
  /// What the horizontal axis counts.
  var axis = "iteration"
  let x: [Int]
  let series: [Series]
  /// Where the vertical axis ends, for shares.
  var limit: Double?

  /// So many rows of the table are shown, the newest.
  private static let tableRowsMax = 120

  var isEmpty: Bool { !series.contains { $0.values.contains { $0 != nil } } }

  var html: HTML {
    guard !isEmpty else {
      return """
        <figure class="chart" id="\(name)"><figcaption><h3>\(title)</h3><p class="note">\(note)</p></figcaption>
        <p class="empty">Nothing to show yet.</p></figure>
        """
    }
    return """
      <figure class="chart" id="\(name)">
      <figcaption><h3>\(title)</h3><p class="note">\(note)</p></figcaption>
      \(legend)
      <div class="plot" data-chart="\(data)" role="img" aria-label="\(title + ". " + summary)"></div>
      <details><summary>In words and figures</summary><p>\(summary)</p>\(table)</details>
      </figure>
      """
  }

  private var legend: HTML {
    """
    <ul class="legend">\(series.html { series in
      "<li class=\"c\(series.color)\(series.dashed ? " dashed" : "")\"><span class=\"swatch\"></span>\(series.name) <b>\(unit.text(series.last))</b></li>"
    })</ul>
    """
  }

  /// Each curve's way from the first to the last point.
  var summary: String {
    series.compactMap { series in
      guard let first = series.first, let last = series.last, let low = series.present.min(),
        let high = series.present.max()
      else { return nil }
      let range = "between \(unit.text(low)) and \(unit.text(high))"
      return series.present.count == 1
        ? "\(series.name): \(unit.text(last))."
        : "\(series.name): from \(unit.text(first)) to \(unit.text(last)), \(range)."
    }.joined(separator: " ")
  }

  private var table: HTML {
    let shown = x.indices.suffix(Self.tableRowsMax)
    let cut: HTML =
      shown.count < x.count ? "<p class=\"note\">The newest \(shown.count) of \(x.count) points.</p>" : .nothing
    return """
      \(cut)<div class="scroll" tabindex="0" role="region" aria-label="\("Table of " + title)"><table><thead><tr><th scope="col">\(axis)</th>\(series.html {
        "<th scope=\"col\" class=\"figure\">\($0.name)</th>"
      })</tr></thead><tbody>\(shown.html { row in
        "<tr><th scope=\"row\">\(x[row])</th>\(series.html { "<td class=\"figure\">\(cell($0, row))</td>" })</tr>"
      })</tbody></table></div>
      """
  }

  private func cell(_ series: Series, _ row: Int) -> String {
    let value = unit.text(series.values[row])
    guard series.values[row] != nil, let low = series.low?[row], let high = series.high?[row] else { return value }
    return "\(value) (\(unit.text(low)) to \(unit.text(high)))"
  }

  private struct Payload: Encodable {
    let shape: Shape
    let unit: Unit
    let axis: String
    let x: [Int]
    let series: [Series]
    let limit: Double?
  }

  private var data: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    let rounded = series.map { series in
      var copy = series
      copy.values = series.values.map { $0.map(Self.rounded) }
      copy.low = series.low?.map { $0.map(Self.rounded) }
      copy.high = series.high?.map { $0.map(Self.rounded) }
      return copy
    }
    guard
      let data = try? encoder.encode(Payload(shape: shape, unit: unit, axis: axis, x: x, series: rounded, limit: limit))
    else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }

  /// Five digits are more than a screen shows, and half the bytes.
  private static func rounded(_ value: Double) -> Double {
    guard value.isFinite, value != 0 else { return value }
    var scale = 100_000.0
    var magnitude = value.magnitude
    while magnitude >= 1, scale > 1 {
      magnitude /= 10
      scale /= 10
    }
    while magnitude < 0.1, scale < 1e15 {
      magnitude *= 10
      scale *= 10
    }
    return (value * scale).rounded() / scale
  }
}

extension Chart.Series {
  fileprivate var present: [Double] { values.compactMap(\.self).filter(\.isFinite) }
  var first: Double? { present.first }
  var last: Double? { present.last }
}
