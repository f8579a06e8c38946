import Postgres

/// `/experiments/NAME`: how it goes. Its parts are fragments, which the script loads when they come into view and again when the
/// experiment changes; `sections=all` has them all at once, for a browser without script.
struct ExperimentPage: Sendable {
  let frame: ExperimentFrame
  private let options: ViewOptions

  init(frame: ExperimentFrame) {
    self.frame = frame
    options = ViewOptions(frame.visit, last: frame.experiment.iterations + 1)
  }

  /// A part of the page.
  private struct Section {
    let name: String
    let title: String
    let body: Body

    enum Body {
      /// In the page itself: drawn from what all such parts share, which is asked for once.
      case curves(@Sendable (ExperimentPage, Curves) -> HTML)
      /// Loaded after the page, with questions of its own.
      case own(@Sendable (ExperimentPage) async throws(PageError) -> HTML)

      var isFirst: Bool {
        if case .curves = self { true } else { false }
      }
    }
  }

  /// What the first parts are drawn from.
  private struct Curves: Sendable {
    let kinds: KindTable
    let updates: UpdateTable
  }

  private static let sections: [Section] = [
    Section(name: "figures", title: "In figures", body: .curves { $0.figures($1) }),
    Section(name: "learning", title: "Learning", body: .curves { $0.learning($1) }),
    Section(
      name: "difficulty", title: "Difficulty",
      body: .own { page throws(PageError) in
        try await DifficultyPart(frame: page.frame, span: page.options.span).html()
      }),
    Section(
      name: "problems", title: "Problems", body: .own { page throws(PageError) in try await page.problems() }),
    Section(
      name: "health", title: "Updates and health", body: .own { page throws(PageError) in try await page.health() }),
    Section(name: "time", title: "Time", body: .own { page throws(PageError) in try await page.time() }),
    Section(
      name: "newest", title: "Newest problems", body: .own { page throws(PageError) in try await page.newest() }),
  ]

  func page() async throws(PageError) -> Page {
    if let fragment = frame.visit.request.value("fragment") { return try await self.fragment(fragment) }
    let isWhole = frame.visit.request.value("sections") == "all"
    // Beside each other, on a session each: the first paint waits for the slowest, not for the sum.
    async let noticed = Result.of(notice)
    let curves = try await curves()
    var body = try await noticed.get() + controls
    for section in Self.sections {
      let link = options.link(.experiment(frame.name))
      let inner: HTML
      switch section.body {
      case .curves(let draw): inner = draw(self, curves)
      case .own(let load) where isWhole: inner = try await load(self)
      case .own:
        inner = """
          <p class="empty loading"><a href="\(link.with("sections", "all"))#\(section.name)">Show this</a></p>
          """
      }
      let state: HTML = section.body.isFirst || isWhole ? .nothing : " data-empty"
      let heading: HTML =
        section.name == "figures" ? "<h2 class=\"hidden\">\(section.title)</h2>" : "<h2>\(section.title)</h2>"
      body += """
        <section class="part" id="\(section.name)">\(heading)\
        <div data-fragment="\(section.name)"\(state)>\(inner)</div></section>
        """
    }
    return frame.page(nil, tab: "", isLive: true, body)
  }

  private func fragment(_ name: String) async throws(PageError) -> Page {
    if name == "state" { return Page(title: frame.name, body: frame.stateLine) }
    guard let section = Self.sections.first(where: { $0.name == name }) else {
      throw .missing("The page has no part \(name).")
    }
    switch section.body {
    case .curves(let draw): return Page(title: frame.name, body: draw(self, try await curves()))
    case .own(let load): return Page(title: frame.name, body: try await load(self))
    }
  }

  private var controls: HTML {
    """
    <form class="filters" method="get" action="\(Link.experiment(frame.name))">\(options.fields) <button>Show</button></form>\(options.note)
    """
  }

  /// Most of the page comes from stored projections: where they are not up to the log, the page is not either.
  private func notice() async throws(PageError) -> HTML {
    let rows: [ProjectionRow] = try await frame.visit.rows(ProjectionRow.of(frame.name))
    if let failed = rows.first(where: { $0.state == "failed" }) {
      return """
        <p class="notice">The projection <code>\(failed.projection)</code> failed, and what is read from it is old: \(failed.failure ?? "")</p>
        """
    }
    let lag = rows.map(\.lag).max() ?? 0
    guard lag > 5000 else { return .nothing }
    return """
      <p class="notice">The stored projections are \(Format.count(Int(lag))) events behind: a process that plays, or \
      <code>autodidact projection rebuild all</code>, brings them up to the log.</p>
      """
  }
}

// MARK: The parts

extension ExperimentPage {
  private func kindRows() async throws(PageError) -> KindTable {
    KindTable(try await frame.visit.rows(KindRow.of(frame.number, options.span)), window: options.window)
  }

  private func updateRows() async throws(PageError) -> UpdateTable {
    UpdateTable(
      try await frame.visit.rows(UpdateRow.of(frame.number, options.span)), width: options.span.width,
      window: options.window)
  }

  private func curves() async throws(PageError) -> Curves {
    async let updates = Result.of(updateRows)
    let kinds = try await kindRows()
    return Curves(kinds: kinds, updates: try await updates.get())
  }

  private func figures(_ curves: Curves) -> HTML { Self.figures(frame.experiment, curves.kinds, curves.updates) }

  private static func figures(
    _ experiment: ExperimentRow, _ kinds: KindTable, _ updates: UpdateTable
  ) -> HTML {
    func trend(_ title: String, _ shares: [Share?]) -> (String, HTML) {
      let present = shares.compactMap(\.self)
      let few = max(1, min(5, present.count / 2))
      let first = present.prefix(few).reduce(Share(part: 0, whole: 0), +).value
      let last = present.suffix(few).reduce(Share(part: 0, whole: 0), +).value
      let then: HTML = first.map { "<small>\(Format.percent($0)) at first</small>" } ?? .nothing
      return (title, "\(Format.percent(last)) \(then)")
    }
    return Parts.facts([
      ("Iterations", "\(experiment.iterations) <small>of \(experiment.planned)</small>"),
      ("Updates", "\(experiment.policyVersion)"),
      trend("Solved when trained on", kinds.total { Share(part: $0.solvesCorrect, whole: $0.solves) }),
      trend("Solved when new", kinds.total { Share(part: $0.probesCorrect, whole: $0.probes) }),
      trend("Valid proposals", kinds.total { Share(part: $0.accepted, whole: $0.proposals) }),
      trend("Learnable", kinds.total { Share(part: $0.learnable, whole: $0.probed) }),
      ("Entropy", "\(Format.short(updates.entropy.values.last ?? nil)) <small>nats</small>"),
      ("Proposer’s reward", "\(Format.decimal(updates.proposer.values.last ?? nil, 2))"),
    ])
  }

  private func learning(_ curves: Curves) -> HTML {
    """
    <div class="charts">\(LearningCharts.solving(curves.kinds).html)\(LearningCharts.probing(curves.kinds).html)\
    \(LearningCharts.rewards(curves.updates).html)\(LearningCharts.validity(curves.kinds).html)</div>
    """
  }

  private func problems() async throws(PageError) -> HTML {
    let columns = Span(from: max(1, options.span.from), to: options.span.to)
    var heat = columns
    heat.width = (heat.to - heat.from + HeatMap.columnsMax) / HeatMap.columnsMax
    let probes: [ProbeRow] = try await frame.visit.rows(ProbeRow.of(frame.number, heat))
    let bands: [ProbeRow] = heat.width == 1 ? probes : try await frame.visit.rows(ProbeRow.of(frame.number, columns))
    let refusals: [RefusalRow] = try await frame.visit.rows(RefusalRow.of(frame.number, options.span))
    return """
      <div class="charts"><figure class="chart" id="learnability"><figcaption><h3>Learnability</h3>
      <p class="note">Problems by how many of their probes were right. What lies between none and all can be learnt from.</p></figcaption>
      \(HeatMap(probes, width: heat.width).html)</figure>
      \(ProblemCharts.bands(bands).html)\(ProblemCharts.refusals(refusals).html)\
      \(ProblemCharts.learnable(try await kindRows()).html)</div>
      """
  }

  private func health() async throws(PageError) -> HTML {
    let updates = try await updateRows()
    let conditions: [ConditionRow] = try await frame.visit.rows(ConditionRow.of(frame.name))
    return """
      \(ConditionList(conditions).html)
      <div class="charts">\(HealthCharts.entropy(updates).html)\(HealthCharts.ratio(updates).html)\
      \(HealthCharts.gradient(updates).html)\(HealthCharts.loss(updates).html)</div>
      """
  }

  private func time() async throws(PageError) -> HTML {
    let table = PhaseTable(try await frame.visit.rows(PhaseRow.of(frame.number, options.span)))
    return "<div class=\"charts\">\(TimeCharts.phases(table).html)\(TimeCharts.speed(table).html)</div>\(table.html)"
  }

  private func newest() async throws(PageError) -> HTML {
    let rows: [ProblemRow] = try await frame.visit.rows(ProblemRow.newest(frame.number, limit: 12))
    return """
      \(ProblemList.table(rows, experiment: frame.name))
      <p><a href="\(Link.experiment(frame.name, "problems"))">All problems</a></p>
      """
  }
}
