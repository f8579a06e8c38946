import Domain
import EventLog
import Foundation

/// An evaluation folded from its stream: what was evaluated, and its answers so far.
///
/// A stream is a row of the log's experiments under a name with a slash, which no experiment can have: the log keeps, chains and
/// archives it as any other, and nothing plays it or trains on it (docs/decisions/0008-evaluations.md).
package struct EvaluationStream: Sendable {
  package private(set) var started: EvaluationStarted
  package private(set) var answers: [AnswerEvaluated] = []
  package private(set) var completed: EvaluationCompleted?
  /// Over the answers so far.
  package private(set) var digest = AnswersDigest()
  package private(set) var version: Int64 = 1
  /// Tokens sampled.
  package private(set) var tokens = 0
  package let record: ExperimentRecord

  /// The name of the stream of a plan.
  package static func name(of plan: EvaluationPlan) -> String { prefix + plan.digest.prefix(32) }
  static let prefix = "evaluation/"

  /// Words for the state column.
  static let stateOpen = "evaluating"
  static let stateDone = "evaluated"

  /// Reads a stream to its end.
  ///
  /// - Throws: `EventLogError.corrupt` for a stream that is no evaluation, or whose answers are not those it completed with.
  package static func load(_ record: ExperimentRecord, from log: any EventLog) async throws -> EvaluationStream {
    var cursor = EventCursor(record.id, log)
    guard let (first, _) = try await cursor.next(), case .evaluationStarted(let started) = try first.event() else {
      throw EventLogError.corrupt("\(record.name) does not begin with EvaluationStarted")
    }
    var stream = EvaluationStream(started: started, record: record)
    while let (recorded, generation) = try await cursor.next() {
      try stream.take(try recorded.event(), generation, version: recorded.version)
    }
    return stream
  }

  private init(started: EvaluationStarted, record: ExperimentRecord) {
    self.started = started
    self.record = record
  }

  private mutating func take(_ event: Event, _ generation: GenerationRecord?, version: Int64) throws {
    switch event {
    case .answerEvaluated(let answer):
      guard completed == nil, let generation else {
        throw EventLogError.corrupt(
          "\(record.name) has an answer after its end or without tokens at version \(version)")
      }
      answers.append(answer)
      digest.add(answer, generation)
      tokens += generation.tokens.count
    case .evaluationCompleted(let end):
      guard end.answers == answers.count, end.answersDigest == digest.hexadecimal else {
        throw EventLogError.corrupt(
          "\(record.name) completed with \(end.answers) answers of digest \(end.answersDigest), its stream has "
            + "\(answers.count) of \(digest.hexadecimal)")
      }
      completed = end
    default: throw EventLogError.corrupt("\(event.type) in the evaluation \(record.name) at version \(version)")
    }
    self.version = version
  }
}

/// A chain over answers: each with the digest so far. Times and explanations are not in it.
package struct AnswersDigest: Hashable, Sendable {
  package private(set) var hexadecimal = sha256(Data("autodidact.answers.1".utf8))

  package init() {}

  package mutating func add(_ answer: AnswerEvaluated, _ generation: GenerationRecord) {
    var bare = answer
    bare.detail = ""
    var bytes = Data(hexadecimal.utf8) + EventCoding.json(bare)
    bytes.append(0)
    bytes += Data(generation.tokens.littleEndianBytes)
    bytes += Data(generation.logProbabilities.littleEndianBytes)
    hexadecimal = sha256(bytes)
  }
}

extension ExperimentRecord {
  /// Whether the stream is an evaluation's and no experiment's.
  package var isEvaluation: Bool { name.hasPrefix(EvaluationStream.prefix) }
}

extension EventLog {
  /// The experiments, without the streams of evaluations.
  package func playedExperiments() async throws -> [ExperimentRecord] {
    try await experiments().filter { !$0.isEvaluation }
  }

  /// An experiment, or an evaluation by the name of its stream.
  /// - Throws: `UnknownExperiment`.
  package func requireStream(_ name: String) async throws -> ExperimentRecord {
    if let record = try await experiment(named: name), record.isEvaluation { return record }
    return try await requireExperiment(name)
  }
}
