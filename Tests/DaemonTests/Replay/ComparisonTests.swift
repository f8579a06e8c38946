import Daemon
import Domain
import EventLog
import Testing

/// `diff` names the settings that differ, the event where two experiments part, and the decision behind it.
@Suite("Comparing experiments")
struct ComparisonTests {
  private func compare(_ world: TinyWorld, _ overrides: [String]) async throws -> ExperimentComparison.Report {
    let one = try await world.daemon.create("one", TinyWorld.settings())
    _ = try await world.run(one)
    let fork = try await ExperimentForker(log: world.daemon.log, surroundings: world.daemon.surroundings)
      .fork("one", at: .iteration(1), as: "two", overrides: overrides)
    _ = try await world.run(fork.record)
    return try await ExperimentComparison(log: world.daemon.log).compare(one, fork.record)
  }

  @Test("two plays of the same settings have no divergence; the longer one is named")
  func same() async throws {
    try await TinyWorld.with { world in
      let one = try await world.daemon.create("one", TinyWorld.settings())
      let two = try await world.daemon.create("two", TinyWorld.settings())
      _ = try await world.run(one)
      let runner = ExperimentRunner(
        log: world.daemon.log, parts: try await world.parts(), surroundings: world.daemon.surroundings,
        observer: world.daemon.observer)
      _ = try await runner.run(two, iterations: 1)
      let report = try await ExperimentComparison(log: world.daemon.log).compare(one, two)
      #expect(report.settings.isEmpty && report.sharedVersion == nil && report.divergence == nil)
      #expect(report.longer == "one" && report.equalEvents > 10)
      #expect(report.leftCurve.points.count == 3 && report.rightCurve.points.count == 1)
      #expect(report.leftCurve.points[0] == report.rightCurve.points[0])
    }
  }

  @Test("a fork without a change differs in nothing and shares its history")
  func noChange() async throws {
    try await TinyWorld.with { world in
      let report = try await compare(world, [])
      #expect(report.settings.isEmpty && report.divergence == nil && report.longer == nil)
      #expect((report.sharedVersion ?? 0) > 10 && report.equalEvents > 10)
      #expect(report.leftCurve == report.rightCurve)
    }
  }

  @Test(
    "a changed fork parts at the decision that the change makes",
    arguments: [
      ("learner.rate=0.02", "learner.rate", "WeightsUpdated", "outcome.weights_digest", "learner"),
      ("rewards.incorrect=-0.25", "rewards.incorrect", "WeightsUpdated", "batch_digest", "advantages"),
      ("solver.temperature=1.5", "solver.temperature", "AttemptMade", "sampling", "sampling"),
      ("seed=9", "seed", "ProposalMade", "random_key", "another seed: 1 and 9"),
      ("play.probes=2", "play.probes", "AttemptMade", "attempt", "decided"),
    ])
  func changed(override: String, key: String, type: String, field: String, cause: String) async throws {
    try await TinyWorld.with { world in
      let report = try await compare(world, [override])
      #expect(report.settings.map(\.key) == [key])
      let divergence = try #require(report.divergence)
      #expect(divergence.iteration == 2 && divergence.type == type)
      if field != "batch_digest" { #expect(divergence.difference.field == field) }
      #expect(divergence.difference.cause.contains(cause) || field == "batch_digest", "\(divergence.difference)")
      #expect(report.leftCurve.points[0] == report.rightCurve.points[0])
    }
  }

  @Test("a shadow learner is compared by its updates", arguments: [("", 3), ("learner.rate=0.003", 0)])
  func shadow(override: String, equal: Int) async throws {
    try await TinyWorld.with { world in
      let one = try await world.daemon.create("one", TinyWorld.settings())
      _ = try await world.run(one)
      let experiment = try await world.daemon.stored(one).experiment
      let shadow = try await ShadowLearner(
        log: world.daemon.log, learner: try await world.parts().learner, surroundings: world.daemon.surroundings
      ).learn(
        experiment, as: "shadow",
        settings: try ShadowLearner.settings(of: experiment, overrides: override.isEmpty ? [] : [override])
      ) { _ in }
      let report = try await ExperimentComparison(log: world.daemon.log).compare(one, shadow)
      #expect(report.isOfUpdatesOnly && report.equalEvents == equal && (report.divergence == nil) == (equal == 3))
      #expect(report.rightCurve.points.map(\.iteration) == [1, 2, 3])
      if equal == 3 { #expect(report.rightCurve.points.map(\.loss) == report.leftCurve.points.map(\.loss)) }
    }
  }
}
