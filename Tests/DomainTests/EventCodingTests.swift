import Domain
import Foundation
import Testing

/// The edge between events and JSON.
struct EventCodingTests {
  /// One event of every type, with every optional part filled in somewhere.
  private static let samples: [Event] = {
    var settings = smallSettings(seed: .max) { $0.learner.rate = 1e-6 / 3 }
    settings.prompts.solveInduction.text = "a \"quoted\" / line\n\u{1F600}"
    settings.prompts.solveInduction.stops = ["\n\n"]
    var composing = settings
    composing.composite.probability = 0.5
    composing.intrinsic.editDistanceCoefficient = 0.1
    composing.prompts.proposeDeduction.functions = "{{names}}"
    let id = ProposalID(iteration: 12, kind: .induction, slot: 3)
    let attempt = AttemptID(iteration: 12, purpose: .probe, kind: .induction, slot: 3, sample: 7)
    let request = ControlRequest(reason: "lunch", by: "someone@host")
    let change = LifeChange(iteration: 2, policyVersion: 1, reason: "lunch")
    let groups = [
      RewardGroup(role: .proposer, kind: .abduction, samples: 3, meanReward: 1.0 / 3, deviation: 0.1),
      RewardGroup(role: .solver, kind: nil, samples: 3, meanReward: -1, deviation: 0),
    ]
    let outcome = UpdateOutcome(
      loss: -0.1, entropy: 2.5, gradientNorm: 1e-20, sequences: 5, tokens: 99, ratioMean: 1, ratioDistanceMax: 5e-7,
      clippedShare: 0, logProbabilityMismatches: 0, weightsDigest: "aa", optimizerDigest: "bb")
    return [
      .experimentCreated(ExperimentCreated(name: "x", settings: settings, promptsDigest: "d", parent: "y")),
      .experimentForked(
        ExperimentForked(
          name: "f", parent: "x",
          parentExperiment: ExperimentID(UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6))),
          parentVersion: 7, parentPosition: 1 << 40, changes: ["learner.rate: 1e-06 → 2e-06"], settings: settings)),
      .shadowStarted(
        ShadowStarted(
          source: "x", sourceExperiment: ExperimentID(UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6))),
          sourceVersion: 9, numericsProfile: "p")),
      .experimentStarted(
        ExperimentStarted(host: "h", process: 3, software: "s", numericsProfile: "p", epoch: 4)),
      .pauseRequested(request), .experimentPaused(change), .resumeRequested(request), .experimentResumed(change),
      .stopRequested(request), .experimentStopped(change),
      .experimentFailed(ExperimentFailed(step: "update", error: "disk")),
      .iterationStarted(IterationStarted(iteration: 0, round: 2, policyVersion: 0)),
      .proposalMade(ProposalMade(proposal: id, references: [id, id], program: id)),
      .proposalVerified(
        ProposalVerified(
          proposal: id, problem: problem(4, kind: .induction, inputs: 2), refusal: nil, detail: "")),
      .proposalVerified(ProposalVerified(proposal: id, problem: nil, refusal: .tooLarge, detail: "401 bytes")),
      .attemptMade(AttemptMade(attempt: attempt, problem: id)),
      .attemptVerified(
        AttemptVerified(attempt: attempt, problem: id, verdict: .timedOut, answer: "f", detail: "10 s")),
      .problemAdmitted(ProblemAdmitted(problem: id)),
      .experimentCreated(
        ExperimentCreated(name: "x", settings: composing, promptsDigest: "d")),
      .proposalMade(ProposalMade(proposal: id, references: [], program: nil, functions: [id, id])),
      .proposalVerified(
        ProposalVerified(
          proposal: id,
          problem: Problem(
            kind: .induction, program: "p", pairs: [Pair(input: "1", output: "2")],
            composition: Composition(functions: [id], forwards: true)), refusal: nil, detail: "",
          measures: ProgramMeasures(cognitive: 3, cyclomatic: 2, volume: 13_932, effort: 18_575, distance: 222_222),
          earlier: EarlierValues(
            inputs: EarlierValues.Counts(seen: 9, equal: [1, 0]), outputs: EarlierValues.Counts(seen: 0, equal: [0])))),
      .curriculumChosen(
        CurriculumChosen(
          iteration: 12, use: .problems, strategy: .targetBand, difficultyVersion: 1, difficultyDigest: "dd",
          pools: [
            CurriculumChosen.PoolFigures(
              pool: .programs, candidates: 9, attempted: 7, effective: 4.25, solveRate: 0.375, solveRateUniform: 0.5)
          ])),
      .updateTried(
        UpdateTried(
          iteration: 12, weightsDigest: "ee",
          trials: [
            UpdateTried.Trial(
              problem: id, before: SolveCount(attempts: 4, correct: 0), after: SolveCount(attempts: 4, correct: 4))
          ], settings: AcceptanceSettings())),
      .updateSkipped(
        UpdateSkipped(iteration: 3, policyVersion: 2, reason: "not kept", groups: groups, candidate: "ee")),
      .weightsUpdated(
        WeightsUpdated(
          fromVersion: 1, toVersion: 2, batchDigest: "cc", consumed: [id.description, attempt.description],
          groups: groups, outcome: outcome)),
      .updateSkipped(UpdateSkipped(iteration: 2, policyVersion: 2, reason: "constant", groups: groups)),
      .conditionBegan(
        ConditionChange(condition: .entropyCollapse, iteration: 2, value: 0.03125, threshold: 0.05)),
      .conditionEnded(ConditionChange(condition: .starvation, iteration: 2, value: 0.5, threshold: 0.05)),
      .checkpointSaved(
        Checkpoint(policyVersion: 2, file: "f", bytes: 1 << 40, weightsDigest: "aa", optimizerDigest: "bb")),
      .evaluationStarted(
        EvaluationStarted(
          subject: EvaluationSubject(
            name: "x", experiment: ExperimentID(UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6))),
            policyVersion: 2),
          suite: "suite/1",
          plan: EvaluationPlan(
            suiteDigest: "s", problems: 384, promptsDigest: "p", weightsDigest: "w", samples: 8, temperature: 0.7,
            tokensMax: 192, seed: Seed(value: .max),
            limits: EvaluationLimits(
              seconds: 2, memoryMib: 256, valueBytesMax: 400, bannedModules: ["os"], isScreened: true, equality: .typed),
            numericsProfile: "n"),
          software: "s")),
      .answerEvaluated(
        AnswerEvaluated(
          problem: "deduction/1/1", group: "deduction", level: 1, sample: 7, verdict: .outOfMemory, answer: "'a'",
          detail: "d")),
      .evaluationCompleted(EvaluationCompleted(answers: 3072, answersDigest: "a")),
      .experimentAnnotated(
        ExperimentAnnotated(by: "a@b", tagsAdded: ["c"], tagsRemoved: ["d"], note: "e", priority: -3)),
    ]
  }()

  @Test func `every type of event is among the samples`() {
    #expect(Set(Self.samples.map(\.type)) == Set(EventCoding.types))
    #expect(EventCoding.types == EventCoding.types.sorted())
  }

  @Test(arguments: samples)
  func `an event is read back as it was written`(event: Event) throws {
    let read = try EventCoding.event(
      type: event.type, schemaVersion: EventCoding.schemaVersion, body: event.body)
    #expect(read == event)
    #expect(read.body == event.body)
  }

  @Test(arguments: samples)
  func `keys are in snake case and sorted`(event: Event) throws {
    let text = String(decoding: event.body, as: UTF8.self)
    let keys = text.matches(of: /"([A-Za-z0-9_]+)":/).map { String($0.1) }
    #expect(!keys.isEmpty)
    #expect(keys.allSatisfy { $0.wholeMatch(of: /[a-z0-9_]+/) != nil }, "\(keys)")
    let object = try #require(try JSONSerialization.jsonObject(with: event.body) as? [String: Any])
    let places = object.keys.sorted().map { text.firstRange(of: "\"\($0)\":")?.lowerBound }
    #expect(!places.contains(nil))
    let sorted = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    let order = String(decoding: sorted, as: UTF8.self).matches(of: /"([A-Za-z0-9_]+)":/).map { String($0.1) }
    #expect(keys == order)
  }

  @Test func `settings without a key that came later are read with what was done before`() throws {
    let settings = smallSettings(seed: 7) {
      $0.learner.rate = 1e-6 / 3
      $0.play.batch = 5
    }
    let event = Event.experimentCreated(ExperimentCreated(name: "x", settings: settings, promptsDigest: "d"))
    var body = try #require(try JSONSerialization.jsonObject(with: event.body) as? [String: Any])
    var recorded = try #require(body["settings"] as? [String: Any])
    var play = try #require(recorded["play"] as? [String: Any])
    play["without_value"] = nil
    recorded["play"] = play
    recorded["checkpoints"] = nil
    body["settings"] = recorded
    let read = try EventCoding.event(
      type: event.type, schemaVersion: 1, body: try JSONSerialization.data(withJSONObject: body))
    var expected = settings
    expected.play.withoutValue = PlaySettings().withoutValue
    expected.checkpoints = CheckpointSettings()
    #expect(read == .experimentCreated(ExperimentCreated(name: "x", settings: expected, promptsDigest: "d")))
  }

  @Test func `a log of before the options of Absolute Zero is played on as it was played`() throws {
    let settings = smallSettings(seed: 7) { $0.play.trainProposer = false }
    let event = Event.experimentCreated(ExperimentCreated(name: "x", settings: settings, promptsDigest: "d"))
    var text = String(decoding: event.body, as: UTF8.self)
    let later: [Substring] = [
      #""comments":"keep","#, #""duplicates_by":"exact","#, #""functions":"several","#, #""globals":"keep","#,
      #""proposer":"trained","#, #""reuse_probes":false,"#, #""thinking":false,"#, #""unformatted":"accept","#,
      #""probe_temperature":"same","#, #""ratio_clip_high":"same","#, #""dual_clip":0,"#, #","warmup_iterations":0"#,
    ]
    for key in later {
      #expect(text.contains(key), "\(key)")
      text.replace(key, with: "")
    }
    let read = try EventCoding.event(type: event.type, schemaVersion: 1, body: Data(text.utf8))
    #expect(read == event)
  }

  @Test func `groups and proposals without the options have the fields they always had`() {
    let group = RewardGroup(role: .solver, kind: .deduction, samples: 2, meanReward: 0.5, deviation: 1)
    #expect(
      String(decoding: EventCoding.json(group), as: UTF8.self)
        == #"{"deviation":1,"kind":"deduction","mean_reward":0.5,"role":"solver","samples":2}"#)
    let verified = ProposalVerified(
      proposal: ProposalID(iteration: 1, kind: .deduction, slot: 2),
      problem: Problem(kind: .deduction, program: "p", pairs: [Pair(input: "1", output: "2")]), refusal: nil, detail: ""
    )
    #expect(
      String(decoding: EventCoding.json(verified), as: UTF8.self)
        == #"{"detail":"","problem":{"kind":"deduction","message":"","pairs":[{"input":"1","output":"2"}],"program":"p"},"#
        + #""proposal":"1.deduction.2"}"#)
  }

  @Test func `a settings key of a newer program is refused by its name`() throws {
    let event = Event.experimentCreated(
      ExperimentCreated(name: "x", settings: smallSettings(seed: 7) { _ in }, promptsDigest: "d"))
    let text = String(decoding: event.body, as: UTF8.self)
    let newer = text.replacing("\"learner\":{", with: "\"learner\":{\"telepathy\":true,")
    #expect(newer != text)
    #expect {
      _ = try EventCoding.event(type: event.type, schemaVersion: 1, body: Data(newer.utf8))
    } throws: {
      "\($0)".contains("learner.telepathy") && "\($0)".contains("newer Autodidact")
    }
  }

  @Test func `an unknown type is refused by its name`() {
    #expect {
      _ = try EventCoding.event(type: "ProblemEaten", schemaVersion: 1, body: Data("{}".utf8))
    } throws: {
      "\($0)".contains("'ProblemEaten'")
    }
  }

  @Test func `an unknown schema version is refused by type and number`() {
    #expect {
      _ = try EventCoding.event(type: "ProblemAdmitted", schemaVersion: 2, body: Self.samples[15].body)
    } throws: {
      "\($0)".contains("ProblemAdmitted") && "\($0)".contains("2")
    }
  }

  @Test(arguments: ["{}", "[]", "{\"problem\":\"1.deduction\"}", "{\"problem\":3}", ""])
  func `a body that does not fit is refused by its type`(body: String) {
    #expect {
      _ = try EventCoding.event(type: "ProblemAdmitted", schemaVersion: 1, body: Data(body.utf8))
    } throws: {
      "\($0)".contains("ProblemAdmitted")
    }
  }

  @Test func `names of proposals and attempts are read back and nothing else is`() {
    let id = ProposalID(iteration: 12, kind: .deduction, slot: 3)
    #expect(id.description == "12.deduction.3")
    #expect(ProposalID(id.description) == id)
    let attempt = AttemptID(iteration: 12, purpose: .solve, kind: .abduction, slot: 3, sample: 1)
    #expect(attempt.description == "12.solve.abduction.3.1")
    #expect(AttemptID(attempt.description) == attempt)
    for text in [
      "", "12", "12.deduction", "12.deduction.3.4", "-1.deduction.3", "12.x.3", "12.deduction.", "a.deduction.1",
    ] {
      #expect(ProposalID(text) == nil, "\(text)")
      #expect(AttemptID(text) == nil, "\(text)")
    }
  }
}
