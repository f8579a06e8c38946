/// `/experiments/NAME/attempts/ID`: one attempt: what was asked, what was sampled token by token, the verdict, what was learnt from it.
struct AttemptPage: Sendable {
  let frame: ExperimentFrame
  let id: String

  func page() async throws(PageError) -> Page {
    let parts = id.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 5, let iteration = Int(parts[0]) else {
      throw .missing(
        "\(id) is no id of an attempt: iteration, purpose, kind, slot and sample, such as 3.solve.deduction.5.0.")
    }
    guard let row: AttemptRow = try await frame.visit.first(AttemptRow.of(id, frame.number, iteration: iteration))
    else {
      throw .missing("\(frame.name) has no attempt \(id).")
    }
    let lesson: LessonRow? = try await frame.visit.first(
      LessonRow.of(sample: id, row.recordedBy, iteration: iteration, frame.number))
    return frame.page(
      id, tab: "problems",
      """
      <h2>Attempt <span class="id">\(id)</span> \(Parts.kind(String(parts[2]))) \(Parts.verdict(row.verdict))</h2>
      <p>\(Self.purposes[row.purpose] ?? row.purpose) at <a href="\(Link.problem(row.problem, of: frame.name))">problem \(row.problem)</a></p>
      \(Parts.facts([
        ("Iteration", "\(row.iteration)"), ("By version", "\(row.policyVersion.map { "\($0)" } ?? Format.none)"),
        ("When", Format.time(row.madeAt)), ("Position in the log", "\(row.position)"),
      ]))
      \(await sampled(row))
      <section class="part"><h2>Verdict</h2>\(verdict(row))</section>
      <section class="part"><h2>What was learnt from it</h2>\(learnt(lesson))</section>
      """)
  }

  private static let purposes = [
    "probe": "A probe, which estimates how hard the problem is,", "solve": "An attempt that is trained on,",
    "evaluate": "A held-out attempt,",
  ]

  private func sampled(_ row: AttemptRow) async -> HTML {
    guard let generation = row.generation else { return "<p class=\"note\">Its tokens are not in the log.</p>" }
    let pieces = await frame.visit.tokenPieces(frame.experiment.model, generation.ids)
    return """
      <section class="part"><h2>What the solver wrote</h2>\(TokenStrip(generation, pieces: pieces).html)\(TokenStrip.legend)\
      \(TokenTable.html(TokenStrip(generation, pieces: pieces)))\(GenerationPart.prompt(generation))</section>
      """
  }

  private func verdict(_ row: AttemptRow) -> HTML {
    let answer = row.answer ?? ""
    let shown: HTML =
      answer.isEmpty
      ? .nothing : "<h3>The answer as it was understood</h3><pre class=\"code\">\(PythonHighlighter.html(answer))</pre>"
    let detail: HTML = (row.detail ?? "").isEmpty ? .nothing : "<p class=\"message\">\(row.detail ?? "")</p>"
    return "<p>\(Parts.verdict(row.verdict))</p>\(detail)\(shown)"
  }

  private func learnt(_ lesson: LessonRow?) -> HTML {
    lesson == nil
      ? "<p class=\"note\">No update has consumed it.</p>" : LessonPart.html(lesson, experiment: frame.name)
  }
}

/// Every token in figures: the same as the colours, for those who do not see them.
enum TokenTable {
  private static let rowsMax = 400

  static func html(_ strip: TokenStrip) -> HTML {
    guard !strip.tokens.isEmpty else { return .nothing }
    return """
      <details><summary>Tokens in figures</summary><div class="scroll" tabindex="0" role="region" aria-label="Tokens"><table><thead><tr><th scope="col" class="figure">No.</th>
      <th scope="col">Token</th><th scope="col" class="figure">Id</th><th scope="col" class="figure">Log-probability</th></tr></thead>
      <tbody>\(strip.tokens.prefix(rowsMax).enumerated().html { index, token in
        """
        <tr><td class="figure">\(index + 1)</td><td><code>\(token.text.replacing("\n", with: "↵"))</code></td><td class="figure">\(Int(token.id))</td>\
        <td class="figure">\(Format.decimal(Double(token.nats), 4))</td></tr>
        """
      })</tbody></table></div></details>
      """
  }
}
