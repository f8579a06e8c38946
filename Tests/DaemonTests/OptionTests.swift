import Daemon
import Domain
import Engine
import EventLog
import Foundation
import Settings
import Testing

/// Settings that change what is played or trained, through the whole daemon on the real engine: sampled again, replayed and
/// forked they give the same bits, and the log says what was done.
@Suite("Options of Absolute Zero")
struct OptionTests {
  private func withPlayed(
    _ overrides: [String], _ body: (TinyWorld, ExperimentRecord) async throws -> Void
  ) async throws {
    try await TinyWorld.with { world in
      let settings = try SettingsFile.change(TinyWorld.settings(), overrides: overrides)
      let record = try await world.daemon.create("one", settings)
      #expect(try await world.run(record) == .finished)
      try await body(world, record)
    }
  }

  private func updates(_ world: TinyWorld, _ record: ExperimentRecord) async throws -> [WeightsUpdated] {
    try await world.daemon.recorded(record).compactMap {
      guard case .weightsUpdated(let updated) = try $0.event() else { return nil }
      return updated
    }
  }

  @Test(
    arguments: [
      ["play.reuse_probes=true"], ["rewards.formula=random/1"], ["play.proposer=base"],
      ["play.proposer=base", "play.reuse_probes=true", "rewards.formula=random/1"], ["play.train_proposer=false"],
      ["play.references=0", "play.induction_references=0"], ["play.solve_from=previous"],
      ["play.eviction=reservoir", "play.buffer_max=4"], ["solver.probe_temperature=0"],
      ["solver.probe_temperature=0.5", "play.reuse_probes=true"], ["learner.warmup_iterations=2"],
      ["learner.ratio_clip_high=0.28", "learner.dual_clip=3"], ["composite.probability=0.7"],
      [
        "intrinsic.complexity_coefficient=0.3", "intrinsic.edit_distance_coefficient=0.3",
        "intrinsic.halstead_coefficient=1", "intrinsic.answer_diversity_coefficient=0.5",
        "intrinsic.input_diversity_coefficient=0.5", "intrinsic.output_diversity_coefficient=0.5",
        "composite.probability=0.5",
      ],
    ])
  func `sampled again, replayed and forked, an experiment has the recorded bits`(overrides: [String]) async throws {
    try await withPlayed(overrides) { world, record in
      let resampled = try await world.resample(record)
      #expect(resampled.divergence == nil && resampled.iterations == 3)
      #expect(try await world.replay(record).isEqual)
      #expect(try await updates(world, record).count == 3)
      #expect(try await updates(world, record).allSatisfy { $0.outcome.logProbabilityMismatches == 0 })
      let fork = try await ExperimentForker(log: world.daemon.log, surroundings: world.daemon.surroundings)
        .fork("one", at: .iteration(1), as: "two").record
      #expect(try await world.run(fork) == .finished)
      #expect(try await world.weights(fork) == world.weights(record))
    }
  }

  @Test func `reused probes train on-policy, and only where a problem's probes differ`() async throws {
    // Without an entropy term, what has no advantage is not computed.
    try await withPlayed(["play.reuse_probes=true", "learner.entropy_coefficient=0"]) { world, record in
      for updated in try await updates(world, record) {
        let probes = updated.consumed.count { $0.contains(".probe.") }
        let groups = updated.groups.filter { $0.problem != nil }
        #expect(probes > 0 && probes == groups.reduce(0) { $0 + $1.samples })
        #expect(updated.outcome.sequences <= updated.groups.reduce(0) { $0 + ($1.deviation > 0 ? $1.samples : 0) })
        #expect(updated.outcome.ratioDistanceMax == 0)
      }
    }
  }

  @Test func `an untrained proposer's proposals are the base model's, and recorded as version 0`() async throws {
    try await withPlayed(["play.proposer=base"]) { world, record in
      let events = try await world.daemon.recorded(record)
      let last = events.filter { $0.type == "ProposalMade" && $0.iteration == 3 }
      #expect(!last.isEmpty)
      #expect(events.filter { $0.type == "ProposalMade" }.allSatisfy { $0.policyVersion == 0 })
      #expect(events.filter { $0.type == "AttemptMade" && $0.iteration == 3 }.allSatisfy { $0.policyVersion == 2 })
      // A process that never trained writes the same.
      let records = try await world.daemon.log.generations(at: last.map(\.position))
      let fresh = try await world.parts().policy
      for event in last {
        let generation = try #require(records[event.position])
        guard case .proposalMade(let made) = try event.event() else { continue }
        let sampling = try EventCoding.value(Sampling.self, from: generation.sampling)
        let key = RandomKey(
          seed: 1, purpose: .proposal, kind: made.proposal.kind, iteration: 3, slot: made.proposal.slot)
        let again = try await fresh.generate(
          [GenerationRequest(prompt: generation.prompt, sampling: sampling, key: key)]
        ) { _ in }
        #expect(again[0].tokens == generation.tokens)
        #expect(again[0].logProbabilities.map(\.bitPattern) == generation.logProbabilities.map(\.bitPattern))
      }
    }
  }

  @Test func `base and current weights are sampled from in one call, each request from its own`() async throws {
    try await withPlayed([]) { world, record in
      let parts = try await world.parts()
      let fresh = try await world.parts()
      let experiment = try await StoredExperiment.load(record, from: world.daemon.log).experiment
      try await WeightsRestorer(log: world.daemon.log, learner: parts.learner).restore(experiment) { _ in }
      func requests(_ weights: (Int) -> GenerationRequest.Weights) -> [GenerationRequest] {
        (0..<6).map { slot in
          var request = GenerationRequest(
            prompt: "def f(x):", sampling: Sampling(temperature: 1, tokensMax: 8, stops: []),
            key: RandomKey(seed: 5, purpose: .solve, iteration: 1, slot: slot))
          request.weights = weights(slot)
          return request
        }
      }
      let mixed = try await parts.policy.generate(requests { $0 % 2 == 0 ? .base : .current }) { _ in }
      let current = try await parts.policy.generate(requests { _ in .current }) { _ in }
      let base = try await fresh.policy.generate(requests { _ in .current }) { _ in }
      for slot in 0..<6 {
        let expected = slot % 2 == 0 ? base[slot] : current[slot]
        #expect(mixed[slot] == expected, "slot \(slot)")
      }
      #expect(base != current)
    }
  }

  @Test func `greedy probes of a problem are all the same`() async throws {
    try await withPlayed(["solver.probe_temperature=0"]) { world, record in
      let probes = try await world.daemon.recorded(record).compactMap { event -> (ProposalID, Position)? in
        guard case .attemptMade(let made) = try event.event(), made.attempt.purpose == .probe else { return nil }
        return (made.problem, event.position)
      }
      let records = try await world.daemon.log.generations(at: probes.map(\.1))
      var answers: [ProposalID: Set<String>] = [:]
      for (problem, position) in probes { answers[problem, default: []].insert(records[position]?.completion ?? "?") }
      #expect(!answers.isEmpty && answers.values.allSatisfy { $0.count == 1 })
    }
  }
}
