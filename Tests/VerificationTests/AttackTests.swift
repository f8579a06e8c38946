import Foundation
import Testing
import Verification
import VerifierProtocol

@Suite("Attacks")
struct AttackTests {
  /// Runs every attack on workers of an executable and judges the outcomes; none may cost a worker.
  private func expectContained(
    executable: String = workerExecutable, screening: Screening = .off,
    _ isContained: (Attack, CallOutcome) -> Bool = { $0.isContained(by: $1) }
  ) async throws {
    try await withWorkers(2, executable: executable) { pool async throws in
      let jobs = Attack.all.map { attack in
        VerifierJob.run(RunJob(program: attack.program, calls: [attack.input], limits: .test, screening: screening))
      }
      for (attack, reply) in zip(Attack.all, try await pool.run(jobs)) {
        guard case .run(let run) = reply else { throw UnexpectedReply() }
        #expect(isContained(attack, run.calls[0].outcome), "\(attack): \(run.calls[0].outcome)")
      }
      #expect(pool.workerLossesCount == 0)
    }
  }

  @Test("every attack is contained by the sandbox alone")
  func contained() async throws {
    try await expectContained()
  }

  @Test("every attack is contained when the worker runs as an ordinary user", .enabled(if: getuid() == 0))
  func containedForOrdinaryUser() async throws {
    let copy = try WorkerCopy()
    try await expectContained(executable: try copy.asOrdinaryUser())
  }

  @Test("with screening on, no attack does better and no worker is lost")
  func screened() async throws {
    try await expectContained(screening: .standard) { attack, outcome in
      if case .forbidden = outcome { return true }
      return attack.isContained(by: outcome)
    }
  }

  @Test("there are at least 120 attacks, and their names are unique")
  func names() {
    #expect(Attack.all.count >= 120)
    #expect(Set(Attack.all.map(\.name)).count == Attack.all.count)
  }
}
