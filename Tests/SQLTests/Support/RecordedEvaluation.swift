import Domain
import EventLog
import Foundation

/// An evaluation of an experiment's weights as a log holds it: eight problems, greedy, and three with two samples each.
struct RecordedEvaluation {
  let started: EvaluationStarted
  let answers: [AnswerEvaluated]

  static func all(of experiment: ExperimentID, name: String) -> [RecordedEvaluation] {
    [
      RecordedEvaluation(experiment, name, problems: 8, samples: 1, temperature: 0),
      RecordedEvaluation(experiment, name, problems: 3, samples: 2, temperature: 0.5),
    ]
  }

  private init(_ experiment: ExperimentID, _ name: String, problems: Int, samples: Int, temperature: Double) {
    started = EvaluationStarted(
      subject: EvaluationSubject(name: name, experiment: experiment, policyVersion: 2), suite: "suite/1",
      plan: EvaluationPlan(
        suiteDigest: "s", problems: problems, promptsDigest: "p", weightsDigest: "w", samples: samples,
        temperature: temperature, tokensMax: 9, seed: Seed(value: 1),
        limits: EvaluationLimits(
          seconds: 1, memoryMib: 64, valueBytesMax: 100, bannedModules: [], isScreened: true, equality: .typed),
        numericsProfile: "test"),
      software: "test")
    answers = (0..<problems * samples).map { index in
      let problem = index / samples
      return AnswerEvaluated(
        problem: "\(problem)", group: Kind.allCases[problem % 3].rawValue, level: 1 + problem % 2,
        sample: index % samples, verdict: index % 3 == 0 ? .correct : index % 3 == 1 ? .incorrect : .malformed,
        answer: "answer \(index)", detail: "")
    }
  }

  var streamName: String { "evaluation/\(started.plan.digest.prefix(32))" }

  func append(to log: any EventLog, id: UInt8) async throws {
    let id = ExperimentID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 1, id)))
    _ = try await log.createExperiment(
      id, name: streamName, state: "evaluating", events: [event(.evaluationStarted(started))], key: "create \(id)")
    let completed = EvaluationCompleted(answers: answers.count, answersDigest: "a")
    let events = answers.map { event(.answerEvaluated($0)) } + [event(.evaluationCompleted(completed))]
    _ = try await log.append(
      Append(key: "\(id) 1", experiment: id, expectedVersion: 1, epoch: nil, events: events, state: "evaluated"))
  }

  private func event(_ event: Event) -> NewEvent {
    var generation: GenerationRecord?
    if case .answerEvaluated(let answer) = event {
      generation = GenerationRecord(
        tokens: [1, 2, 3], logProbabilities: [-1, -2, -3], prompt: "prompt", completion: answer.answer,
        sampling: Data("{}".utf8), randomKey: Data([1]), finish: "stop")
    }
    return NewEvent(type: event.type, policyVersion: 2, body: event.body, generation: generation)
  }
}
