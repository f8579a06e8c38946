/// `/experiments/NAME/updates/VERSION`: one update of the weights and the samples that moved it most.
struct UpdatePage: Sendable {
  let frame: ExperimentFrame
  let version: Int

  private static let samplesMax = 60

  func page() async throws(PageError) -> Page {
    guard let row: OneUpdateRow = try await frame.visit.first(OneUpdateRow.of(version: version, frame.number)) else {
      throw .missing("\(frame.name) has no update to version \(version).")
    }
    let lessons: [LessonRow] = try await frame.visit.rows(
      LessonRow.of(version: version, frame.name, limit: Self.samplesMax))
    let previous: HTML? =
      row.fromVersion > 0
      ? "<a href=\"\(Link.update(row.fromVersion, of: frame.name))\" rel=\"prev\">update \(row.fromVersion)</a>" : nil
    let next: HTML? =
      row.toVersion < frame.experiment.policyVersion
      ? "<a href=\"\(Link.update(row.toVersion + 1, of: frame.name))\" rel=\"next\">update \(row.toVersion + 1)</a>"
      : nil
    return frame.page(
      "Update \(version)", tab: "",
      """
      <h2>Update to version \(version)</h2><nav class="pager" aria-label="Updates">\(previous) \(next)</nav>
      \(Parts.facts([
        ("Iteration", "\(row.iteration.map { "\($0)" } ?? Format.none)"), ("When", Format.time(row.updatedAt)),
        ("Trained", "\(row.sequences) <small>of \(row.consumed) samples</small>"),
        ("Groups that taught", "\(row.groupsMixed) <small>of \(row.groups)</small>"),
        ("Tokens", "\(Format.count(Int(row.tokens)))"), ("Loss", "\(Format.short(row.loss))"),
        ("Entropy", "\(Format.short(row.entropy))"), ("Gradient", "\(Format.short(row.gradientNorm))"),
        ("Ratio", "\(Format.short(row.ratioMean)) <small>at most \(Format.short(row.ratioDistanceMax)) from 1</small>"),
        ("Clipped", "\(Format.percent(row.clippedShare))"), ("Mismatches", "\(row.logProbabilityMismatches)"),
        ("Proposer’s reward", "\(Format.decimal(row.proposerReward, 3))"), ("Solver’s reward", "\(Format.decimal(row.solverReward, 3))"),
      ]))
      <p class="note">Weights after it: <code class="digest">\(row.weightsDigest)</code></p>
      <section class="part"><h2>What moved it most</h2>\(table(lessons))</section>
      """)
  }

  private func table(_ rows: [LessonRow]) -> HTML {
    guard !rows.isEmpty else {
      return "<p class=\"empty\">Its samples are in the history shared with a parent, or in another experiment.</p>"
    }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="Samples"><table class="rows"><thead><tr><th scope="col">Sample</th>
      <th scope="col">Role</th><th scope="col">Problem</th><th scope="col" class="figure">Reward</th><th scope="col" class="figure">Baseline</th>
      <th scope="col" class="figure">Advantage</th></tr></thead><tbody>\(rows.html { row in
        let link = row.role == "solver" ? Link.attempt(row.sample, of: frame.name) : Link.problem(row.sample, of: frame.name)
        let problem: HTML = row.problem.map { "<a href=\"\(Link.problem($0, of: frame.name))\">\($0)</a>" } ?? "<span class=\"quiet\">refused</span>"
        return """
          <tr><th scope="row"><a href="\(link)">\(row.sample)</a></th><td>\(row.role)</td><td>\(problem)</td>\
          <td class="figure">\(Format.decimal(row.reward, 3))</td><td class="figure">\(Format.decimal(row.baseline, 3))</td>\
          <td class="figure">\(Format.decimal(row.advantage, 3))</td></tr>
          """
      })</tbody></table></div>
      """
  }
}
