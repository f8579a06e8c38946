import Domain
import Foundation
import Testing

/// What the learner trains on.
struct TrainingBatchTests {
  private func batch(_ change: (inout TrainingBatch.Recorded) -> Void = { _ in }) throws -> TrainingBatch {
    var player = Player(smallSettings())
    guard case .update = try player.reach("update", iteration: 1), let ledger = player.experiment.ledger else {
      throw Unexpected(player)
    }
    return TrainingBatch(ledger, settings: player.experiment.settings) { position in
      var recorded = TrainingBatch.Recorded(
        prompt: "p\(position)", tokens: [1, 2], logProbabilities: [-0.5, -1], temperature: 0.7)
      change(&recorded)
      return recorded
    }
  }

  @Test func `it holds proposals and then solve attempts, no probes, each with its own generation`() throws {
    var player = Player(smallSettings())
    guard case .update = try player.reach("update", iteration: 1), let ledger = player.experiment.ledger else {
      throw Unexpected(player)
    }
    let batch = try batch()
    let solves = ledger.attempts.filter { $0.id.purpose == .solve }
    #expect(batch.samples.map(\.id) == ledger.proposals.map(\.id.description) + solves.map(\.id.description))
    #expect(batch.samples.map(\.prompt) == (ledger.proposals.map(\.position) + solves.map(\.position)).map { "p\($0)" })
    #expect(batch.samples.contains { $0.advantage != 0 })
  }

  @Test func `its digest tells every recorded part`() throws {
    let digest = try batch().digest
    #expect(digest == (try batch().digest))
    #expect(digest.wholeMatch(of: /[0-9a-f]{64}/) != nil)
    let changed = try [
      batch { $0.prompt += "x" }, batch { $0.tokens[1] = 3 }, batch { $0.logProbabilities[0] = -0.25 },
      batch { $0.temperature = 1 },
    ].map(\.digest)
    #expect(Set(changed + [digest]).count == 5)
  }

  @Test func `sha256 equals the published vector`() {
    #expect(
      sha256(Data("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }
}
