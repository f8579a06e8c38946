import Domain
import Testing

/// Given these events, this is the next step.
struct ExperimentTests {
  private let seedingRound = ["begin", "propose", "verify proposals", "admit"]

  @Test func `an experiment seeds, iterates, updates, saves and is finished`() {
    var player = Player(smallSettings { $0.play.seedingRoundsMax = 1 })
    let iteration = [
      "begin", "propose", "verify proposals", "probe", "verify attempts", "admit", "solve", "verify attempts", "update",
    ]
    let names = player.play()
    #expect(names == seedingRound + iteration + iteration + ["checkpoint"] + iteration + ["checkpoint"])
    #expect(player.experiment.isFinished)
    #expect(player.experiment.stateName == "finished")
    #expect(player.experiment.policyVersion == 3)
    #expect(player.experiment.checkpoint?.policyVersion == 3)
  }

  @Test func `seeding begins with the given problems and proposes all kinds but induction`() throws {
    var player = Player(smallSettings())
    #expect(player.experiment.buffers.values.allSatisfy { $0.count == 1 })
    guard case .begin(let started) = player.step() else { throw Unexpected(player) }
    #expect((started.iteration, started.round) == (0, 0))
    guard case .propose(let plans) = player.step() else { throw Unexpected(player) }
    #expect(
      plans.map(\.id.description) == [
        "0.deduction.1", "0.deduction.2", "0.deduction.3", "0.abduction.1", "0.abduction.2", "0.abduction.3",
      ])
    #expect(plans.allSatisfy { $0.references.map(\.id.slot) == [0] && $0.program == nil })
  }

  @Test func `seeding ends when each buffer holds batch times factor, or after its rounds`() {
    var enough = Player(smallSettings { $0.play.seedingRoundsMax = 60 })
    while !enough.experiment.isSeeded { enough.step() }
    #expect(enough.experiment.buffers[.deduction]!.count > 3)
    #expect(enough.experiment.buffers[.abduction]!.count > 3)
    var limited = Player(smallSettings { ($0.play.seedingFactor, $0.play.seedingRoundsMax) = (1000, 2) })
    while !limited.experiment.isSeeded { limited.step() }
    #expect(limited.experiment.seedingRoundsDone == 2)
    #expect(Player(smallSettings { $0.play.seedingFactor = 0 }).experiment.isSeeded)
    #expect(Player(smallSettings { $0.play.kinds = [.induction] }).experiment.isSeeded)
  }

  @Test func `slots of seeding count on through its rounds`() {
    var player = Player(smallSettings { ($0.play.seedingFactor, $0.play.seedingRoundsMax) = (1000, 3) })
    while !player.experiment.isSeeded { player.step() }
    let slots = player.events.compactMap { event -> Int? in
      guard case .proposalMade(let made) = event, made.proposal.kind == .deduction else { return nil }
      return made.proposal.slot
    }
    #expect(slots == Array(1...9))
  }

  @Test func `an iteration proposes batch problems of each kind with references and a program`() throws {
    var player = Player(smallSettings { $0.play.kinds = [.induction, .deduction, .abduction] })
    guard case .propose(let plans) = try player.reach("propose", iteration: 1) else { throw Unexpected(player) }
    #expect(plans.map(\.id.kind) == Kind.allCases.sorted().flatMap { [$0, $0, $0] })
    #expect(plans.map(\.id.slot) == [0, 1, 2, 0, 1, 2, 0, 1, 2])
    for plan in plans {
      #expect(plan.references.count == (plan.id.kind == .induction ? 1 : 2))
      #expect(Set(plan.references).count == plan.references.count)
      #expect(plan.references.allSatisfy { $0.id.kind == plan.id.kind })
      #expect((plan.program == nil) == (plan.id.kind != .induction))
      #expect(plan.program.map { $0.id.kind != .induction } ?? true)
    }
  }

  @Test func `accepted problems are probed n times before they are admitted, and then solved first`() throws {
    var player = Player(smallSettings())
    guard case .attempt(.probe, let probes) = try player.reach("probe", iteration: 1) else { throw Unexpected(player) }
    let accepted = player.experiment.ledger!.accepted.map(\.id)
    #expect(probes.map(\.problem.id) == accepted.flatMap { [$0, $0] })
    #expect(probes.map(\.id.sample) == accepted.flatMap { _ in [0, 1] })
    #expect(player.experiment.buffers.values.allSatisfy { $0.entries.allSatisfy { $0.id.iteration == 0 } })
    guard case .attempt(.solve, let solves) = try player.reach("solve", iteration: 1) else { throw Unexpected(player) }
    let new = solves.filter { $0.problem.id.iteration == 1 }.map(\.problem.id)
    #expect(Set(new) == Set(accepted))
    #expect(solves.map(\.id.kind) == solves.map(\.problem.id.kind))
    #expect(Set(solves.map(\.id)).count == solves.count)
  }

  @Test func `an iteration whose proposals are all refused goes on to solving`() throws {
    var player = Player(smallSettings())
    _ = try player.reach("verify proposals", iteration: 1)
    for entry in player.experiment.ledger!.unverifiedProposals {
      player.append(
        .proposalVerified(ProposalVerified(proposal: entry.id, problem: nil, refusal: .malformed, detail: "")))
    }
    guard case .attempt(.solve, let plans) = player.experiment.nextStep else { throw Unexpected(player) }
    #expect(plans.allSatisfy { $0.problem.id.iteration == 0 })
  }

  @Test func `equal problems of one step and of the buffer are refused, the first is kept`() {
    var player = Player(smallSettings())
    player.play()
    let old = player.experiment.buffers[.deduction]!.entries.last!
    let ids = (0..<3).map { ProposalID(iteration: 9, kind: .deduction, slot: $0) }
    let new = [problem(1000), problem(1000), old.problem]
    let judged = player.experiment.refuseDuplicates(
      zip(ids, new).map { ProposalVerified(proposal: $0, problem: $1, refusal: nil, detail: "") })
    #expect(judged.map(\.refusal) == [nil, .duplicate, .duplicate])
    #expect(judged.map(\.detail) == ["", ids[0].description, old.id.description])
    let allowing = Player(smallSettings { $0.play.duplicates = .allow }).experiment
    #expect(
      allowing.refuseDuplicates([
        ProposalVerified(proposal: ids[0], problem: .zero(.deduction, inputs: 4), refusal: nil, detail: "")
      ]).map(\.refusal) == [nil])
  }

  @Test func `a solver-only experiment trains no proposals`() {
    var player = Player(smallSettings { $0.play.trainProposer = false })
    player.play()
    let consumed = player.events.flatMap { event -> [String] in
      guard case .weightsUpdated(let updated) = event else { return [] }
      return updated.consumed
    }
    #expect(!consumed.isEmpty)
    #expect(consumed.allSatisfy { $0.contains(".solve.") })
  }

  @Test func `reused probes are trained after the solve attempts, in a group for each problem`() throws {
    var player = Player(smallSettings { ($0.play.reuseProbes, $0.play.probes) = (true, 4) })
    player.play()
    let updates = player.events.compactMap { event -> WeightsUpdated? in
      guard case .weightsUpdated(let updated) = event else { return nil }
      return updated
    }
    #expect(updates.count == 3)
    for updated in updates {
      let purposes = updated.consumed.map { id in
        id.contains(".probe.") ? "probe" : id.contains(".solve.") ? "solve" : "proposal"
      }
      #expect(purposes == purposes.sorted { $0 != $1 && ($0 == "proposal" || $1 == "probe") })
      let groups = updated.groups.filter { $0.problem != nil }
      #expect(!groups.isEmpty && groups.allSatisfy { $0.samples == 4 && $0.role == .solver })
      #expect(purposes.count { $0 == "probe" } == 4 * groups.count)
    }
  }

  @Test func `the base model's proposals are never trained on`() {
    var player = Player(smallSettings { ($0.play.proposer, $0.play.trainProposer) = (.base, true) })
    player.play()
    let consumed = player.events.flatMap { event -> [String] in
      guard case .weightsUpdated(let updated) = event else { return [] }
      return updated.consumed
    }
    #expect(!consumed.isEmpty && consumed.allSatisfy { $0.contains(".solve.") })
  }

  @Test func `without references no proposer is shown a problem of the buffer`() {
    var player = Player(smallSettings { ($0.play.references, $0.play.inductionReferences) = (0, 0) })
    player.play()
    let made = player.events.compactMap { event -> ProposalMade? in
      guard case .proposalMade(let made) = event else { return nil }
      return made
    }
    #expect(made.count > 27 && made.allSatisfy { $0.references.isEmpty })
    #expect(made.allSatisfy { ($0.program != nil) == ($0.proposal.kind == .induction) })
  }

  @Test func `warm-up proposes nothing and trains the solver on the problems of seeding`() {
    var player = Player(smallSettings { ($0.learner.warmupIterations, $0.play.seedingRoundsMax) = (2, 1) })
    let warmup = ["begin", "solve", "verify attempts", "update"]
    let names = player.play()
    #expect(names.starts(with: seedingRound + warmup + warmup + ["checkpoint", "begin", "propose"]))
    #expect(player.experiment.isFinished)
  }

  @Test func `a solve batch of the previous iteration holds no problem that was just accepted`() throws {
    var player = Player(smallSettings { $0.play.solveFrom = .previous })
    for iteration in 1...3 {
      guard case .attempt(.solve, let plans) = try player.reach("solve", iteration: iteration) else {
        throw Unexpected(player)
      }
      #expect(!plans.isEmpty && plans.allSatisfy { $0.problem.id.iteration < iteration })
    }
  }

  @Test func `an update that was skipped ends the iteration and keeps the version`() throws {
    var player = Player(smallSettings())
    _ = try player.reach("update", iteration: 1)
    player.append(
      .updateSkipped(UpdateSkipped(iteration: 1, policyVersion: 0, reason: "not finite", groups: [])))
    #expect(player.experiment.policyVersion == 0)
    #expect(player.experiment.iterationsDone == 1)
    guard case .begin(let started) = player.experiment.nextStep else { throw Unexpected(player) }
    #expect(started.iteration == 2)
  }

  @Test func `a gap in the versions stops the program`() async {
    await #expect(processExitsWith: .failure) {
      var experiment = Player(smallSettings()).experiment
      experiment.evolve(
        .iterationStarted(IterationStarted(iteration: 0, round: 0, policyVersion: 0)), version: 3, position: 3)
    }
  }

  @Test func `an event that comes twice stops the program`() async {
    await #expect(processExitsWith: .failure) {
      var experiment = Player(smallSettings()).experiment
      let event = Event.iterationStarted(IterationStarted(iteration: 0, round: 0, policyVersion: 0))
      experiment.evolve(event, version: 2, position: 2)
      experiment.evolve(event, version: 2, position: 2)
    }
  }
}

/// A step that should have come did not.
struct Unexpected: Error, CustomStringConvertible {
  let description: String
  init(_ player: Player) { description = "next is \(String(describing: player.experiment.nextStep?.name))" }
}

extension Player {
  /// Plays until a step of this name in this iteration is next, and returns it without performing it.
  mutating func reach(_ name: String, iteration: Int) throws -> Step {
    while let step = experiment.nextStep {
      if step.name == name, experiment.ledger?.iteration == iteration { return step }
      self.step()
    }
    throw Unexpected(self)
  }
}
