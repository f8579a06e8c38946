import Domain
import Foundation
import Testing

/// Task-relative REINFORCE++ against references written from the formula.
struct AdvantagesTests {
  /// Samples of all six groups, with rewards and token counts drawn from a seed.
  func samples(_ seed: UInt64, count: Int = 60) -> (samples: [ScoredSample], tokens: [Int]) {
    var stream = RandomStream(RandomKey(seed: seed, purpose: .probe, iteration: 0))
    let rewards = [-1.0, -0.5, 0, 0.125, 0.5, 0.875, 1]
    var tokens: [Int] = []
    let samples = (0..<count).map { index in
      tokens.append(1 + stream.below(50))
      return ScoredSample(
        "s\(index)", Role.allCases[stream.below(2)], Kind.allCases[stream.below(3)], rewards[stream.below(7)])
    }
    return (samples, tokens)
  }

  /// (r − μ)/σ over the values, each counted as often as its weight says; σ with Bessel's correction.
  private func whitened(_ values: [Double], _ counts: [Int]) -> [Double] {
    let all = zip(values, counts).flatMap { Array(repeating: $0, count: $1) }
    let mean = all.reduce(0, +) / Double(all.count)
    let variance = all.reduce(0) { $0 + pow($1 - mean, 2) } / Double(all.count - 1)
    return values.map { variance > 0 && all.count > 1 ? ($0 - mean) / variance.squareRoot() : 0 }
  }

  func reference(
    _ samples: [ScoredSample], _ counts: [Int], group: (ScoredSample) -> String
  ) -> [Double] {
    var result = [Double](repeating: 0, count: samples.count)
    for name in Set(samples.map(group)) {
      let members = samples.indices.filter { group(samples[$0]) == name }
      let values = whitened(members.map { samples[$0].reward }, members.map { counts[$0] })
      for (member, value) in zip(members, values) { result[member] = value }
    }
    return result
  }

  func expectEqual(_ left: [Double], _ right: [Double], _ comment: Comment) {
    #expect(left.count == right.count)
    #expect(zip(left, right).allSatisfy { abs($0 - $1) < 1e-12 }, comment)
  }

  @Test(arguments: UInt64(1)...20)
  func `weighted by token, a sample counts as often as it has tokens`(seed: UInt64) {
    let (samples, tokens) = samples(seed)
    var settings = AdvantageSettings()
    settings.whitening = .token
    let expected = reference(samples, tokens) { "\($0.role) \($0.kind)" }
    expectEqual(advantages(samples, tokenCounts: tokens, settings: settings).advantages, expected, "seed \(seed)")
  }

  @Test func `one baseline per role ignores the kind`() {
    let (samples, tokens) = samples(5)
    var settings = AdvantageSettings()
    settings.baseline = .role
    let found = advantages(samples, tokenCounts: tokens, settings: settings)
    expectEqual(found.advantages, reference(samples, tokens.map { _ in 1 }) { "\($0.role)" }, "")
    #expect(found.groups.map(\.role) == [.proposer, .solver])
    #expect(found.groups.allSatisfy { $0.kind == nil })
  }

  @Test func `a constant group and a single sample teach exactly nothing`() {
    let samples =
      (0..<5).map { ScoredSample("a\($0)", .solver, .deduction, 0.1) }
      + [ScoredSample("b", .proposer, .induction, 1)]
    for whitening in AdvantageSettings.Whitening.allCases {
      var settings = AdvantageSettings()
      settings.whitening = whitening
      let found = advantages(samples, tokenCounts: [3, 7, 1, 9, 2, 5], settings: settings)
      #expect(found.advantages == [0, 0, 0, 0, 0, 0])
      #expect(found.groups.map(\.deviation) == [0, 0])
      #expect(found.groups.map(\.meanReward) == [1, 0.1])
    }
  }

  @Test func `the probes of each problem are whitened by themselves, after the other groups`() {
    let problems = (0..<3).map { ProposalID(iteration: 1, kind: .deduction, slot: $0) }
    let probes: [(ProposalID, Double)] = [
      (problems[1], 1), (problems[1], -0.5), (problems[0], 1), (problems[0], 1), (problems[1], -1), (problems[2], 0),
    ]
    let solves = [1, -0.5, -0.5].map { ScoredSample("s", .solver, .deduction, $0) }
    let all =
      solves
      + probes.map {
        ScoredSample(id: "p", role: .solver, kind: .deduction, problem: $0.0, position: 0, reward: $0.1)
      }
    let found = advantages(all, tokenCounts: all.map { _ in 1 }, settings: AdvantageSettings())
    let alone = whitened([1, -0.5, -1], [1, 1, 1])
    expectEqual(
      found.advantages,
      whitened([1, -0.5, -0.5], [1, 1, 1]) + [alone[0], alone[1], 0, 0, alone[2], 0], "")
    #expect(found.groups.map(\.problem) == [nil, problems[1], problems[0], problems[2]])
    #expect(found.groups.map(\.samples) == [3, 3, 2, 1])
    #expect(found.groups.map { $0.deviation > 0 } == [true, true, false, false])
    var settings = AdvantageSettings()
    settings.baseline = .role
    #expect(advantages(all, tokenCounts: all.map { _ in 1 }, settings: settings).advantages == found.advantages)
  }

  @Test func `groups come in canonical order, proposer first`() {
    let order: [(Role, Kind)] = [
      (.proposer, .deduction), (.proposer, .abduction), (.proposer, .induction), (.solver, .deduction),
      (.solver, .abduction), (.solver, .induction),
    ]
    let samples = order.reversed().map { ScoredSample("x", $0.0, $0.1, 0) }
    let groups = advantages(samples, tokenCounts: order.map { _ in 1 }, settings: AdvantageSettings()).groups
    #expect(groups.map(\.role) == order.map(\.0))
    #expect(groups.map(\.kind) == order.map(\.1))
  }
}

extension ScoredSample {
  fileprivate init(_ id: String, _ role: Role, _ kind: Kind, _ reward: Double) {
    self.init(id: id, role: role, kind: kind, position: 0, reward: reward)
  }
}
