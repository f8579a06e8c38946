/// The part "Difficulty" of an experiment's page: policy and problems on one scale, and the cells of kinds and sizes.
struct DifficultyPart: Sendable {
  let frame: ExperimentFrame
  let span: Span

  /// Ratings move slowly; more points than these only add noise.
  private static let pointsMax = 200

  func html() async throws(PageError) -> HTML {
    let span = Span(from: self.span.from, to: self.span.to, pointsMax: Self.pointsMax)
    let policy: [PolicyRatingRow] = try await frame.visit.rows(PolicyRatingRow.of(frame.number, span))
    let problems: [ProblemRatingRow] = try await frame.visit.rows(ProblemRatingRow.of(frame.number, span))
    let cells: [CellRow] = try await frame.visit.rows(CellRow.of(frame.number))
    return ratings(RatingCharts(policy, problems)) + self.cells(cells)
  }

  private func ratings(_ charts: RatingCharts) -> HTML {
    guard !charts.isEmpty else {
      return """
        <p class="empty">Nothing is rated here yet: ratings are fitted when an iteration ends in which problems were attempted. \
        <code>autodidact difficulty \(frame.name)</code> fits them from the log at any time.</p>
        """
    }
    let story = charts.story
    return """
      \(story.html)<div class="charts">\(charts.abilities.html)\(charts.kinds.html)</div>
      <p class="note">Fitted after update \(story.fittedVersion) to \(Format.count(story.rated.attempts)) attempts at \
      \(Format.count(story.rated.problems)) problems, of which \(Format.count(story.links)) were attempted by several versions; fitted anew \
      whenever there are half as many attempts again. What came later has no rating yet.</p>
      """
  }

  private func cells(_ rows: [CellRow]) -> HTML {
    guard !rows.isEmpty else { return .nothing }
    return """
      <h3 id="cells">Cells</h3><p class="note">A cell is a kind of problem and a size of program in tokens. Progress is how much more often the newer \
      half of its last outcomes is right than the older half.</p>
      <div class="scroll" tabindex="0" role="region" aria-label="Cells of difficulty"><table class="rows cells"><thead><tr><th scope="col">Kind</th>\
      <th scope="col">Size</th><th scope="col" class="figure">Problems</th><th scope="col" class="figure">Attempts</th><th scope="col">Solved, 95 % interval</th>\
      <th scope="col" class="figure">Learnability</th><th scope="col" class="figure">Progress</th></tr></thead><tbody>\(rows.html(row))</tbody></table></div>
      """
  }

  private func row(_ cell: CellRow) -> HTML {
    let effective: HTML =
      abs(cell.effectiveAttempts - Double(cell.attempts)) < 0.5
      ? .nothing : " <span class=\"quiet\">(count as \(Format.count(Int(cell.effectiveAttempts.rounded()))))</span>"
    let error = 1.96 * cell.progressDeviation
    let isTold = cell.progressOutcomes > 2 && cell.progress.magnitude > error && error > 0
    let progress: HTML =
      cell.progressOutcomes > 2
      ? "\(Self.signed(cell.progress)) <span class=\"quiet\">± \(Format.decimal(error * 100, 0))</span>"
      : "\(Format.none)"
    return """
      <tr><th scope="row">\(Parts.kind(cell.kind))</th><td class="size">\(cell.size.replacing("-", with: "–"))</td><td class="figure">\(Format.count(cell.problems))</td>\
      <td class="figure">\(Format.count(cell.attempts))\(effective)</td><td>\(Self.interval(cell))</td>\
      <td class="figure">\(Format.decimal(cell.learnability, 3))</td><td class="figure">\(isTold ? "<b>\(progress)</b>" : progress)</td></tr>
      """
  }

  /// Share solved as a mark in its interval on a scale from 0 to 1, and in figures.
  private static func interval(_ cell: CellRow) -> HTML {
    func place(_ share: Double) -> String { Format.decimal(min(max(share, 0), 1) * 100, 1) }
    return """
      <span class="solved"><svg class="interval" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="rest" y="3" width="100" height="2"/>\
      <rect class="done" x="\(place(cell.wilsonLow))" y="1" width="\(place(max(0.01, cell.wilsonHigh - cell.wilsonLow)))" height="6"/></svg> \
      \(Format.percent(cell.solveRate)) <span class="quiet">\(Format.decimal(cell.wilsonLow * 100, 0)) to \(Format.decimal(cell.wilsonHigh * 100, 0))</span></span>
      """
  }

  private static func signed(_ share: Double) -> String {
    let text = Format.decimal(share * 100, 0)
    return share > 0 && text != "0" ? "+\(text) %" : "\(text) %"
  }
}
