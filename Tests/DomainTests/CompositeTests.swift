import Domain
import Foundation
import Testing

/// Which proposals are given functions of earlier problems, and of which (paper App. D.2).
struct CompositeTests {
  @Test func `without a schedule probability and number stay`() {
    var settings = CompositeSettings()
    settings.probability = 0.5
    for iteration in [1, 101, 5000] {
      #expect(settings.probability(at: iteration) == 0.5 && settings.functionsMax(at: iteration) == 3)
    }
  }

  @Test(arguments: [
    (100, 0.5, 1), (101, 0.51, 2), (150, 0.51, 2), (151, 0.52, 3), (201, 0.53, 3), (1501, 0.79, 3), (1551, 0.8, 3),
    (9001, 0.8, 3),
  ])
  func `the schedule begins where it says, grows by its steps and ends at its limits`(
    iteration: Int, probability: Double, functions: Int
  ) {
    var settings = CompositeSettings()
    settings.probability = 0.5
    settings.functionsMax = 1
    settings.schedule = true
    #expect(abs(settings.probability(at: iteration) - probability) < 1e-12)
    #expect(settings.functionsMax(at: iteration) == functions)
    settings.probability = 0
    #expect(settings.probability(at: iteration) == 0)
    settings.probability = 0.9
    #expect(settings.probability(at: iteration) == 0.9)
  }

  private func played(_ probability: Double, seed: UInt64 = 3) -> Player {
    var player = Player(
      smallSettings(seed: seed) {
        $0.iterations = 6
        $0.play.batch = 12
        $0.composite.probability = probability
        $0.composite.functionsMax = 2
      })
    player.play()
    return player
  }

  @Test func `with the probability, self-play's programs are given distinct plain ones, and the events name them`() {
    let player = played(0.5)
    var composite: Set<ProposalID> = []
    var (given, plain) = (0, 0)
    for event in player.events {
      switch event {
      case .proposalMade(let made):
        guard made.proposal.iteration > 0, made.proposal.kind != .induction else {
          #expect(made.functions == nil)
          continue
        }
        guard let functions = made.functions else {
          plain += 1
          continue
        }
        given += 1
        #expect(1...2 ~= functions.count && Set(functions).count == functions.count)
        #expect(functions.allSatisfy { $0.kind != .induction && !composite.contains($0) })
      case .proposalVerified(let verified):
        if let composition = verified.problem?.composition {
          composite.insert(verified.proposal)
          #expect(!composition.functions.isEmpty)
        }
      default: break
      }
    }
    // 144 proposals, standard error 6.
    #expect(given + plain == 144 && abs(given - 72) < 30 && !composite.isEmpty, "seed 3: \(given) of \(given + plain)")
  }

  @Test func `off, nobody is given any; the draws of everything else are the same`() {
    func references(_ player: Player) -> [[ProposalID]] {
      player.events.compactMap { event -> [ProposalID]? in
        guard case .proposalMade(let made) = event, made.proposal.iteration == 1 else { return nil }
        return made.references
      }
    }
    let (off, on) = (played(0), played(1))
    #expect(!off.events.contains { if case .proposalMade(let made) = $0 { made.functions != nil } else { false } })
    #expect(references(off) == references(on))
  }

  @Test func `a crash anywhere changes nothing`() {
    let whole = played(0.5)
    var broken = Player(whole.created.settings)
    while broken.step() != nil { broken.crash() }
    #expect(broken.playEvents == whole.playEvents)
  }

  @Test func `proposals that share a prompt share its functions`() {
    var player = Player(
      smallSettings(seed: 4) {
        $0.play.batch = 8
        $0.play.samplesPerPrompt = 4
        $0.composite.probability = 0.5
      })
    player.play()
    var byPrompt: [String: [[ProposalID]]] = [:]
    for case .proposalMade(let made) in player.events where made.proposal.iteration > 0 {
      let id = made.proposal
      byPrompt["\(id.iteration) \(id.kind) \(id.slot / 4)", default: []].append(made.functions ?? [])
    }
    #expect(byPrompt.values.allSatisfy { Set($0).count == 1 } && byPrompt.values.contains { !$0[0].isEmpty })
  }

  @Test func `a snapshot of the fold gives the same next step`() throws {
    var player = Player(
      smallSettings(seed: 8) {
        $0.composite.probability = 0.7
        $0.intrinsic.answerDiversityCoefficient = 0.4
      })
    while let step = player.experiment.nextStep {
      let copy = try JSONDecoder().decode(Experiment.self, from: JSONEncoder().encode(player.experiment))
      #expect(copy == player.experiment && copy.nextStep == step)
      player.step()
    }
  }
}
