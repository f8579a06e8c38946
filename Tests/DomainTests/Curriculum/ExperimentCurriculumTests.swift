import Domain
import Foundation
import Testing

/// The curriculum in the decider: what is chosen is recorded, and follows from the events before it.
struct ExperimentCurriculumTests {
  private func settings(
    _ references: CurriculumSettings.Strategy, _ problems: CurriculumSettings.Strategy, seed: UInt64 = 1
  ) -> ExperimentSettings {
    smallSettings(seed: seed) { ($0.curriculum.references, $0.curriculum.problems) = (references, problems) }
  }

  private func choices(_ events: [Event]) -> [CurriculumChosen] {
    events.compactMap { if case .curriculumChosen(let chosen) = $0 { chosen } else { nil } }
  }

  @Test func `uniform draws record nothing, and the settings have the bytes they had`() {
    var player = Player(smallSettings())
    player.play()
    #expect(choices(player.events).isEmpty)
    #expect(!String(decoding: EventCoding.json(smallSettings()), as: UTF8.self).contains("curriculum"))
  }

  @Test func `other settings of the curriculum are recorded whole, and read again`() throws {
    var settings = smallSettings()
    settings.curriculum.problems = .recency
    let event = Event.experimentCreated(ExperimentCreated(name: "x", settings: settings, promptsDigest: "d"))
    #expect(try EventCoding.event(type: event.type, schemaVersion: 1, body: event.body) == event)
    let text = String(decoding: event.body, as: UTF8.self).replacing(#""band_low":0.25,"#, with: "")
    #expect(try EventCoding.event(type: event.type, schemaVersion: 1, body: Data(text.utf8)) == event)
  }

  @Test(arguments: CurriculumSettings.Strategy.allCases.filter { $0 != .uniform })
  func `each strategy plays through, and records a choice before proposals and before solving`(
    strategy: CurriculumSettings.Strategy
  ) throws {
    var player = Player(settings(strategy, strategy))
    player.play()
    #expect(player.experiment.isFinished)
    let chosen = choices(player.events)
    let rounds = player.experiment.seedingRoundsDone
    #expect(chosen.count { $0.use == .references } == rounds + 3 && chosen.count { $0.use == .problems } == 3)
    #expect(chosen.allSatisfy { $0.strategy == strategy && $0.difficultyDigest.count == 64 })
    for (before, after) in zip(player.events, player.events.dropFirst()) {
      guard case .curriculumChosen(let choice) = before else { continue }
      #expect(after.type == (choice.use == .references ? "ProposalMade" : "AttemptMade"))
    }
    let last = try #require(chosen.last)
    #expect(last.pools.map(\.pool) == [.deduction, .abduction, .induction])
    #expect(last.pools.contains { $0.attempted > 0 })
  }

  @Test func `a strategy for the problems leaves the references as they are`() {
    var (uniform, weighted) = (Player(smallSettings()), Player(settings(.uniform, .recency)))
    func firstProposals(_ player: inout Player) -> [Event] {
      while player.experiment.iterationsDone < 1 { player.step() }
      return player.events.filter { $0.type == "ProposalMade" }
    }
    #expect(firstProposals(&uniform) == firstProposals(&weighted))
    #expect(!choices(weighted.events).contains { $0.use == .references })
  }

  @Test func `strategies draw otherwise than uniformly, and the same every time`() {
    func drawn(_ strategy: CurriculumSettings.Strategy) -> [[ProposalID]] {
      var player = Player(settings(strategy, strategy))
      player.play()
      return player.events.compactMap { if case .proposalMade(let made) = $0 { made.references } else { nil } }
    }
    for strategy in CurriculumSettings.Strategy.allCases where strategy != .uniform {
      #expect(drawn(strategy) == drawn(strategy))
      if strategy != .learningProgress { #expect(drawn(strategy) != drawn(.uniform), "\(strategy)") }
    }
  }

  @Test func `killed after every step, an experiment goes on with the same draws`() {
    var (whole, killed) = (Player(settings(.learnability, .eloMatched)), Player(settings(.learnability, .eloMatched)))
    whole.play()
    while killed.step() != nil { killed.crash() }
    #expect(killed.playEvents == whole.playEvents)
  }

  @Test func `through a snapshot at any place the next step is the same`() throws {
    var player = Player(settings(.targetBand, .learningProgress))
    while player.step() != nil {
      let bytes = try JSONEncoder().encode(player.experiment)
      let read = try JSONDecoder().decode(Experiment.self, from: bytes)
      #expect(read == player.experiment && read.nextStep == player.experiment.nextStep)
    }
  }

  @Test func `a fork to another curriculum has the difficulty of what it shares`() throws {
    var uniform = Player(smallSettings())
    while uniform.experiment.iterationsDone < 1 { uniform.step() }
    var fork = uniform
    fork.append(
      .experimentForked(
        ExperimentForked(
          name: "fork", parent: "test", parentExperiment: uniform.experiment.id,
          parentVersion: uniform.experiment.version, parentPosition: 1, changes: [],
          settings: settings(.learnability, .uniform))))
    #expect(fork.experiment.difficulty == uniform.experiment.difficulty)
    fork.play()
    let chosen = try #require(choices(fork.events).first)
    #expect(chosen.iteration == 2 && chosen.pools.contains { $0.attempted > 0 })
  }

  @Test func `every recorded choice is found again, and a changed figure is named`() throws {
    var player = Player(settings(.learnability, .recency))
    player.play()
    var folded = Player(player.created.settings)
    var checked = 0
    for event in player.events {
      if case .curriculumChosen(let chosen) = event {
        #expect(folded.experiment.objection(to: event) == nil)
        var flipped = chosen
        flipped.pools[0].effective += 0.000001
        let objection = try #require(folded.experiment.objection(to: .curriculumChosen(flipped)))
        #expect(objection.contains("pools[0].effective is \(flipped.pools[0].effective)"), "\(objection)")
        flipped = chosen
        flipped.difficultyDigest = "0" + chosen.difficultyDigest.dropFirst()
        if flipped != chosen {
          #expect(folded.experiment.objection(to: .curriculumChosen(flipped))?.contains("difficulty_digest") == true)
        }
        checked += 1
      }
      folded.append(event)
    }
    #expect(checked > 6)
  }

  @Test func `a choice for what is drawn uniformly, or outside an iteration, is refused`() throws {
    var player = Player(settings(.recency, .uniform))
    player.play()
    let chosen = try #require(choices(player.events).first)
    #expect(player.experiment.objection(to: .curriculumChosen(chosen))?.contains("outside") == true)
    var other = Player(smallSettings())
    other.step()
    #expect(other.experiment.objection(to: .curriculumChosen(chosen))?.contains("uniformly") == true)
  }
}
