import Foundation
import Testing
import Verification
import VerifierProtocol

@Suite("Attacks")
struct AttackTests {
  @Test("every attack is contained by the sandbox alone")
  func contained() async throws {
    try await withWorkers(2) { pool async throws in
      let jobs = Attack.all.map { attack in
        VerifierJob.run(RunJob(program: attack.program, calls: [attack.input], limits: .test, screening: .off))
      }
      let replies = try await pool.run(jobs)
      for (attack, reply) in zip(Attack.all, replies) {
        guard case .run(let run) = reply else { throw UnexpectedReply() }
        #expect(attack.isContained(by: run.calls[0].outcome), "\(attack): \(run.calls[0].outcome)")
      }
      #expect(pool.workerLossesCount == 0)
    }
  }

  @Test("every attack is contained when the worker runs as an ordinary user", .enabled(if: getuid() == 0))
  func containedForOrdinaryUser() async throws {
    let copy = try WorkerCopy()
    try await withWorkers(2, executable: try copy.asOrdinaryUser()) { pool async throws in
      let jobs = Attack.all.map { attack in
        VerifierJob.run(RunJob(program: attack.program, calls: [attack.input], limits: .test, screening: .off))
      }
      for (attack, reply) in zip(Attack.all, try await pool.run(jobs)) {
        guard case .run(let run) = reply else { throw UnexpectedReply() }
        #expect(attack.isContained(by: run.calls[0].outcome), "\(attack): \(run.calls[0].outcome)")
      }
      #expect(pool.workerLossesCount == 0)
    }
  }

  @Test("with screening on, no attack does better and no worker is lost")
  func screened() async throws {
    try await withWorkers(2) { pool async throws in
      let jobs = Attack.all.map { attack in
        VerifierJob.run(RunJob(program: attack.program, calls: [attack.input], limits: .test))
      }
      for (attack, reply) in zip(Attack.all, try await pool.run(jobs)) {
        guard case .run(let run) = reply else { throw UnexpectedReply() }
        let outcome = run.calls[0].outcome
        if case .forbidden = outcome { continue }
        #expect(attack.isContained(by: outcome), "\(attack): \(outcome)")
      }
      #expect(pool.workerLossesCount == 0)
    }
  }

  @Test("the names of the attacks are unique")
  func names() {
    #expect(Set(Attack.all.map(\.name)).count == Attack.all.count)
  }
}
