import Domain
import Foundation
import Testing

/// PowerPlay's acceptance: what is tried, when an update is kept, and what a log may say of it.
struct AcceptanceTests {
  private func settings(_ change: (inout ExperimentSettings) -> Void = { _ in }) -> ExperimentSettings {
    smallSettings(seed: 5) {
      $0.play.batch = 6
      $0.acceptance.problems = 8
      change(&$0)
    }
  }

  private func trial(_ before: Int, _ after: Int, slot: Int) -> UpdateTried.Trial {
    UpdateTried.Trial(
      problem: ProposalID(iteration: 1, kind: .deduction, slot: slot), before: SolveCount(attempts: 4, correct: before),
      after: SolveCount(attempts: 4, correct: after))
  }

  private func decide(_ trials: [UpdateTried.Trial], _ settings: AcceptanceSettings = AcceptanceSettings())
    -> UpdateTried
  {
    UpdateTried(iteration: 1, weightsDigest: "w", trials: trials, settings: settings)
  }

  @Test func `four of four are solved, none of four unsolved, and between them it is open`() {
    let settings = AcceptanceSettings()
    let standings = (0...4).map { settings.standing(SolveCount(attempts: 4, correct: $0)) }
    #expect(standings == [.unsolved, .open, .open, .open, .solved])
    #expect(settings.standing(SolveCount()) == .open)
  }

  @Test func `an update that gains a problem and loses none is kept`() {
    let tried = decide([trial(0, 4, slot: 0), trial(4, 4, slot: 1), trial(4, 3, slot: 2)])
    #expect(tried.isAccepted && tried.gained.map(\.slot) == [0] && tried.lost.isEmpty)
  }

  @Test func `one lost problem outweighs any that are gained, unless the settings allow it`() {
    let trials = [trial(0, 4, slot: 0), trial(0, 4, slot: 1), trial(4, 0, slot: 2)]
    #expect(!decide(trials).isAccepted && decide(trials).lost.map(\.slot) == [2])
    var settings = AcceptanceSettings()
    settings.lostMax = 1
    #expect(decide(trials, settings).isAccepted)
  }

  @Test func `an update that changes nothing is not kept, unless nothing must be gained`() {
    let trials = [trial(0, 3, slot: 0), trial(4, 1, slot: 1)]
    #expect(!decide(trials).isAccepted)
    var settings = AcceptanceSettings()
    settings.gainedMin = 0
    #expect(decide(trials, settings).isAccepted)
  }

  @Test func `settings without it have the bytes they had`() {
    let text = String(decoding: EventCoding.json(smallSettings()), as: UTF8.self)
    #expect(!text.contains("acceptance") && smallSettings().acceptance.isOn == false)
  }

  /// Plays to the end and gives every trial with the experiment as it was before it.
  private func trials(_ settings: ExperimentSettings) -> [(before: Experiment, tried: UpdateTried)] {
    var player = Player(settings)
    var found: [(Experiment, UpdateTried)] = []
    while player.experiment.nextStep != nil {
      let (before, count) = (player.experiment, player.events.count)
      player.step()
      for case .updateTried(let tried) in player.events[count...] { found.append((before, tried)) }
    }
    return found
  }

  @Test func `half of what is tried is new, no problem twice, and never the one that was given`() throws {
    let found = trials(settings())
    #expect(!found.isEmpty)
    for (before, tried) in found {
      let problems = tried.trials.map(\.problem)
      #expect(Set(problems).count == problems.count && problems.count <= 8)
      #expect(!problems.contains { $0 == Experiment.zero($0.kind) })
      let fresh = problems.filter { $0.iteration == tried.iteration }
      let admitted = try #require(before.ledger).proposals.count { $0.admitted }
      #expect(fresh.count >= min(4, admitted) && problems.count == 8)
      #expect(before.updateTrial == before.updateTrial)
    }
  }

  @Test func `the policy version grows by updates that are kept, and stays by others`() {
    var player = Player(
      settings {
        $0.acceptance.lostMax = 2; $0.iterations = 8
      })
    var (kept, refused) = (0, 0)
    while player.experiment.nextStep != nil {
      let (version, count) = (player.experiment.policyVersion, player.events.count)
      player.step()
      for case .updateTried(let tried) in player.events[count...] {
        #expect(player.experiment.policyVersion == version + (tried.isAccepted ? 1 : 0))
        if tried.isAccepted { kept += 1 } else { refused += 1 }
      }
    }
    #expect(kept > 0 && refused > 0, "kept \(kept), refused \(refused): the script decides nothing")
  }

  @Test func `a trial that its counts, its problems or the settings do not lead to is named`() throws {
    let (before, tried) = try #require(trials(settings()).last)
    #expect(before.objection(to: .updateTried(tried)) == nil)
    func objection(_ change: (inout UpdateTried) -> Void) -> String {
      var changed = tried
      change(&changed)
      return before.objection(to: .updateTried(changed)) ?? ""
    }
    #expect(objection { $0.isAccepted.toggle() }.contains("its counts say"))
    #expect(objection { $0.trials.swapAt(0, 1) }.contains("other problems"))
    #expect(objection { $0.trials[0].after.attempts = 9 }.contains("9 times"))
    #expect(objection { $0.iteration += 1 }.contains("iteration"))
    var player = Player(smallSettings(seed: 5))
    player.play()
    #expect(player.experiment.objection(to: .updateTried(tried))?.contains("every update is kept") == true)
  }
}
