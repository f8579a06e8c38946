/// `/experiments/NAME/events`: its events, the newest first, by type and iteration.
struct EventPage: Sendable {
  let frame: ExperimentFrame

  private static let rowsMax = 50
  private static let types = [
    "ExperimentCreated", "ExperimentForked", "ShadowStarted", "ExperimentStarted", "PauseRequested", "ExperimentPaused",
    "ResumeRequested", "ExperimentResumed", "StopRequested", "ExperimentStopped", "ExperimentFailed",
    "IterationStarted",
    "ProposalMade", "ProposalVerified", "AttemptMade", "AttemptVerified", "ProblemAdmitted", "WeightsUpdated",
    "UpdateSkipped",
    "CurriculumChosen", "UpdateTried", "ConditionBegan", "ConditionEnded", "CheckpointSaved",
  ]

  func page() async throws(PageError) -> Page {
    let visit = frame.visit
    let type = visit.choice("type")
    let iteration = visit.number("iteration", in: 0...10_000_000)
    let below = visit.request.value("below").flatMap { Int64($0) } ?? .max
    let rows: [EventRow] = try await visit.rows(
      EventRow.page(frame.number, below: below, type: type, iteration: iteration, limit: Self.rowsMax))
    let table = self.table(rows)
    if visit.request.value("fragment") == "events" { return Page(title: "Events", body: table) }
    let link = Link.experiment(frame.name, "events").with("type", type).with("iteration", iteration)
    let isNewest = below == .max
    let stream: HTML = isNewest ? "<div data-fragment=\"events\">\(table)</div>" : table
    return frame.page(
      "Events", tab: "events", isLive: isNewest,
      """
      <h2 class="hidden">Events</h2>
      <form class="filters" method="get">
      \(Parts.select("type", label: "Type", choices: [("", "all")] + Self.types.map { ($0, $0) }, chosen: type))
      \(Parts.numberField("iteration", label: "Iteration", value: iteration)) <button>Show</button></form>
      \(stream)
      \(Parts.pager(
        previous: isNewest ? nil : link,
        next: rows.count == Self.rowsMax ? rows.last.map { link.with("below", String($0.version)) } : nil,
        words: rows.isEmpty ? "none" : "versions \(rows.first?.version ?? 0) to \(rows.last?.version ?? 0)"))
      \(ending(rows))
      """)
  }

  private func table(_ rows: [EventRow]) -> HTML {
    guard !rows.isEmpty else { return "<p class=\"empty\">No events.</p>" }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="Events"><table class="rows events"><thead><tr><th scope="col" class="figure">Position</th><th scope="col">Event</th>
      <th scope="col" class="figure wide">Iteration</th><th scope="col" class="wide">When</th><th scope="col">Body</th></tr></thead><tbody>\(rows.html { row in
        """
        <tr id="p\(row.position)"><td class="figure">\(row.position)</td><th scope="row">\(named(row))</th>\
        <td class="figure wide">\(row.iteration.map { "\($0)" } ?? "")</td><td class="wide">\(Format.time(row.recordedAt))</td>\
        <td><details><summary><code>\(row.body.count > 90 ? row.body.prefix(89) + "…" : row.body)</code></summary>\
        <pre class="prompt">\(row.body)\(row.isCut ? "…" : "")</pre></details></td></tr>
        """
      })</tbody></table></div>
      """
  }

  /// The event's type, as a link to what it is about.
  private func named(_ row: EventRow) -> HTML {
    let link =
      row.attempt.map { Link.attempt($0, of: frame.name) } ?? row.proposal.map { Link.problem($0, of: frame.name) }
      ?? row.toVersion.map { Link.update($0, of: frame.name) }
    return link.map { "<a href=\"\($0)\">\(row.type)</a>" } ?? "\(row.type)"
  }

  /// A fork's own events begin where its parent's end.
  private func ending(_ rows: [EventRow]) -> HTML {
    guard rows.count < Self.rowsMax, let parent = frame.experiment.parent, let version = frame.experiment.parentVersion
    else {
      return .nothing
    }
    return """
      <p class="note">What was before is shared with <a href="\(Link.experiment(parent, "events").with("below", String(version + 1)))">\(parent), \
      up to version \(version)</a>.</p>
      """
  }
}
