import Daemon
import EventLog
import Foundation
import Testing

/// Promises P1, P2 and P8 over thousands of histories, each drawn from one seed: `AUTODIDACT_SIMULATION_SEEDS=first-last`
/// runs others, and one seed alone repeats a history that failed.
@Suite("Simulation")
struct SimulationTests {
  private static let seeds: ClosedRange<UInt64> = {
    let text = ProcessInfo.processInfo.environment["AUTODIDACT_SIMULATION_SEEDS"] ?? "1-2000"
    let bounds = text.split(separator: "-").compactMap { UInt64($0) }
    guard let first = bounds.first, let last = bounds.last, first <= last else {
      preconditionFailure("AUTODIDACT_SIMULATION_SEEDS is '\(text)', allowed is first-last or one seed")
    }
    return first...last
  }()

  /// The undisturbed play of each settings.
  private static func expectedPlays() async throws -> [[PlayEvent]] {
    var plays: [[PlayEvent]] = []
    for play in 0..<Simulation.plays {
      try await withTestDaemon(.inMemory) { daemon in
        let whole = try await daemon.create("one", Simulation.settings(play))
        #expect(try await daemon.run(whole) == .finished)
        plays.append(try await daemon.play(whole))
      }
    }
    return plays
  }

  @Test("whatever the seed does to daemons, network and parts, the log keeps its promises and the play comes out whole")
  func histories() async throws {
    let plays = try await Self.expectedPlays()
    let outcomes = try await withThrowingTaskGroup(of: (UInt64, Simulation.Outcome).self) { group in
      var seeds = Self.seeds.makeIterator()
      var outcomes: [Simulation.Outcome] = []
      func add() {
        guard let seed = seeds.next() else { return }
        group.addTask { (seed, try await Simulation(seed: seed).run(expected: plays[Int(seed % Simulation.plays)])) }
      }
      for _ in 0..<4 { add() }
      while let (seed, outcome) = try await group.next() {
        #expect(outcome.violations == [], "seed \(seed)")
        outcomes.append(outcome)
        add()
      }
      return outcomes
    }
    guard outcomes.count >= 100 else { return }
    // The histories are worth something only if everything happened in them.
    let dealt = outcomes.reduce(into: [Fate: Int]()) { $0.merge($1.dealt, uniquingKeysWith: +) }
    for fate in [Fate.fail, .loseReply, .arriveLate, .arriveTwice, .dieBefore, .dieAfter, .breakPart] {
      #expect(dealt[fate, default: 0] >= outcomes.count / 20, "\(fate) came \(dealt[fate, default: 0]) times")
    }
    #expect(outcomes.map(\.fenced).reduce(0, +) >= outcomes.count / 20)
  }

  @Test("the same seed gives the same history, to the hash of the log", arguments: [3, 14, 159, 2653] as [UInt64])
  func deterministic(seed: UInt64) async throws {
    let plays = try await Self.expectedPlays()
    let expected = plays[Int(seed % Simulation.plays)]
    let first = try await Simulation(seed: seed).run(expected: expected)
    let second = try await Simulation(seed: seed).run(expected: expected)
    #expect(first.trace == second.trace && first.turns == second.turns)
    #expect(first.head == second.head)
  }

  @Test("a log that breaks its contract is caught", arguments: BrokenLog.Flaw.allCases)
  func flaws(flaw: BrokenLog.Flaw) async throws {
    let plays = try await Self.expectedPlays()
    var caught = 0
    var tried: UInt64 = 0
    while caught == 0, tried < 200 {
      tried += 1
      let outcome = try await Simulation(seed: tried, flaw: flaw).run(expected: plays[Int(tried % Simulation.plays)])
      caught += outcome.violations.isEmpty ? 0 : 1
    }
    #expect(caught > 0, "\(flaw) went unnoticed in \(tried) histories")
  }
}
