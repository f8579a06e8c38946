/// `/compare?experiment=A&experiment=B`: two to six experiments: their curves over each other, their settings beside each other.
struct Comparison: Sendable {
  let visit: Visit

  private static let experimentsMax = 6
  private static let choicesMax = 200

  func page() async throws(PageError) -> Page {
    var names: [String] = []
    for (name, value) in visit.request.query where name == "experiment" && !value.isEmpty && !names.contains(value) {
      names.append(value)
    }
    var rows: [ExperimentRow] = []
    for name in names.prefix(Self.experimentsMax) {
      if let row: ExperimentRow = try await visit.first(ExperimentRow.named(name)) { rows.append(row) }
    }
    let options = ViewOptions(visit, last: rows.map(\.iterations).max() ?? 1)
    let body = rows.count < 2 ? HTML.nothing : try await comparison(rows, options)
    if visit.request.value("fragment") == "comparison" { return Page(title: "Compare", body: body) }
    let tooMany: HTML =
      names.count > Self.experimentsMax ? "<p class=\"notice\">The first six are compared.</p>" : .nothing
    return Page(
      title: rows.isEmpty ? "Compare" : rows.map(\.name).joined(separator: ", "),
      body: """
        <div class="title"><h1>Compare</h1></div>
        \(try await form(rows.map(\.name), options))\(tooMany)
        <div data-fragment="comparison">\(body)</div>
        """, live: rows.contains(where: \.isLive) ? "" : nil)
  }

  private func form(_ chosen: [String], _ options: ViewOptions) async throws(PageError) -> HTML {
    let all: [ExperimentRow] = try await visit.rows(ExperimentRow.page(offset: 0, limit: Self.choicesMax))
    let isOpen: HTML = chosen.count < 2 ? " open" : ""
    return """
      <form class="filters" method="get" action="/compare">
      <details class="choices"\(isOpen)><summary>\(chosen.count < 2 ? "Choose two to six experiments" : "Experiments")</summary><ul>\(all.html { row in
        let isChosen: HTML = chosen.contains(row.name) ? " checked" : ""
        return "<li><label><input type=\"checkbox\" name=\"experiment\" value=\"\(row.name)\"\(isChosen)> \(row.name)</label></li>"
      })</ul></details>
      \(options.fields) <button>Compare</button></form>
      """
  }

  private func comparison(_ rows: [ExperimentRow], _ options: ViewOptions) async throws(PageError) -> HTML {
    var tables: [(row: ExperimentRow, kinds: KindTable, updates: UpdateTable, seconds: Double)] = []
    var settings: [[SettingRow]] = []
    for row in rows {
      // Beside each other, on a session each: the first paint waits for the slowest, not for the sum.
      async let phased = Result.of { () async throws(PageError) -> [PhaseRow] in
        try await visit.rows(PhaseRow.of(row.number, options.span))
      }
      let kinds: [KindRow] = try await visit.rows(KindRow.of(row.number, options.span))
      let updates: [UpdateRow] = try await visit.rows(UpdateRow.of(row.number, options.span))
      let phases = try await phased.get()
      tables.append(
        (
          row, KindTable(kinds, window: options.window),
          UpdateTable(updates, width: options.span.width, window: options.window),
          PhaseTable(phases).seconds
        ))
      settings.append(try await visit.rows(ExperimentRow.settings(row.number)))
    }
    func shares(_ name: String, _ title: String, _ note: String, _ share: (KindRow) -> Share) -> HTML {
      Self.chart(
        name, title, note, .share,
        tables.map { ($0.row.name, $0.kinds.x, $0.kinds.curve($0.row.name, color: 1, share).values) })
    }
    func figures(_ name: String, _ title: String, _ note: String, _ envelope: (UpdateTable) -> Envelope) -> HTML {
      Self.chart(
        name, title, note, .number, tables.map { ($0.row.name, envelope($0.updates).x, envelope($0.updates).values) })
    }
    return """
      \(options.note)<h2 class="hidden">Curves</h2><div class="charts">\
      \(shares("solving", "Solved, of the problems trained on", "Right answers among the trained attempts.") {
        Share(part: $0.solvesCorrect, whole: $0.solves)
      })\
      \(shares("probing", "Solved, of the problems just proposed", "Right answers among the probes.") {
        Share(part: $0.probesCorrect, whole: $0.probes)
      })\
      \(figures("proposer", "Proposer’s reward", "Mean over the proposals of an iteration.", \.proposer))\
      \(figures("solver", "Solver’s reward", "Mean over the trained attempts of an iteration.", \.solver))\
      \(shares("validity", "Valid proposals", "Share of proposals that became problems.") {
        Share(part: $0.accepted, whole: $0.proposals)
      })\
      \(figures("entropy", "Entropy", "Mean over the trained tokens, in nats.", \.entropy))</div>
      <section class="part"><h2>In figures</h2>\(Self.summary(tables.map { ($0.row, $0.kinds, $0.seconds) }))</section>
      <section class="part"><h2>Settings that differ</h2>\(Self.differences(rows.map(\.name), settings))</section>
      """
  }

  /// Curves of several experiments over one axis.
  private static func chart(
    _ name: String, _ title: String, _ note: String, _ unit: Chart.Unit,
    _ curves: [(name: String, x: [Int], values: [Double?])]
  ) -> HTML {
    let x = Set(curves.flatMap(\.x)).sorted()
    let series = curves.enumerated().map { index, curve in
      let values = Dictionary(zip(curve.x, curve.values), uniquingKeysWith: { first, _ in first })
      return Chart.Series(name: curve.name, color: index + 1, values: x.map { values[$0] ?? nil })
    }
    return Chart(name: name, title: title, note: note, unit: unit, x: x, series: series).html
  }

  private static func summary(_ tables: [(row: ExperimentRow, kinds: KindTable, seconds: Double)]) -> HTML {
    func last(_ kinds: KindTable, _ share: (KindRow) -> Share) -> String {
      Format.percent(kinds.total(share).compactMap(\.self).suffix(5).reduce(Share(part: 0, whole: 0), +).value)
    }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="Experiments in figures"><table class="rows"><thead><tr><th scope="col">Experiment</th><th scope="col">State</th>
      <th scope="col" class="figure">Iterations</th><th scope="col" class="figure">Updates</th><th scope="col" class="figure">Solved</th>
      <th scope="col" class="figure">Solved when new</th><th scope="col" class="figure">Valid</th><th scope="col" class="figure">Learnable</th>
      <th scope="col" class="figure">Time</th></tr></thead><tbody>\(tables.enumerated().html { index, table in
        """
        <tr><th scope="row"><span class="c\(index + 1)"><span class="swatch"></span></span> <a href="\(Link.experiment(table.row.name))">\(table.row.name)</a></th>\
        <td>\(Parts.state(table.row.state))</td><td class="figure">\(table.row.iterations)</td><td class="figure">\(table.row.policyVersion)</td>\
        <td class="figure">\(last(table.kinds) { Share(part: $0.solvesCorrect, whole: $0.solves) })</td>\
        <td class="figure">\(last(table.kinds) { Share(part: $0.probesCorrect, whole: $0.probes) })</td>\
        <td class="figure">\(last(table.kinds) { Share(part: $0.accepted, whole: $0.proposals) })</td>\
        <td class="figure">\(last(table.kinds) { Share(part: $0.learnable, whole: $0.probed) })</td>\
        <td class="figure">\(Format.duration(seconds: table.seconds))</td></tr>
        """
      })</tbody></table></div><p class="note">Shares are of the last five iterations.</p>
      """
  }

  private static func differences(_ names: [String], _ settings: [[SettingRow]]) -> HTML {
    let values = settings.map { Dictionary($0.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first }) }
    let keys = Set(values.flatMap(\.keys)).sorted().filter { key in Set(values.map { $0[key] }).count > 1 }
    guard !keys.isEmpty else { return "<p class=\"empty\">None: the same settings, seed and model.</p>" }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="Settings that differ"><table class="rows"><thead><tr><th scope="col">Key</th>\(names.html {
        "<th scope=\"col\">\($0)</th>"
      })</tr></thead><tbody>\(keys.html { key in
        "<tr><th scope=\"row\"><code>\(key)</code></th>\(values.html { "<td>\($0[key].map(SettingsPage.value) ?? "<span class=\"quiet\">–</span>")</td>" })</tr>"
      })</tbody></table></div>
      """
  }
}
