import Daemon
import Domain
import Environments
import EventLog
import Foundation
import Settings
import Testing

/// What can be asked of a recorded experiment afterwards: another learner, the present verifier, another formula.
@Suite("Afterwards")
struct RetrospectiveTests {
  private func withPlayed(_ body: (TinyWorld, ExperimentRecord, Experiment) async throws -> Void) async throws {
    try await TinyWorld.with { world in
      let record = try await world.daemon.create("one", TinyWorld.settings())
      _ = try await world.run(record)
      try await body(world, record, try await world.daemon.stored(record).experiment)
    }
  }

  private func learn(
    _ world: TinyWorld, _ source: Experiment, _ overrides: [String]
  ) async throws -> (ExperimentRecord, [UpdateOutcome]) {
    let shadow = ShadowLearner(
      log: world.daemon.log, learner: try await world.parts().learner, surroundings: world.daemon.surroundings)
    let settings = try ShadowLearner.settings(of: source, overrides: overrides)
    let record = try await shadow.learn(source, as: "shadow", settings: settings) { _ in }
    let outcomes = try await world.daemon.recorded(record).compactMap { recorded -> UpdateOutcome? in
      guard case .weightsUpdated(let updated) = try recorded.event() else { return nil }
      return updated.outcome
    }
    return (record, outcomes)
  }

  @Test("a shadow learner with equal settings has the original's digests, and nobody plays it")
  func equalShadow() async throws {
    try await withPlayed { world, record, experiment in
      let (shadow, outcomes) = try await learn(world, experiment, [])
      #expect(try await world.weights(shadow) == world.weights(record))
      #expect(outcomes.allSatisfy { $0.logProbabilityMismatches == 0 })
      let stored = try await world.daemon.stored(shadow).experiment
      #expect(stored.nextStep == nil && stored.shadow?.source == "one" && stored.policyVersion == 3)
      #expect(try await world.daemon.log.requireExperiment("shadow").state == "stopped")
      #expect(stored.checkpoint?.policyVersion == 3)
      await #expect(throws: ForkRefused.self) { try await world.replay(shadow) }
    }
  }

  @Test("a shadow learner of other settings is off-policy from its second update on, and says how far")
  func otherShadow() async throws {
    try await withPlayed { world, record, experiment in
      let (shadow, outcomes) = try await learn(world, experiment, ["learner.rate=0.003"])
      #expect(try await world.weights(shadow) != world.weights(record))
      #expect(outcomes[0].logProbabilityMismatches == 0 && outcomes[0].ratioDistanceMax == 0)
      #expect(outcomes[1].logProbabilityMismatches > 0 && outcomes[1].ratioDistanceMax > 0)
      #expect(throws: ForkRefused.self) { try ShadowLearner.settings(of: experiment, overrides: ["play.batch=9"]) }
    }
  }

  /// The scripted parts, whose programs a verifier runs.
  private func withScripted(_ body: (TestDaemon, ExperimentRecord) async throws -> Void) async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let record = try await daemon.create()
      _ = try await daemon.run(record)
      try await body(daemon, record)
    }
  }

  @Test("every verdict comes out as recorded under the same verifier; a sample is as large as asked for")
  func cleanAudit() async throws {
    try await withScripted { daemon, record in
      let head = try await daemon.log.head()
      let audit = VerdictAudit(log: daemon.log, environment: CodeReasoning(), verifier: ScriptedVerifier())
      let all = try await audit.audit(record)
      #expect(all.differences.isEmpty && all.audited == all.recorded && all.audited > 50)
      for sample in [1, 7, 20, all.recorded, 10 * all.recorded] {
        let report = try await audit.audit(record, sample: sample)
        #expect(report.differences.isEmpty && report.audited == min(sample, all.recorded))
      }
      #expect(try await daemon.log.head() == head)
    }
  }

  @Test("a verifier that judges otherwise is found at exactly the verdicts it changes")
  func otherVerifier() async throws {
    try await withScripted { daemon, record in
      let raised = try await daemon.recorded(record).filter { recorded in
        switch try recorded.event() {
        case .proposalVerified(let verified): return verified.refusal == .raised
        case .attemptVerified(let verified): return verified.verdict == .raised
        default: return false
        }
      }
      let audit = VerdictAudit(log: daemon.log, environment: CodeReasoning(), verifier: LenientVerifier())
      let report = try await audit.audit(record)
      #expect(!raised.isEmpty)
      #expect(report.differences.map(\.position) == raised.map(\.position.rawValue))
      #expect(report.differences.allSatisfy { ["detail", "refusal", "verdict"].contains($0.difference.field) })
    }
  }

  @Test("a formula that prices the unlearnable otherwise changes those rewards and no others")
  func rescore() async throws {
    try await withPlayed { world, record, experiment in
      let rescoring = Rescoring(log: world.daemon.log)
      let same = try await rescoring.rescore(experiment, under: .azrComposite)
      #expect(same.iterations.count == 3)
      #expect(
        same.iterations.allSatisfy {
          $0.rewardsChanged == 0 && $0.advantageDistance == 0 && $0.groups == $0.recordedGroups
        })
      let other = try await rescoring.rescore(experiment, under: .azrCode)
      var unlearnable = 0
      for point in try await LearningCurve.of(experiment, in: world.daemon.log).points {
        unlearnable += point.accepted - point.learnable
      }
      #expect(unlearnable > 0)
      #expect(other.iterations.reduce(0) { $0 + $1.rewardsChanged } == unlearnable)
      #expect(other.iterations.contains { $0.advantageDistance > 0 })
    }
  }
}

/// Says that a division by zero timed out.
private struct LenientVerifier: Verifier {
  func verify(_ jobs: [VerificationJob]) async throws -> [Verification] {
    try await ScriptedVerifier().verify(jobs).map { verification in
      var changed = verification
      changed.outcomes = verification.outcomes.map { if case .raised = $0 { .timedOut } else { $0 } }
      return changed
    }
  }
}
