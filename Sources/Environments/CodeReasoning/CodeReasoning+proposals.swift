import Domain
import Foundation

/// How a proposal is read and accepted (paper §3.3.3).
extension CodeReasoning {
  package func check(
    proposal: ProposalMade, completion: String, program: Problem?, settings: ExperimentSettings
  ) -> Check<ProposalVerified> {
    let id = proposal.proposal
    let text = settings.prompts[.proposer, id.kind].opening + completion
    let reading = Reading(text, settings.play, isSeeding: id.iteration == 0)
    guard reading.isFormatted || settings.play.unformatted == .accept else {
      return .decided(refused(id, .malformed, ThoughtfulText.complaint))
    }
    let draft = Draft(id: id, isFormatted: reading.isFormatted, play: settings.play)
    switch id.kind {
    case .deduction, .abduction: return checkTriplet(draft, reading.blocks)
    case .induction:
      guard let program else { preconditionFailure("induction proposal \(id) without a program") }
      return checkInduction(draft, program: program.program, reading.blocks)
    }
  }

  /// Deduction and abduction: the first program, the first input; the environment adds the output by running it.
  private func checkTriplet(_ draft: Draft, _ blocks: [FencedBlock]) -> Check<ProposalVerified> {
    let (id, play) = (draft.id, draft.play)
    guard let program = blocks.first(where: { $0.language == "python" || $0.language.isEmpty })?.program else {
      return .decided(refused(id, .malformed, "no closed ```python block"))
    }
    guard let input = blocks.first(where: { $0.language == "input" })?.content.trimmed, !input.isEmpty else {
      return .decided(refused(id, .malformed, "no closed ```input block with an input"))
    }
    let functions = functionCount(program)
    guard play.functions == .several || functions <= 1 else {
      return .decided(refused(id, .functions, "\(functions) functions, one is allowed"))
    }
    let rewriting = Rewriting(comments: play.comments == .strip, globals: play.globals == .strip)
    guard rewriting != Rewriting() else { return draft.run(program, [input]) }
    return .prepare([.rewrite(program: program, rewriting)]) { results in
      switch results[0].outcomes[0] {
      case .value(let program, _): draft.run(program, [input])
      case let other: .decided(refused(id, .syntax, other.reason))
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

  /// Runs the program on the inputs, and has its normal form made where problems are known by it.
  func run(_ program: String, _ inputs: [String], message: String = "") -> Check<ProposalVerified> {
    var jobs = [VerificationJob.run(program: program, inputs: inputs)]
    if play.duplicatesBy == .normalised { jobs.append(.rewrite(program: program, .normalForm)) }
    return .verify(jobs) { results in
      accept(program, message: message, results[0].outcomes, normalForm: results.count > 1 ? results[1] : nil)
    }
  }

  /// Accepts the proposal if every call returned a value; otherwise the first failure is the reason.
  private func accept(
    _ program: String, message: String, _ outcomes: [VerificationOutcome], normalForm: Verification?
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
    var problem = Problem(kind: id.kind, program: program, pairs: pairs, message: message)
    if let normalForm {
      guard case .value(let text, _) = normalForm.outcomes[0] else {
        return refused(id, .syntax, normalForm.outcomes[0].reason)
      }
      problem.normalForm = sha256(Data(text.utf8))
    }
    return ProposalVerified(
      proposal: id, problem: problem, refusal: nil, detail: "", unformatted: isFormatted ? nil : true)
  }
}

extension VerificationOutcome {
  /// Why a proposal with this outcome is refused.
  fileprivate var refusal: Refusal {
    switch self {
    case .value: preconditionFailure("a value is no reason to refuse")
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
    case .value, .timedOut, .outOfMemory: ""
    case .malformed(let detail), .malformedInput(let detail), .raised(let detail), .tooLarge(let detail),
      .unsupported(let detail), .nondeterministic(let detail), .forbidden(let detail):
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
