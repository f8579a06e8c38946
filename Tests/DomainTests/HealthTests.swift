import Domain
import Foundation
import Testing

/// Conditions of an experiment's health: judged by figures of whole iterations, recorded, and obeyed.
struct HealthTests {
  /// Settings under which the scripted play shows `saturation` at once: no problem may be always or never solved.
  private func strict(_ change: (inout HealthSettings) -> Void = { _ in }) -> ExperimentSettings {
    smallSettings {
      $0.iterations = 6
      $0.play.batch = 12
      $0.health.saturatedShareMax = 0
      change(&$0.health)
    }
  }

  private func changes(_ player: Player) -> (began: [ConditionChange], ended: [ConditionChange]) {
    var began: [ConditionChange] = []
    var ended: [ConditionChange] = []
    for event in player.events {
      switch event {
      case .conditionBegan(let change): began.append(change)
      case .conditionEnded(let change): ended.append(change)
      default: break
      }
    }
    return (began, ended)
  }

  @Test func `a condition begins after a whole window of iterations shows it, and is recorded once`() throws {
    var player = Player(strict())
    player.play()
    let began = changes(player).began.filter { $0.condition == .saturation }
    #expect(began.map(\.iteration) == [3])
    let change = try #require(began.first)
    #expect(change.value > 0 && change.threshold == 0)
    #expect(player.experiment.health.conditions.map(\.condition).contains(.saturation))
    #expect(player.experiment.iterationsDone == 6)
  }

  @Test func `a condition pauses the experiment at the boundary if the settings say so, and resuming goes on`() {
    var player = Player(strict { $0.action = .pause })
    player.play()
    guard case .paused(let reason) = player.experiment.life else {
      Issue.record("\(player.experiment.life)")
      return
    }
    #expect(reason.hasPrefix("saturation: "))
    #expect(player.experiment.iterationsDone == 3)
    #expect(!player.experiment.unsavedWeights)
    player.resume()
    player.play()
    #expect(player.experiment.iterationsDone == 6)
  }

  @Test func `no window watches nothing`() {
    var player = Player(strict { $0.window = 0 })
    player.play()
    #expect(changes(player).began.isEmpty)
    #expect(player.experiment.health == Health())
  }

  @Test func `the settings of an older log watch nothing`() throws {
    let created = ExperimentCreated(name: "old", settings: smallSettings(), promptsDigest: "")
    var body = String(decoding: EventCoding.json(created), as: UTF8.self)
    let health = try #require(body.firstRange(of: /"health":\{[^}]*\},/))
    body.removeSubrange(health)
    let event = try EventCoding.event(type: "ExperimentCreated", schemaVersion: 1, body: .init(body.utf8))
    guard case .experimentCreated(let read) = event else {
      Issue.record("\(event)")
      return
    }
    #expect(read.settings.health.window == 0)
  }

  @Test func `conditions come out the same when the fold is made again at every step`() {
    var whole = Player(strict())
    whole.play()
    var broken = Player(strict())
    while broken.step() != nil { broken.crash() }
    #expect(changes(broken).began == changes(whole).began)
    #expect(changes(broken).ended == changes(whole).ended)
  }

  @Test func `a condition ends with the first iteration that does not show it`() {
    var health = Health()
    var settings = HealthSettings()
    settings.window = 2
    for (iteration, accepted) in [(1, 0), (2, 0), (3, 12)] {
      health.take(HealthFigures(ledger(iteration, accepted: accepted)), settings)
      let changes = health.changes(settings)
      #expect(changes.began.map(\.condition) == (iteration == 2 ? [.starvation] : []), "iteration \(iteration)")
      #expect(changes.ended.map(\.condition) == (iteration == 3 ? [.starvation] : []), "iteration \(iteration)")
      for change in changes.began { health.began(change) }
      for change in changes.ended { health.ended(change) }
    }
    #expect(health.conditions.isEmpty)
  }

  @Test func `each figure is counted from the ledger`() {
    var ledger = IterationLedger(IterationStarted(iteration: 4, round: 0, policyVersion: 3))
    for slot in 0..<20 {
      let id = ProposalID(iteration: 4, kind: .deduction, slot: slot)
      ledger.apply(.proposalMade(ProposalMade(proposal: id, references: [], program: nil)), at: Int64(slot))
      // 10 new problems, 6 of them with output 7; 5 repeated; 5 forbidden.
      let verified: ProposalVerified =
        switch slot {
        case 0..<10:
          ProposalVerified(proposal: id, problem: problem(slot < 6 ? 7 : slot + 10), refusal: nil, detail: "")
        case 10..<15: ProposalVerified(proposal: id, problem: nil, refusal: .duplicate, detail: "")
        default: ProposalVerified(proposal: id, problem: nil, refusal: .forbidden, detail: "")
        }
      ledger.apply(.proposalVerified(verified), at: Int64(100 + slot))
    }
    for slot in 0..<10 {
      let id = ProposalID(iteration: 4, kind: .deduction, slot: slot)
      let attempt = AttemptID(iteration: 4, purpose: .probe, kind: .deduction, slot: slot, sample: 0)
      ledger.apply(.attemptMade(AttemptMade(attempt: attempt, problem: id)), at: Int64(200 + slot))
      ledger.apply(
        .attemptVerified(
          AttemptVerified(attempt: attempt, problem: id, verdict: .incorrect, answer: "1", detail: "")),
        at: Int64(300 + slot))
    }
    let figures = HealthFigures(ledger)
    #expect(figures.validShare == 0.5)
    #expect(figures.duplicateShare == 5.0 / 15)
    #expect(figures.commonOutputShare == 0.6)
    #expect(figures.saturatedShare == 1)
    #expect(figures.forbiddenShare == 5.0 / 30)
    #expect(figures.entropy == nil)
  }

  /// An iteration of 12 proposals of which some became problems.
  private func ledger(_ iteration: Int, accepted: Int) -> IterationLedger {
    var ledger = IterationLedger(IterationStarted(iteration: iteration, round: 0, policyVersion: 0))
    for slot in 0..<12 {
      let id = ProposalID(iteration: iteration, kind: .deduction, slot: slot)
      ledger.apply(.proposalMade(ProposalMade(proposal: id, references: [], program: nil)), at: Int64(slot))
      let verified =
        slot < accepted
        ? ProposalVerified(proposal: id, problem: problem(slot), refusal: nil, detail: "")
        : ProposalVerified(proposal: id, problem: nil, refusal: .malformed, detail: "")
      ledger.apply(.proposalVerified(verified), at: Int64(100 + slot))
    }
    return ledger
  }
}
