/// `/experiments/NAME/evaluations`: how good its weights are on suites it never trained on.
struct EvaluationPage: Sendable {
  let frame: ExperimentFrame

  func page() async throws(PageError) -> Page {
    let rows: [ScoreRow] = try await frame.visit.rows(ScoreRow.of(frame.name))
    guard !rows.isEmpty else {
      return frame.page(
        "Evaluations", tab: "evaluations",
        """
        <h2 class="hidden">Evaluations</h2><p class="empty">Its weights have not been evaluated. <code>autodidact evaluate \(frame.name)</code> \
        measures them on a frozen suite.</p>
        """)
    }
    let suites = Dictionary(grouping: rows, by: \.suite).sorted { $0.key < $1.key }
    return frame.page(
      "Evaluations", tab: "evaluations",
      "<h2 class=\"hidden\">Evaluations</h2>\(suites.html { suite($0.key, $0.value) })")
  }

  private func suite(_ name: String, _ rows: [ScoreRow]) -> HTML {
    let whole = rows.filter { $0.kind == nil }
    let kinds = Set(rows.compactMap(\.kind)).sorted()
    let greedy = whole.filter { $0.temperature == 0 }
    let curve: HTML =
      greedy.count < 2
      ? .nothing
      : Chart(
        name: "evaluation-\(name.filter(\.isLetter))", title: "Right answers by policy version",
        note: "Greedy answers to the suite.",
        unit: .share, axis: "policy version", x: greedy.map(\.policyVersion),
        series: [Chart.Series(name: name, color: 5, values: greedy.map(\.passAt1))]
      ).html
    return """
      <section class="part"><h2>\(name)</h2>\(curve)
      <div class="scroll" tabindex="0" role="region" aria-label="\("Scores on " + name)"><table class="rows"><thead><tr><th scope="col" class="figure">Version</th><th scope="col" class="figure">Temperature</th>
      <th scope="col" class="figure">Problems</th><th scope="col">Right</th><th scope="col" class="figure">Score</th><th scope="col" class="figure">95 % interval</th>\(kinds.html {
        "<th scope=\"col\" class=\"figure\">\($0)</th>"
      })<th scope="col" class="figure">Malformed</th></tr></thead><tbody>\(whole.html { row in
        let parts = Dictionary(
          rows.filter { $0.evaluation == row.evaluation && $0.kind != nil }.map { ($0.kind ?? "", $0.passAt1) },
          uniquingKeysWith: { first, _ in first })
        let unfinished: HTML = row.isComplete ? .nothing : " <span class=\"quiet\">going on</span>"
        return """
          <tr><th scope="row" class="figure">\(row.policyVersion)</th><td class="figure">\(Format.short(row.temperature))</td>\
          <td class="figure">\(row.problems)</td><td>\(Parts.solved(row.correct, of: row.answers))\(unfinished)</td>\
          <td class="figure">\(Format.decimal(row.passAt1 * 100, 1)) %</td>\
          <td class="figure">\(interval(row))</td>\(kinds.html { "<td class=\"figure\">\(Format.percent(parts[$0]))</td>" })\
          <td class="figure">\(row.malformed)</td></tr>
          """
      })</tbody></table></div></section>
      """
  }

  private func interval(_ row: ScoreRow) -> String {
    guard let low = row.passAt1Low, let high = row.passAt1High else { return Format.none }
    return "\(Format.decimal(low * 100, 1)) to \(Format.decimal(high * 100, 1))"
  }
}
