/// `/`: all experiments, the most recently active first.
struct ExperimentList: Sendable {
  let visit: Visit

  private static let rowsMax = 100

  func page() async throws(PageError) -> Page {
    let offset = visit.number("offset", in: 0...1_000_000) ?? 0
    let rows: [ExperimentRow] = try await visit.rows(ExperimentRow.page(offset: offset, limit: Self.rowsMax))
    let sparks: [SparkRow] = try await visit.rows(SparkRow.of(rows.map(\.number)))
    let table = self.table(rows, Dictionary(grouping: sparks, by: \.number), offset: offset)
    if visit.request.value("fragment") == "experiments" { return Page(title: "Experiments", body: table) }
    return Page(
      title: "Experiments",
      body: """
        <div class="title"><h1>Experiments</h1><p class="note">The most recently active first. The small curve is the share of all \
        attempts that were right, by iteration, on problems of the experiment’s own making.</p></div>
        <section data-fragment="experiments">\(table)</section>
        """, live: "")
  }

  private func table(_ rows: [ExperimentRow], _ sparks: [Int32: [SparkRow]], offset: Int) -> HTML {
    guard !rows.isEmpty else {
      return """
        <p class="empty">There are no experiments yet. <code>autodidact create configs/quickstart.yaml --name first</code>, then \
        <code>autodidact run first</code>.</p>
        """
    }
    let older = rows.count == Self.rowsMax ? Link().with("offset", offset + Self.rowsMax) : nil
    let newer = offset > 0 ? Link().with("offset", max(0, offset - Self.rowsMax)) : nil
    return """
      <form action="/compare" method="get" class="list">
      <div class="scroll" tabindex="0" role="region" aria-label="Experiments"><table class="rows">
      <thead><tr><th scope="col" class="pick"><span class="hidden">Compare</span></th><th scope="col">Experiment</th><th scope="col">State</th>
      <th scope="col" class="figure wide">Iterations</th><th scope="col">Solved</th><th scope="col" class="figure wide">Events</th>
      <th scope="col" class="wide">Model</th><th scope="col">Last event</th></tr></thead>
      <tbody>\(rows.html { row($0, sparks[$0.number] ?? []) })</tbody></table></div>
      <p class="actions"><button>Compare the chosen</button> <span class="quiet">two to six</span></p></form>
      \((older != nil || newer != nil) ? Parts.pager(previous: newer, next: older, words: "from \(offset + 1)") : .nothing)
      """
  }

  private func row(_ row: ExperimentRow, _ sparks: [SparkRow]) -> HTML {
    let rates = sparks.map(\.rate)
    let last = rates.last ?? nil
    let label =
      "Share of attempts solved, \(Format.percent(rates.first ?? nil)) at first, \(Format.percent(last)) at last"
    let parent: HTML = row.parent.map { "<span class=\"quiet sub\">a fork of \($0)</span>" } ?? .nothing
    let priority: HTML =
      row.priority == 0 ? .nothing : "<span class=\"quiet sub\">priority \(row.priority)</span>"
    return """
      <tr><td class="pick"><input type="checkbox" name="experiment" value="\(row.name)" aria-label="\("Compare " + row.name)"></td>
      <th scope="row"><a href="\(Link.experiment(row.name))">\(row.name)</a>\(AnnotationPart.tags(row.tags))\(parent)</th>
      <td>\(Parts.state(row.state))\(priority)</td>
      <td class="figure wide">\(row.iterations)<span class="quiet"> of \(row.planned)</span></td>
      <td class="sparked">\(Sparkline.svg(rates, label: label)) <span class="figure">\(Format.percent(last))</span></td>
      <td class="figure wide">\(Format.count(Int(row.events)))</td><td class="wide">\(row.model)</td>
      <td>\(Format.time(row.activeAt))</td></tr>
      """
  }
}
