import Domain
import Foundation

/// How a proposal is read and accepted (paper §3.3.3).
extension CodeReasoning {
  package func check(
    proposal: ProposalMade, completion: String, material: ProposalMaterial, settings: ExperimentSettings
  ) -> Check<ProposalVerified> {
    let id = proposal.proposal
    let text = settings.prompts[.proposer, id.kind].opening + completion
    let reading = Reading(text, settings.play, isSeeding: id.iteration == 0)
    guard reading.isFormatted || settings.play.unformatted == .accept else {
      return .decided(refused(id, .malformed, ThoughtfulText.complaint))
    }
    let draft = Draft(
      id: id, isFormatted: reading.isFormatted, play: settings.play, functions: proposal.functions ?? [],
      measuredAgainst: id.kind != .induction && settings.intrinsic.needsMeasures
        ? material.references.map(\.program) : nil)
    switch id.kind {
    case .deduction, .abduction: return checkTriplet(draft, reading.blocks, material.functions)
    case .induction:
      guard let program = material.program else { preconditionFailure("induction proposal \(id) without a program") }
      return checkInduction(draft, program: program.program, reading.blocks)
    }
  }

  /// Deduction and abduction: the first program, the first input; the environment adds the output by running it.
  private func checkTriplet(
    _ draft: Draft, _ blocks: [FencedBlock], _ functions: [Problem]
  ) -> Check<ProposalVerified> {
    let (id, play) = (draft.id, draft.play)
    guard let program = blocks.first(where: { $0.language == "python" || $0.language.isEmpty })?.program else {
      return .decided(refused(id, .malformed, "no closed ```python block"))
    }
    guard let input = blocks.first(where: { $0.language == "input" })?.content.trimmed, !input.isEmpty else {
      return .decided(refused(id, .malformed, "no closed ```input block with an input"))
    }
    let count = functionCount(program)
    guard play.functions == .several || count <= 1 else {
      return .decided(refused(id, .functions, "\(count) functions, one is allowed"))
    }
    let rewriting = Rewriting(comments: play.comments == .strip, globals: play.globals == .strip)
    guard rewriting != Rewriting() else { return compose(draft, program, [input], functions) }
    return .prepare([.rewrite(program: program, rewriting)]) { results in
      switch results[0].outcomes[0] {
      case .value(let program, _): compose(draft, program, [input], functions)
      case let other: .decided(refused(id, .syntax, other.reason))
      }
    }
  }

  /// Puts the functions that were given before the program, if there are any, and goes on to run it.
  private func compose(
    _ draft: Draft, _ program: String, _ inputs: [String], _ functions: [Problem]
  ) -> Check<ProposalVerified> {
    guard !functions.isEmpty else { return draft.run(program, inputs) }
    return .prepare(renamings(functions)) { results in
      let given = self.given(results)
      guard !given.isEmpty else { return draft.run(program, inputs) }
      return .prepare([.compose(program: program, given)]) { results in
        switch results[0].outcomes[0] {
        case .composed(let whole, let forwards):
          draft.run(
            whole, inputs, composition: Composition(functions: draft.functions, forwards: forwards), written: program)
        case .uncomposed(let reason): .decided(refused(draft.id, .composition, reason))
        case let other: .decided(refused(draft.id, .syntax, other.reason))
        }
      }
    }
  }

  /// Induction: a message and N inputs for a program that is known already.
  private func checkInduction(
    _ draft: Draft, program: String, _ blocks: [FencedBlock]
  ) -> Check<ProposalVerified> {
    let (id, wanted) = (draft.id, draft.play.inputs)
    guard let message = blocks.first(where: { $0.language == "message" })?.content.trimmed, !message.isEmpty else {
      return .decided(refused(id, .malformed, "no closed ```message block with a message"))
    }
    let inputs = self.inputs(blocks)
    guard inputs.count >= wanted else {
      return .decided(refused(id, .malformed, "\(inputs.count) inputs, \(wanted) are needed"))
    }
    // The last N, as the published parser takes them.
    return draft.run(program, Array(inputs.suffix(wanted)), message: message)
  }

  /// One argument list per `input` block, or per line of `inputs` blocks.
  private func inputs(_ blocks: [FencedBlock]) -> [String] {
    blocks.flatMap { block -> [String] in
      switch block.language {
      case "input": [block.content.trimmed]
      case "inputs": block.content.split { $0 == "\n" || $0 == "\r\n" }.map(\.trimmed)
      default: []
      }
    }.filter { !$0.isEmpty }
  }
}

private func refused(_ id: ProposalID, _ refusal: Refusal, _ detail: String) -> ProposalVerified {
  ProposalVerified(proposal: id, problem: nil, refusal: refusal, detail: detail)
}

/// Lines that define a function, nested ones and methods among them, as the published code counts them.
private func functionCount(_ program: String) -> Int {
  program.split { $0 == "\n" || $0 == "\r\n" }.count { line in
    let words = line.split { $0 == " " || $0 == "\t" }
    return words.first == "def" || words.starts(with: ["async", "def"])
  }
}

/// A proposal that has been read and is to be run.
private struct Draft: Sendable {
  var id: ProposalID
  /// Whether the completion is of the form asked for.
  var isFormatted: Bool
  var play: PlaySettings
  /// The problems whose functions it was given.
  var functions: [ProposalID] = []
  /// The programs that what it wrote is compared with, where its measures are paid for; nil where they are not.
  var measuredAgainst: [String]?

  /// Runs the program on the inputs, and has its normal form and its measures made where they are asked for.
  ///
  /// - Parameter written: the part of the program that the proposer wrote, where that is not all of it.
  func run(
    _ program: String, _ inputs: [String], message: String = "", composition: Composition? = nil,
    written: String? = nil
  ) -> Check<ProposalVerified> {
    var jobs = [VerificationJob.run(program: program, inputs: inputs)]
    let isNormalised = play.duplicatesBy == .normalised
    if isNormalised { jobs.append(.rewrite(program: program, .normalForm)) }
    if let measuredAgainst { jobs.append(.measure(program: written ?? program, references: measuredAgainst)) }
    return .verify(jobs) { results in
      let problem = Problem(
        kind: id.kind, program: program, pairs: [Pair(input: "", output: "")], message: message,
        composition: composition)
      return accept(
        problem, results[0].outcomes, normalForm: isNormalised ? results[1] : nil,
        measures: measuredAgainst == nil ? nil : results.last)
    }
  }

  /// Accepts the proposal if every call returned a value; otherwise the first failure is the reason.
  ///
  /// - Parameter draft: the problem without its pairs and normal form.
  private func accept(
    _ draft: Problem, _ outcomes: [VerificationOutcome], normalForm: Verification?, measures: Verification?
  ) -> ProposalVerified {
    var pairs: [Pair] = []
    for outcome in outcomes {
      guard case .value(let output, let input) = outcome else {
        return refused(id, outcome.refusal, outcome.reason)
      }
      pairs.append(Pair(input: input, output: output))
    }
    precondition(!pairs.isEmpty, "proposal \(id) was run on no input")
    if play.withoutValue == .refuse, pairs.allSatisfy({ $0.output == "None" }) {
      return refused(id, .noValue, "f returns None")
    }
    var problem = draft
    problem.pairs = pairs
    if let normalForm {
      guard case .value(let text, _) = normalForm.outcomes[0] else {
        return refused(id, .syntax, normalForm.outcomes[0].reason)
      }
      problem.normalForm = sha256(Data(text.utf8))
    }
    var verified = ProposalVerified(
      proposal: id, problem: problem, refusal: nil, detail: "", unformatted: isFormatted ? nil : true)
    if let measures {
      guard case .measured(let measured) = measures.outcomes[0] else {
        return refused(id, .syntax, measures.outcomes[0].reason)
      }
      verified.measures = measured
    }
    return verified
  }
}

extension VerificationOutcome {
  /// Why a proposal with this outcome is refused.
  fileprivate var refusal: Refusal {
    switch self {
    case .value, .composed, .measured: preconditionFailure("\(self) is no reason to refuse")
    case .uncomposed: .composition
    case .malformed: .syntax
    case .malformedInput: .input
    case .raised: .raised
    case .timedOut: .timedOut
    case .outOfMemory: .outOfMemory
    case .tooLarge: .tooLarge
    case .unsupported: .unsupported
    case .nondeterministic: .nondeterministic
    case .forbidden: .forbidden
    }
  }

  /// The verifier's explanation, where it has one.
  fileprivate var reason: String {
    switch self {
    case .value, .composed, .measured, .timedOut, .outOfMemory: ""
    case .malformed(let detail), .malformedInput(let detail), .raised(let detail), .tooLarge(let detail),
      .unsupported(let detail), .nondeterministic(let detail), .forbidden(let detail), .uncomposed(let detail):
      detail
    }
  }
}

extension FencedBlock {
  /// The content as a program: without blank lines at the end; nil if empty.
  var program: String? {
    var text = content
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text.trimmed.isEmpty ? nil : text
  }
}
