import Domain
import Environments
import Verification
import VerifierProtocol

/// One program through the real verifier, outside any experiment: what `autodidact try` shows.
package struct ProgramTrial: Sendable {
  /// What came of one call.
  package struct Call: Codable, Sendable {
    /// The argument list as it was given, and as canonical text if it could be read.
    package var input: String
    package var canonicalInput: String?
    /// One of value, raised, timedOut, outOfMemory, tooLarge, unsupported, nondeterministic, forbidden, malformed,
    /// malformedInput.
    package var outcome: String
    /// The canonical value.
    package var value: String?
    /// The reason, where there is one.
    package var detail: String?
    /// What stopped the program: screening, a layer of the sandbox, or a limit.
    package var stoppedBy: String?
    /// Whether the answer that was given is right; nil without an answer or without a value.
    package var isCorrect: Bool?
    /// The answer's canonical text, or why it is no literal.
    package var answer: String?
    package var wallSeconds: Double
    package var cpuSeconds: Double
    package var memoryPeakBytes: Int
  }

  package var program: String
  package var inputs: [String]
  /// A literal to compare the values with.
  package var answer: String?
  package var entry: String
  package var settings: VerifierSettings
  /// false runs without screening and shows what the sandbox itself does.
  package var isScreened: Bool

  package init(
    program: String, inputs: [String], answer: String?, entry: String, settings: VerifierSettings, isScreened: Bool
  ) {
    self.program = program
    self.inputs = inputs
    self.answer = answer
    self.entry = entry
    self.settings = settings
    self.isScreened = isScreened
  }

  /// Runs it in a worker of its own.
  ///
  /// - Throws: `VerificationError` if the verifier itself fails.
  package func run() async throws -> [Call] {
    let configuration = VerifierConfiguration(
      executable: VerifierConfiguration.executable(beside: Workshop.program), workersMax: 1,
      acceptedMissingLayers: ProgramVerifier.acceptedMissingLayers(settings))
    return try await withVerifierPool(configuration: configuration) { pool in
      let limits = ProgramVerifier.limits(settings)
      var jobs: [VerifierJob] = [
        .run(RunJob(program: program, calls: inputs, entry: entry, limits: limits, screening: screening))
      ]
      if let answer { jobs.append(.literal(LiteralJob(text: answer, limits: limits))) }
      let replies = try await pool.run(jobs)
      guard case .run(let run) = replies[0] else { preconditionFailure("\(replies[0]) is no answer to a run") }
      return zip(inputs, run.calls).map { call($0, $1, answer: replies.count > 1 ? replies[1] : nil) }
    }
  }

  private var screening: Screening {
    isScreened ? ProgramVerifier.screening(settings) : .off
  }

  private func call(_ input: String, _ reply: CallReply, answer: VerifierReply?) -> Call {
    var call = Call(
      input: input, canonicalInput: reply.canonicalInput, outcome: "", wallSeconds: reply.usage.wallSeconds,
      cpuSeconds: reply.usage.cpuSeconds, memoryPeakBytes: reply.usage.memoryPeakBytes)
    (call.outcome, call.value, call.detail, call.stoppedBy) = told(reply)
    switch answer {
    case .literal(.text(let text)):
      call.answer = text
      call.isCorrect = call.value.map { settings.equality.holds(for: $0, and: text) }
    case .literal(.malformed(let reason)):
      call.answer = "not a literal: \(reason)"
      call.isCorrect = false
    default: break
    }
    return call
  }

  private func told(_ reply: CallReply) -> (String, value: String?, detail: String?, stoppedBy: String?) {
    switch reply.outcome {
    case .value(let text): ("value", text, nil, nil)
    case .raised(let type, let message): ("raised", nil, message.isEmpty ? type : "\(type): \(message)", nil)
    case .timedOut:
      (
        "timedOut", nil, nil,
        // The kernel counts processor time in ticks, on a busy host also some that the child did not have; so the wall tells.
        reply.usage.wallSeconds < ProgramVerifier.limits(settings).wallSeconds
          ? "processor limit of \(settings.seconds) s" : "wall-clock deadline"
      )
    case .outOfMemory: ("outOfMemory", nil, nil, "memory limit of \(settings.memoryMib) MiB")
    case .tooLarge: ("tooLarge", nil, nil, "value limit of \(settings.valueBytesMax) bytes")
    case .unsupportedValue(let type): ("unsupported", nil, "a value of type \(type) has no canonical text", nil)
    case .nondeterministic: ("nondeterministic", nil, "two interpreters disagree", "determinism check")
    case .forbidden(let reason): ("forbidden", nil, reason, Self.layer(of: reason))
    case .malformed(let reason): ("malformed", nil, reason, nil)
    case .malformedInput(let reason): ("malformedInput", nil, reason, nil)
    }
  }

  /// Which part of the verifier gives this reason (docs/sandbox.md, "Layers").
  private static func layer(of reason: String) -> String {
    if reason.contains("system call") { return "sandbox layer systemCallFilter" }
    if reason == "reads a clock" { return "sandbox layer noClock" }
    if reason.hasSuffix("is banned") || reason.hasSuffix("among those allowed") || reason.hasPrefix("relative imports")
    {
      return "screening"
    }
    return "the worker's own checks of the child"
  }
}
