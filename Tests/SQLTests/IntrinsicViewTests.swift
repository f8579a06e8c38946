import Domain
import Projections
import Testing

@Suite("The views of intrinsic rewards and composite functions, against the domain", .needsPostgres)
struct IntrinsicViewTests {
  @Test("each intrinsic reward of each proposal is the domain's, bit for bit")
  func rewards() async throws {
    struct Row: Decodable {
      var proposal: String
      var part: IntrinsicPart
      var value: Double
    }
    try await PlayedLog.with { log in
      var compared = 0
      for experiment in log.experiments where experiment.settings.intrinsic != IntrinsicSettings() {
        let rows: [Row] = try await log.rows(
          """
          select p.proposal, r.part, r.value from read.proposals p
          join read.settings s on s.experiment = p.experiment
          join log.events v on v.position = p.verified_position
          cross join lateral read.intrinsic_rewards(s.intrinsic, p.kind, v.body) as r
          where p.experiment = \(experiment.sqlName) and p.accepted order by p.position, r.place
          """)
        let wanted = experiment.ledgers.flatMap(\.proposals).flatMap { entry -> [(String, IntrinsicReward)] in
          guard let verified = entry.verified, verified.problem != nil else { return [] }
          return experiment.settings.intrinsic.rewards(of: verified).map { (entry.id.description, $0) }
        }
        #expect(rows.map(\.proposal) == wanted.map(\.0), "\(experiment.name)")
        #expect(rows.map { IntrinsicReward(part: $0.part, value: $0.value) } == wanted.map(\.1), "\(experiment.name)")
        compared += rows.count
      }
      #expect(compared > 100)
    }
  }

  @Test("what intrinsic rewards come to is what the summaries say, and nothing where they are off")
  func parts() async throws {
    struct Row: Decodable {
      var kind: Kind
      var part: IntrinsicPart
      var samples: Int
      var meanValue: Double
    }
    try await PlayedLog.with { log in
      var parts: Set<IntrinsicPart> = []
      for experiment in log.experiments {
        for summary in experiment.summaries {
          let rows: [Row] = try await log.rows(
            """
            select * from analytics.intrinsic_parts
            where experiment = \(experiment.sqlName) and iteration = \(summary.iteration)
            """)
          let shares = summary.intrinsic ?? []
          #expect(Set(rows.map(\.part)) == Set(shares.map(\.part)), "\(experiment.name) \(summary.iteration)")
          for share in shares {
            let own = rows.filter { $0.part == share.part }
            let sum = own.reduce(0) { $0 + $1.meanValue * Double($1.samples) }
            #expect(own.reduce(0) { $0 + $1.samples } == share.samples)
            #expect(abs(sum / Double(share.samples) - share.mean) < 1e-12)
            parts.insert(share.part)
          }
        }
      }
      #expect(parts == Set(IntrinsicPart.allCases))
    }
  }

  @Test(
    "composite proposals, their refusals and the shortcut are counted as in the summaries, and name what they were given"
  )
  func composites() async throws {
    struct Row: Decodable {
      var proposals, accepted, uncomposed, forwarding: Int
    }
    struct Given: Decodable {
      var proposal: String
      var functions: [ProposalID]
      var forwards: Bool?
    }
    try await PlayedLog.with { log in
      var forwarding = 0
      for experiment in log.experiments {
        for (summary, ledger) in zip(experiment.summaries, experiment.played) {
          let rows: [Row] = try await log.rows(
            """
            select * from analytics.composites
            where experiment = \(experiment.sqlName) and iteration = \(summary.iteration)
            """)
          #expect(rows.reduce(0) { $0 + $1.proposals } == summary.composites?.proposed ?? 0)
          #expect(rows.reduce(0) { $0 + $1.accepted } == summary.composites?.accepted ?? 0)
          #expect(rows.reduce(0) { $0 + $1.forwarding } == summary.composites?.forwarding ?? 0)
          #expect(
            rows.reduce(0) { $0 + $1.uncomposed } == ledger.proposals.count { $0.verified?.refusal == .composition })
          forwarding += summary.composites?.forwarding ?? 0
        }
        let given: [Given] = try await log.rows(
          """
          select proposal, functions, forwards from read.proposals
          where experiment = \(experiment.sqlName) and functions is not null order by position
          """)
        let wanted = experiment.ledgers.flatMap(\.proposals).filter { $0.made.functions != nil }
        #expect(given.map(\.proposal) == wanted.map(\.id.description))
        #expect(given.map(\.functions) == wanted.map(\.made.functions))
        #expect(given.map(\.forwards) == wanted.map { $0.verified?.problem?.composition?.forwards })
      }
      #expect(forwarding > 0)
    }
  }
}
