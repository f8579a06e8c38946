import Domain

/// How a proposal is read and accepted (paper §3.3.3).
extension CodeReasoning {
  package func check(
    proposal: ProposalMade, completion: String, program: Problem?, settings: ExperimentSettings
  ) -> Check<ProposalVerified> {
    let id = proposal.proposal
    let template = settings.prompts[.proposer, id.kind]
    switch id.kind {
    case .deduction, .abduction:
      return checkTriplet(id, blocks: fencedBlocks(template.opening + completion), settings.play)
    case .induction:
      guard let program else { preconditionFailure("induction proposal \(id) without a program") }
      return checkInduction(
        id, program: program.program, blocks: fencedBlocks(template.opening + completion), settings.play)
    }
  }

  /// Deduction and abduction: the first program, the first input; the environment adds the output by running it.
  private func checkTriplet(
    _ id: ProposalID, blocks: [FencedBlock], _ play: PlaySettings
  ) -> Check<ProposalVerified> {
    guard let program = blocks.first(where: { $0.language == "python" || $0.language.isEmpty })?.program else {
      return .decided(refused(id, .malformed, "no closed ```python block"))
    }
    guard let input = blocks.first(where: { $0.language == "input" })?.content.trimmed, !input.isEmpty else {
      return .decided(refused(id, .malformed, "no closed ```input block with an input"))
    }
    return .verify([.run(program: program, inputs: [input])]) { results in
      accept(id, program: program, message: "", outcomes: results[0].outcomes, play)
    }
  }

  /// Induction: a message and N inputs for a program that is known already.
  private func checkInduction(
    _ id: ProposalID, program: String, blocks: [FencedBlock], _ play: PlaySettings
  ) -> Check<ProposalVerified> {
    guard let message = blocks.first(where: { $0.language == "message" })?.content.trimmed, !message.isEmpty else {
      return .decided(refused(id, .malformed, "no closed ```message block with a message"))
    }
    let inputs = self.inputs(blocks)
    guard inputs.count >= play.inputs else {
      return .decided(refused(id, .malformed, "\(inputs.count) inputs, \(play.inputs) are needed"))
    }
    // The last N, as the published parser takes them.
    return .verify([.run(program: program, inputs: inputs.suffix(play.inputs))]) { results in
      accept(id, program: program, message: message, outcomes: results[0].outcomes, play)
    }
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

/// Accepts a proposal if every call returned a value; otherwise the first failure is the reason.
private func accept(
  _ id: ProposalID, program: String, message: String, outcomes: [VerificationOutcome], _ play: PlaySettings
) -> ProposalVerified {
  var pairs: [Pair] = []
  for outcome in outcomes {
    switch outcome {
    case .value(let output, let input): pairs.append(Pair(input: input, output: output))
    case .malformed(let detail): return refused(id, .syntax, detail)
    case .malformedInput(let detail): return refused(id, .input, detail)
    case .raised(let detail): return refused(id, .raised, detail)
    case .timedOut: return refused(id, .timedOut, "")
    case .outOfMemory: return refused(id, .outOfMemory, "")
    case .tooLarge(let detail): return refused(id, .tooLarge, detail)
    case .unsupported(let detail): return refused(id, .unsupported, detail)
    case .nondeterministic(let detail): return refused(id, .nondeterministic, detail)
    case .forbidden(let detail): return refused(id, .forbidden, detail)
    }
  }
  precondition(!pairs.isEmpty, "proposal \(id) was run on no input")
  if play.withoutValue == .refuse, pairs.allSatisfy({ $0.output == "None" }) {
    return refused(id, .noValue, "f returns None")
  }
  return ProposalVerified(
    proposal: id, problem: Problem(kind: id.kind, program: program, pairs: pairs, message: message), refusal: nil,
    detail: "")
}

extension FencedBlock {
  /// The content as a program: without blank lines at the end; nil if empty.
  var program: String? {
    var text = content
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text.trimmed.isEmpty ? nil : text
  }
}
