/// `/experiments/NAME/problems/ID`: a problem whole, or a proposal that was refused: what was proposed, from what, what became of it,
/// every attempt.
struct ProblemPage: Sendable {
  let frame: ExperimentFrame
  let id: String

  private static let attemptsMax = 20

  func page() async throws(PageError) -> Page {
    let parts = id.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, Int(parts[0]) != nil, Int(parts[2]) != nil,
      parts[1].allSatisfy({ $0.isLowercase || $0 == "_" })
    else { throw .missing("\(id) is no id of a problem: iteration, kind and slot, such as 3.deduction.5.") }
    switch frame.visit.request.value("fragment") {
    case "children": return Page(title: id, body: try await children())
    case "attempts": return Page(title: id, body: try await attempts())
    default: break
    }
    let isGiven = parts[0] == "0" && parts[2] == "0"
    let proposal: ProposalRow? = isGiven ? nil : try await frame.visit.first(ProposalRow.of(id, frame.number))
    if proposal == nil, !isGiven { throw .missing("\(frame.name) has no proposal \(id).") }
    let tallies: [TallyRow] = try await frame.visit.rows(AttemptRow.tally(problem: id, frame.number))
    let attempts = try await self.attempts()
    let given: HTML =
      "<section class=\"part\"><p>The zero problem of its kind: given to every experiment, proposed by none.</p><pre class=\"code\">\(PythonHighlighter.html("def f(x):\n    return x"))</pre></section>"
    let rating: RatingRow? = try await frame.visit.first(RatingRow.of(problem: id, frame.number))
    let middle: HTML = if let proposal { await whole(proposal, rating) } else { given + RatingPart.html(rating) }
    return frame.page(
      id, tab: "problems",
      """
      <h2>\(proposal?.refusal == nil ? "Problem" : "Refused proposal") <span class="id">\(id)</span> \(Parts.kind(String(parts[1])))</h2>
      \(middle)
      <section class="part" id="attempts"><h2>Attempts</h2>\(tally(tallies))<div data-fragment="attempts">\(attempts)</div></section>
      <section class="part" id="children"><h2>Shown to later proposals</h2>
      <div data-fragment="children" data-empty><p class="empty loading"><a href="\(Link.problem(id, of: frame.name).with("fragment", "children"))">Show them</a></p></div></section>
      """)
  }

  private func whole(_ row: ProposalRow, _ rating: RatingRow?) async -> HTML {
    let inherited: HTML =
      row.recordedBy == frame.name
      ? .nothing
      : "<p class=\"note\">From the history shared with <a href=\"\(Link.problem(id, of: row.recordedBy))\">\(row.recordedBy)</a>.</p>"
    let facts: [(String, HTML)] =
      [
        (
          "Iteration",
          "<a href=\"\(Link.experiment(frame.name, "problems").with("iteration", row.iteration))\">\(row.iteration)</a>"
        ),
        ("Proposed by version", "\(row.policyVersion.map { "\($0)" } ?? Format.none)"),
        ("When", Format.time(row.madeAt)),
        ("Position in the log", "\(row.position)"),
      ] + RatingPart.facts(rating)
    return """
      \(inherited)<div class="columns"><section class="part">\(row.problem.map(problem) ?? refusal(row))</section>
      <section class="part aside">\(Parts.facts(facts))\(parents(row))</section></div>
      \(await sampled(row))
      """
  }

  private func problem(_ problem: ProposalRow.Problem) -> HTML {
    let message: HTML =
      (problem.message ?? "").isEmpty ? .nothing : "<h3>Message</h3><p class=\"message\">\(problem.message ?? "")</p>"
    return """
      <h3>Program</h3><pre class="code">\(PythonHighlighter.html(problem.program))</pre>\(message)
      <h3>\(problem.pairs.count == 1 ? "Input and output" : "Inputs and outputs")</h3>
      <div class="scroll" tabindex="0" role="region" aria-label="Inputs and outputs"><table class="pairs"><thead><tr><th scope="col">Input</th><th scope="col">Output</th></tr></thead><tbody>\(problem.pairs.html {
        "<tr><td><code>\(PythonHighlighter.html($0.input))</code></td><td><code>\(PythonHighlighter.html($0.output))</code></td></tr>"
      })</tbody></table></div>
      """
  }

  private func refusal(_ row: ProposalRow) -> HTML {
    guard row.isVerified, let refusal = row.refusal else { return "<p class=\"note\">Not verified yet.</p>" }
    return """
      <p><span class="verdict wrong">\(refusal.replacing("_", with: " "))</span></p><p class="message">\(row.detail ?? "")</p>
      """
  }

  private func parents(_ row: ProposalRow) -> HTML {
    let shown = row.references ?? []
    let program: HTML =
      row.givenProgram.map {
        "<h3>Given the program of</h3><ul class=\"plain\"><li><a href=\"\(Link.problem($0, of: frame.name))\">\($0)</a></li></ul>"
      }
      ?? .nothing
    guard !shown.isEmpty else { return program }
    return """
      \(program)<h3>Shown as examples</h3><ul class="plain">\(shown.html {
        "<li><a href=\"\(Link.problem($0, of: frame.name))\">\($0)</a></li>"
      })</ul>
      """
  }

  private func sampled(_ row: ProposalRow) async -> HTML {
    guard let generation = row.generation else { return .nothing }
    let pieces = await frame.visit.tokenPieces(frame.experiment.model, generation.ids)
    let lesson: LessonRow? =
      try? await frame.visit.first(LessonRow.of(sample: id, row.recordedBy, iteration: row.iteration, frame.number))
    return """
      <section class="part"><h2>What the proposer wrote</h2>\(LessonPart.html(lesson, experiment: frame.name))\
      \(TokenStrip(generation, pieces: pieces).html)\(TokenStrip.legend)\(GenerationPart.prompt(generation))</section>
      """
  }

  private func tally(_ rows: [TallyRow]) -> HTML {
    guard rows.count > 1 else { return .nothing }
    return Chart(
      name: "by-version", title: "Right answers by policy version",
      note: "Share of the verified attempts of each version that were right.",
      unit: .share, axis: "policy version", x: rows.map { $0.policyVersion ?? 0 },
      series: [
        Chart.Series(
          name: "solved", color: 5, values: rows.map { Share(part: $0.correct, whole: $0.attempts).value })
      ], limit: 1
    ).html
  }

  /// Attempts with their tokens, the newest first.
  private func attempts() async throws(PageError) -> HTML {
    let offset = frame.visit.number("offset", in: 0...10_000_000) ?? 0
    let rows: [AttemptRow] = try await frame.visit.rows(
      AttemptRow.of(problem: id, frame.number, offset: offset, limit: Self.attemptsMax))
    guard !rows.isEmpty else { return "<p class=\"empty\">No attempts.</p>" }
    var list = HTML.nothing
    for row in rows {
      var tokens = HTML.nothing
      if let generation = row.generation {
        let pieces = await frame.visit.tokenPieces(frame.experiment.model, generation.ids)
        tokens = TokenStrip(generation, pieces: pieces).html
      }
      list += """
        <li><p class="attempt-line">\(Parts.verdict(row.verdict)) <a href="\(Link.attempt(row.attempt, of: frame.name))">\(row.attempt)</a> \
        <span class="quiet">version \(row.policyVersion.map { "\($0)" } ?? Format.none)</span>\(answer(row))</p>\(tokens)</li>
        """
    }
    let link = Link.problem(id, of: frame.name)
    return """
      \(TokenStrip.legend)<ol class="attempts">\(list)</ol>
      \(Parts.pager(
        previous: offset > 0 ? link.with("offset", max(0, offset - Self.attemptsMax)) : nil,
        next: rows.count == Self.attemptsMax ? link.with("offset", offset + Self.attemptsMax) : nil,
        words: "\(offset + 1) to \(offset + rows.count)"))
      """
  }

  private func answer(_ row: AttemptRow) -> HTML {
    guard let detail = row.detail, !detail.isEmpty else { return .nothing }
    return " <span class=\"quiet\">\(detail.count > 160 ? detail.prefix(159) + "…" : detail)</span>"
  }

  private func children() async throws(PageError) -> HTML {
    let rows: [ChildRow] = try await frame.visit.rows(ProposalRow.children(id, frame.number))
    guard !rows.isEmpty else { return "<p class=\"empty\">No proposal was shown this.</p>" }
    return """
      <ul class="children">\(rows.html { row in
        let outcome: HTML =
          row.refusal.map { "<span class=\"verdict wrong\">\($0.replacing("_", with: " "))</span>" }
          ?? (row.isVerified ? "<code>\(row.program?.split(separator: "\n").last.map(String.init)?.trimmed ?? "")</code>" : "<span class=\"quiet\">not verified</span>")
        return "<li><a href=\"\(Link.problem(row.proposal, of: frame.name))\">\(row.proposal)</a> \(outcome)</li>"
      })</ul>\((rows.count == 60 ? "<p class=\"note\">The first 60.</p>" : "") as HTML)
      """
  }
}

extension String {
  /// Without the spaces it begins with.
  fileprivate var trimmed: String { String(drop { $0 == " " }) }
}

/// What an update did with a sample.
enum LessonPart {
  static func html(_ lesson: LessonRow?, experiment: String) -> HTML {
    guard let lesson else { return .nothing }
    return Parts.facts([
      ("Reward", "\(Format.decimal(lesson.reward, 3))"), ("Baseline", "\(Format.decimal(lesson.baseline, 3))"),
      ("Deviation", "\(Format.decimal(lesson.deviation, 3))"), ("Advantage", "\(Format.decimal(lesson.advantage, 3))"),
      (
        "Trained by",
        "<a href=\"\(Link.update(lesson.policyVersion, of: experiment))\">update \(lesson.policyVersion)</a>"
      ),
    ])
  }
}

/// How hard a problem is.
enum RatingPart {
  static func facts(_ rating: RatingRow?) -> [(String, HTML)] {
    guard let rating else { return [] }
    let range = "\(Format.decimal(rating.low, 0)) to \(Format.decimal(rating.high, 0))"
    let attempts =
      "\(Format.count(rating.attempts)) attempts by \(rating.versions) \(rating.versions == 1 ? "version" : "versions")"
    let expected: HTML =
      rating.policy.map { policy in
        """
        <small>the policy of update \(rating.fittedVersion), at \(Format.decimal(policy, 0)), would solve it with probability \
        \(Format.percent(Elo.expected(policy - rating.rating)))</small>
        """
      } ?? .nothing
    return [
      (
        "Rating, Elo points",
        "\(Format.decimal(rating.rating, 0)) <small>\(range), from \(attempts)</small><div class=\"below\">\(expected)</div>"
      )
    ]
  }

  static func html(_ rating: RatingRow?) -> HTML { rating == nil ? .nothing : Parts.facts(facts(rating)) }
}

/// Prompt and sampling parameters of a generation.
enum GenerationPart {
  static func prompt(_ generation: GenerationRow) -> HTML {
    """
    <details><summary>Prompt</summary><pre class="prompt">\(generation.prompt ?? "")</pre></details>
    <details><summary>Sampling</summary><p>Ended by <code>\(generation.finish)</code>.</p><pre class="prompt">\(generation.sampling ?? "")</pre></details>
    """
  }
}
