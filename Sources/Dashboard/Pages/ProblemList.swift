/// `/experiments/NAME/problems`: its problems, filtered and ordered.
struct ProblemList: Sendable {
  let frame: ExperimentFrame

  private static let rowsMax = 50
  private static let outcomes = [
    ("", "any outcome"), ("learnable", "some probes right"), ("unsolved", "no probe right"),
    ("always_solved", "all probes right"),
  ]

  func page() async throws(PageError) -> Page {
    let visit = frame.visit
    let order = visit.choice("order").flatMap(ProblemRow.Order.init(rawValue:)) ?? .newest
    let kind = visit.choice("kind")
    let outcome = visit.choice("outcome").flatMap { chosen in Self.outcomes.contains { $0.0 == chosen } ? chosen : nil }
    let iteration = visit.number("iteration", in: 0...10_000_000)
    let offset = visit.number("offset", in: 0...10_000_000) ?? 0
    let rows: [ProblemRow] = try await visit.rows(
      ProblemRow.page(
        frame.number, order: order, kind: kind, outcome: outcome, iteration: iteration, offset: offset,
        limit: Self.rowsMax))
    let link = Link.experiment(frame.name, "problems").with("order", order == .newest ? nil : order.rawValue).with(
      "kind", kind
    )
    .with("outcome", outcome).with("iteration", iteration)
    let pager = Parts.pager(
      previous: offset > 0 ? link.with("offset", offset > Self.rowsMax ? offset - Self.rowsMax : nil) : nil,
      next: rows.count == Self.rowsMax ? link.with("offset", offset + Self.rowsMax) : nil,
      words: rows.isEmpty ? "none" : "\(offset + 1) to \(offset + rows.count)")
    return frame.page(
      "Problems", tab: "problems",
      """
      <h2 class="hidden">Problems</h2>
      <form class="filters" method="get">
      \(Parts.select("kind", label: "Kind", choices: [("", "all")] + Parts.kinds.map { ($0, $0) }, chosen: kind))
      \(Parts.select("outcome", label: "Probes", choices: Self.outcomes.map { ($0.0, $0.1) }, chosen: outcome))
      \(Parts.numberField("iteration", label: "Iteration", value: iteration))
      \(Parts.select("order", label: "Order", choices: ProblemRow.Order.allCases.map { ($0.rawValue, $0.title) }, chosen: order.rawValue))
      <button>Show</button></form>
      \(Self.table(rows, experiment: frame.name))\(pager)
      """)
  }

  static func table(_ rows: [ProblemRow], experiment: String) -> HTML {
    guard !rows.isEmpty else { return "<p class=\"empty\">No problems.</p>" }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="Table of problems"><table class="rows problems">
      <thead><tr><th scope="col">Problem</th><th scope="col">Program</th><th scope="col" class="wide">Input → output</th>
      <th scope="col">Probes</th><th scope="col" class="figure wide">Learnability</th><th scope="col" class="wide">All attempts</th></tr></thead>
      <tbody>\(rows.html { row in
        """
        <tr><th scope="row"><a href="\(Link.problem(row.problem, of: experiment))">\(row.problem)</a>\
        <span class="sub">\(Parts.kind(row.kind))</span></th>
        <td><pre class="code small">\(row.program.map(clipped) ?? "<span class=\"quiet\">given</span>")</pre></td>
        <td class="wide"><code>\(clip(row.input))</code><span class="quiet"> → </span><code>\(clip(row.output))</code></td>
        <td>\(Parts.solved(row.probesCorrect, of: row.probes))</td>
        <td class="figure wide">\(Format.decimal(row.learnability, 2))</td>
        <td class="wide">\(Parts.solved(row.correct, of: row.attempts))</td></tr>
        """
      })</tbody></table></div>
      """
  }

  /// The first lines of a program.
  private static func clipped(_ program: String) -> HTML {
    let lines = program.split(separator: "\n", omittingEmptySubsequences: false)
    let shown = lines.prefix(4).map { $0.count > 80 ? $0.prefix(79) + "…" : $0[...] }.joined(separator: "\n")
    return PythonHighlighter.html(shown + (lines.count > 4 ? "\n…" : ""))
  }

  private static func clip(_ text: String?) -> String {
    guard let text else { return Format.none }
    return text.count > 60 ? text.prefix(59) + "…" : text
  }
}
