import Daemon
import Domain
import EventLog
import Foundation
import Projections
import Testing

/// Composite functions and intrinsic rewards through the whole daemon: environment, verifier's answers, learner, log.
@Suite("Composite functions and intrinsic rewards, played")
struct CompositeRunTests {
  private static func settings(_ seed: UInt64) -> ExperimentSettings {
    scriptedSettings(seed: seed) {
      $0.play.batch = 6
      $0.composite.probability = 0.8
      $0.composite.functionsMax = 2
      $0.intrinsic.complexityCoefficient = 0.7
      $0.intrinsic.editDistanceCoefficient = 0.3
      $0.intrinsic.halsteadCoefficient = 1.1
      $0.intrinsic.answerDiversityCoefficient = 0.9
      $0.intrinsic.inputDiversityCoefficient = 0.6
      $0.intrinsic.outputDiversityCoefficient = 0.45
    }
  }

  private func withPlayed(_ body: (TestDaemon, ExperimentRecord) async throws -> Void) async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let record = try await daemon.create("one", Self.settings(4))
      #expect(try await daemon.run(record) == .finished)
      try await body(daemon, record)
    }
  }

  @Test("prompts show the functions, programs begin with them, and the events name where they come from")
  func composites() async throws {
    try await withPlayed { daemon, record in
      let recorded = try await daemon.recorded(record)
      var programs: [ProposalID: String] = [:]
      var made: [ProposalID: [ProposalID]] = [:]
      var composed = 0
      for event in recorded {
        switch try event.event() {
        case .proposalMade(let proposal):
          made[proposal.proposal] = proposal.functions
          guard let functions = proposal.functions else { continue }
          let prompt = try #require(try await daemon.log.generations(at: [event.position])[event.position]).prompt
          #expect(prompt.contains("call " + functions.indices.map { "g_\($0)" }.joined(separator: ", ") + ":"))
          for (place, id) in functions.enumerated() {
            let program = programs[id] ?? Problem.zero(id.kind, inputs: 1).program
            #expect(prompt.contains(program.replacingOccurrences(of: "def f", with: "def g_\(place)")))
          }
        case .proposalVerified(let verified):
          guard let problem = verified.problem else { continue }
          programs[verified.proposal] = problem.program
          #expect(problem.composition?.functions == made[verified.proposal], "\(verified.proposal)")
          #expect((verified.measures != nil) == (verified.proposal.kind != .induction))
          #expect(verified.earlier != nil)
          if problem.composition != nil {
            composed += 1
            #expect(problem.program.hasPrefix("def g_0(x):"))
          }
        default: break
        }
      }
      #expect(composed > 5, "seed 4")
      #expect(daemon.observer.summaries.contains { ($0.composites?.accepted ?? 0) > 0 })
    }
  }

  @Test("the rewards of the updates hold the intrinsic parts; summaries and rescoring have the same")
  func rewards() async throws {
    try await withPlayed { daemon, record in
      let experiment = try await daemon.stored(record).experiment
      let report = try await Rescoring(log: daemon.log).rescore(experiment, under: .azrComposite)
      #expect(report.iterations.count == 3)
      #expect(report.iterations.allSatisfy { $0.rewardsChanged == 0 && $0.advantageDistance == 0 })
      #expect(report.iterations.allSatisfy { $0.groups == $0.recordedGroups })
      // Without them some group of proposals has another mean.
      let consumer = LearnerConsumer(experiment)
      var position = Position.start
      var changed = 0
      while let lesson = try await consumer.lesson(daemon.log, after: position), let recorded = lesson.recorded {
        position = recorded.position
        var plain = lesson.settings
        plain.intrinsic = IntrinsicSettings()
        changed += zip(lesson.ledger.scoredSamples(lesson.settings), lesson.ledger.scoredSamples(plain)).count {
          $0.role == .proposer && $0.reward > $1.reward
        }
        let summary = IterationSummary(lesson.ledger, settings: lesson.settings, phases: [])
        let paid = summary.intrinsic ?? []
        for share in paid { #expect(share.mean >= 0 && share.samples > 0) }
        #expect(
          daemon.observer.summaries.contains { $0.iteration == summary.iteration && $0.intrinsic == summary.intrinsic })
      }
      #expect(changed > 0)
    }
  }

  @Test("interrupted at any append and started again, it records the same play")
  func interrupted() async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let whole = try await daemon.create("whole", Self.settings(5))
      #expect(try await daemon.run(whole) == .finished)
      let broken = try await daemon.create("broken", Self.settings(5))
      var ends = 0
      for place in 1...6 {
        daemon.log.restart()
        daemon.log.beforeAppend { _, number throws(EventLogError) in
          if number == 2 + place % 3 { throw EventLogError.cancelled(operation: "test") }
        }
        do { _ = try await daemon.run(broken) } catch is EventLogError { ends += 1 }
        daemon.log.beforeAppend(nil)
      }
      #expect(try await daemon.run(broken) == .finished)
      #expect(ends > 0)
      #expect(try await daemon.play(broken) == daemon.play(whole))
    }
  }
}
