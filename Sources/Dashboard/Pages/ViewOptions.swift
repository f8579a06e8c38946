/// What the query says about the charts of a page: which iterations, and over how many a point is a mean.
struct ViewOptions: Sendable {
  let span: Span
  let window: Int
  private let from: Int?
  private let to: Int?

  private static let iterationsMax = 10_000_000

  /// - Parameter last: the newest iteration there is.
  init(_ visit: Visit, last: Int) {
    from = visit.number("from", in: 0...Self.iterationsMax)
    to = visit.number("to", in: 0...Self.iterationsMax)
    window = visit.number("smooth", in: 1...1000) ?? 1
    span = Span(from: from ?? 0, to: to ?? max(last, 1))
  }

  /// The same page with these options.
  func link(_ link: Link) -> Link {
    link.with("smooth", window == 1 ? nil : window).with("from", from).with("to", to)
  }

  /// The fields that change them.
  var fields: HTML {
    let windows = Smoothing.windows.contains(window) ? Smoothing.windows : (Smoothing.windows + [window]).sorted()
    return """
      \(Parts.select(
        "smooth", label: "Mean over", choices: windows.map { ("\($0)", $0 == 1 ? "1 iteration" : "\($0) iterations") },
        chosen: "\(window)"))
      \(Parts.numberField("from", label: "From", value: from)) \(Parts.numberField("to", label: "to", value: to))
      """
  }

  /// What a point is, where it is not one iteration.
  var note: HTML {
    span.width == 1
      ? .nothing
      : "<p class=\"note\">A point is \(span.width) iterations; updates show the smallest and the largest of them.</p>"
  }
}
