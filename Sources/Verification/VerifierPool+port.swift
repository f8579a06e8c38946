import Domain
import VerifierProtocol

/// The pool as the domain's `Verifier`: jobs of environments out, outcomes in. Made by the composition root with the
/// experiment's limits.
package struct ProgramVerifier: Verifier {
  private let pool: any JobRunner
  private let settings: VerifierSettings
  private let isScreened: Bool

  /// - Parameter isScreened: false runs programs without reading them first, for those of a published suite.
  package init(pool: any JobRunner, settings: VerifierSettings, isScreened: Bool = true) {
    self.pool = pool
    self.settings = settings
    self.isScreened = isScreened
  }

  /// - Throws: `VerificationError`; never an outcome in place of a failure (promise P8).
  package func verify(_ jobs: [VerificationJob]) async throws -> [Verification] {
    let replies = try await pool.run(jobs.map(request))
    return zip(jobs, replies).map { job, reply in
      switch reply {
      case .run(let reply):
        Verification(
          outcomes: reply.calls.map(outcome), seconds: reply.calls.reduce(0) { $0 + $1.usage.wallSeconds })
      case .literal(.text(let text)): Verification(outcomes: [.value(text, input: "")], seconds: 0)
      case .literal(.malformed(let reason)):
        Verification(outcomes: [.malformed(reason.withoutNull)], seconds: 0)
      case .normalise(.program(let text, _)): Verification(outcomes: [.value(text, input: "")], seconds: 0)
      case .normalise(.malformed(let reason)):
        Verification(outcomes: [.malformed(reason.withoutNull)], seconds: 0)
      case .inspect(let reply): Verification(outcomes: [Self.outcome(job, reply)], seconds: 0)
      }
    }
  }

  private func request(_ job: VerificationJob) -> VerifierJob {
    switch job {
    case .run(let program, let inputs):
      .run(
        RunJob(
          program: program, calls: inputs, limits: Self.limits(settings),
          screening: isScreened ? Self.screening(settings) : .off))
    case .literal(let text): .literal(LiteralJob(text: text, limits: Self.limits(settings)))
    case .rewrite(let program, let rewriting):
      .normalise(
        NormaliseJob(
          program: program, limits: Self.limits(settings), stripsComments: rewriting.comments,
          stripsGlobals: rewriting.globals, renames: rewriting.names))
    case .rename(let program, let name): inspect(.rename, [program, name])
    case .compose(let program, let functions):
      inspect(.compose, [program] + functions.flatMap { [$0.name, $0.program] })
    case .measure(let program, let references): inspect(.measure, [program] + references)
    }
  }

  private func inspect(_ question: InspectJob.Question, _ texts: [String]) -> VerifierJob {
    .inspect(InspectJob(question, texts, limits: Self.limits(settings)))
  }

  /// What a worker says of syntax trees, in the words of the job.
  private static func outcome(_ job: VerificationJob, _ reply: InspectReply) -> VerificationOutcome {
    switch (job, reply) {
    case (_, .malformed(let reason)): return .malformed(reason.withoutNull)
    case (_, .uncomposed(let reason)): return .uncomposed(reason.withoutNull)
    case (.rename, .answer(let texts, _)) where texts.count == 1: return .value(texts[0], input: "")
    case (.compose, .answer(let texts, let numbers)) where texts.count == 1 && numbers.count == 1:
      return .composed(texts[0], forwards: numbers[0] == 1)
    case (.measure, .answer(_, let numbers)) where numbers.count == 4 || numbers.count == 5:
      return .measured(
        ProgramMeasures(
          cognitive: numbers[0], cyclomatic: numbers[1], volume: numbers[2], effort: numbers[3],
          distance: numbers.count == 5 ? numbers[4] : nil))
    default: preconditionFailure("a worker of this version answers \(reply) to \(job)")
    }
  }

  /// What an experiment's programs are refused for before they run.
  package static func screening(_ settings: VerifierSettings) -> Screening {
    Screening(isOn: true, bannedModules: settings.bannedModules, bannedNames: Screening.bannedNamesStandard)
  }

  /// The settings limit processor time; the wall clock gets five times that, because a busy host is no fault of a program.
  package static func limits(_ settings: VerifierSettings) -> VerifierLimits {
    VerifierLimits(
      wallSeconds: min(600, 5 * settings.seconds + 5), cpuSeconds: settings.seconds,
      memoryBytes: settings.memoryMib << 20, outputBytes: settings.valueBytesMax,
      stackBytes: VerifierLimits.standard.stackBytes)
  }

  /// The layers whose absence an experiment accepts, in the words of the workers.
  package static func acceptedMissingLayers(_ settings: VerifierSettings) -> Set<SandboxLayer> {
    Set(
      settings.acceptedMissingLayers.map { layer in
        guard let known = SandboxLayer(rawValue: layer.rawValue) else {
          preconditionFailure("the settings know a layer '\(layer.rawValue)', the workers do not")
        }
        return known
      })
  }

  private func outcome(_ call: CallReply) -> VerificationOutcome {
    switch call.outcome {
    case .value(let text): .value(text, input: call.canonicalInput ?? "")
    case .raised(let type, let message): .raised((message.isEmpty ? type : "\(type): \(message)").withoutNull)
    case .timedOut: .timedOut
    case .outOfMemory: .outOfMemory
    case .tooLarge: .tooLarge("the value is longer than \(settings.valueBytesMax) bytes")
    case .unsupportedValue(let type): .unsupported(type.withoutNull)
    case .nondeterministic: .nondeterministic("two runs disagree")
    case .forbidden(let reason): .forbidden(reason.withoutNull)
    case .malformed(let reason): .malformed(reason.withoutNull)
    case .malformedInput(let reason): .malformedInput(reason.withoutNull)
    }
  }
}

extension String {
  /// A program's own words may hold U+0000, which PostgreSQL's text cannot: it becomes U+FFFD.
  fileprivate var withoutNull: String {
    utf8.contains(0) ? String(map { $0 == "\0" ? "\u{FFFD}" : $0 }) : self
  }
}
