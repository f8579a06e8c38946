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
