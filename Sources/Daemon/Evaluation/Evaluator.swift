import Domain
import Environments
import EventLog
import Foundation

/// Evaluates weights on a suite and records it: one stream an evaluation, appended a batch at a time, so that one that was
/// killed goes on after its last batch and gives the same bits.
package struct Evaluator: Sendable {
  private let log: any EventLog
  private let surroundings: Surroundings
  private let progress: @Sendable (Progress) -> Void

  /// How far it has come; for people.
  package struct Progress: Sendable {
    package var answers: Int
    package var total: Int
    /// Prompt and completion tokens computed by this process.
    package var tokens: Int
  }

  /// - Parameter progress: called from any thread, often.
  package init(
    log: any EventLog, surroundings: Surroundings, progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) {
    self.log = log
    self.surroundings = surroundings
    self.progress = progress
  }

  /// Whose answers are judged by whom.
  package struct Parts: Sendable {
    package var examiner: SuiteExaminer
    package var policy: any Policy
    package var verifier: any Verifier

    package init(examiner: SuiteExaminer, policy: any Policy, verifier: any Verifier) {
      self.examiner = examiner
      self.policy = policy
      self.verifier = verifier
    }
  }

  /// Answers sampled, checked and appended at once: several times the rows of the sampler.
  static let batchMax = 128

  /// The evaluation of a plan as the log has it, complete or begun; nil if there is none.
  package func recorded(_ plan: EvaluationPlan) async throws -> EvaluationStream? {
    guard let record = try await log.experiment(named: EvaluationStream.name(of: plan)) else { return nil }
    let stream = try await EvaluationStream.load(record, from: log)
    guard stream.started.plan == plan else {
      throw EventLogError.corrupt("\(record.name) was begun with another plan than its name says")
    }
    return stream
  }

  /// Performs what the log lacks of an evaluation, all of it or the rest.
  ///
  /// Another process may perform the same at the same time: both compute the same bits and append under the same keys, so each
  /// batch is recorded once.
  ///
  /// - Throws: what the parts throw. What is in the log by then stays. `EventLogError.keyReused` when another process computed
  ///   something else.
  package func evaluate(_ started: EvaluationStarted, with parts: Parts) async throws -> EvaluationStream {
    var stream = try await recorded(started.plan)
    if stream == nil { stream = try await begin(started) }
    guard let stream else { preconditionFailure("an evaluation that was begun is not in the log") }
    guard stream.completed == nil else { return stream }
    try await complete(stream, parts)
    return try await EvaluationStream.load(stream.record, from: log)
  }

  private func begin(_ started: EvaluationStarted) async throws -> EvaluationStream? {
    let id = ExperimentID(surroundings.makeID())
    let event = NewEvent(.evaluationStarted(started), policyVersion: started.subject.policyVersion)
    do {
      _ = try await log.createExperiment(
        id, name: EvaluationStream.name(of: started.plan), state: EvaluationStream.stateOpen, events: [event],
        key: "evaluate/\(id)")
    } catch {
      // Another process began the same a moment ago: its stream is as good.
      guard case .nameTaken = error else { throw error }
    }
    return try await recorded(started.plan)
  }

  private func complete(_ stream: EvaluationStream, _ parts: Parts) async throws {
    var (version, digest) = (stream.version, stream.digest)
    let plan = stream.started.plan
    try await perform(plan, after: stream.answers.count, parts) { batch, done, seconds in
      var events = batch.map {
        NewEvent(
          .answerEvaluated($0.answer), policyVersion: stream.started.subject.policyVersion, generation: $0.generation)
      }
      for item in batch { digest.add(item.answer, item.generation) }
      let isLast = done == plan.answers
      if isLast {
        let end = EvaluationCompleted(answers: done, answersDigest: digest.hexadecimal)
        events.append(NewEvent(.evaluationCompleted(end), policyVersion: stream.started.subject.policyVersion))
      }
      let measure = Measure(
        step: "evaluate", seconds: seconds, tokens: batch.reduce(0) { $0 + $1.generation.tokens.count })
      let appended = try await log.append(
        Append(
          key: "evaluate/\(stream.record.id)/\(version)", experiment: stream.record.id, expectedVersion: version,
          epoch: nil, events: events, state: isLast ? EvaluationStream.stateDone : nil,
          measure: EventCoding.json(measure)))
      version = appended.version
    }
  }

  private struct Measure: Encodable {
    var step: String
    var seconds: Double
    var tokens: Int
  }

  /// An answer with its tokens.
  private struct Item: Sendable {
    var answer: AnswerEvaluated
    var generation: GenerationRecord
  }

  /// Samples and checks the answers after the first `done`, batch by batch, in the order of problems and samples.
  private func perform(
    _ plan: EvaluationPlan, after done: Int, _ parts: Parts,
    _ take: (_ batch: [Item], _ done: Int, _ seconds: Double) async throws -> Void
  ) async throws {
    var (done, tokens) = (done, 0)
    let progress = progress
    while done < plan.answers {
      let begin = surroundings.now()
      let places = (done..<min(plan.answers, done + Self.batchMax)).map { ($0 / plan.samples, $0 % plan.samples) }
      let requests = places.map { parts.examiner.request($0, sample: $1) }
      let (before, tokensBefore) = (done, tokens)
      let generations = try await parts.policy.generate(requests) {
        progress(Progress(answers: before + $0.done, total: plan.answers, tokens: tokensBefore + $0.tokens))
      }
      tokens += generations.reduce(0) { $0 + $1.tokens.count }
      let checks = zip(places, generations).map { place, generation in
        parts.examiner.check(place.0, sample: place.1, completion: generation.text)
      }
      let answers = try await parts.verifier.decide(checks)
      done += places.count
      let batch = requests.indices.map {
        Item(answer: answers[$0], generation: GenerationRecord(requests[$0], generations[$0]))
      }
      try await take(batch, done, surroundings.now() - begin)
    }
  }

  // MARK: Again

  /// Computes every answer once more and compares each with the recorded one. Nothing is appended.
  ///
  /// - Returns: the first answer that differs, as `recorded → computed`; nil if all agree to the bit.
  package func again(_ stream: EvaluationStream, with parts: Parts) async throws -> String? {
    var cursor = EventCursor(stream.record.id, log)
    _ = try await cursor.next()
    var difference: String?
    try await perform(stream.started.plan, after: 0, parts) { batch, _, _ in
      for item in batch where difference == nil {
        guard let (recorded, generation) = try await cursor.next(),
          case .answerEvaluated(let answer) = try recorded.event()
        else { throw EventLogError.corrupt("\(stream.record.name) ends before its last answer") }
        difference = Self.difference(answer, generation, item)
      }
    }
    return difference
  }

  private static func difference(
    _ answer: AnswerEvaluated, _ generation: GenerationRecord?, _ computed: Item
  ) -> String? {
    let subject = "\(answer.problem), sample \(answer.sample)"
    if answer.problem != computed.answer.problem || answer.sample != computed.answer.sample {
      return "\(subject): recorded where \(computed.answer.problem), sample \(computed.answer.sample) was computed"
    }
    if generation?.completion != computed.generation.completion {
      return "\(subject): completion \(generation?.completion ?? "none") → \(computed.generation.completion)"
    }
    let recordedBits = generation?.logProbabilities.map(\.bitPattern)
    if generation?.tokens != computed.generation.tokens
      || recordedBits != computed.generation.logProbabilities.map(\.bitPattern)
    {
      return "\(subject): tokens or log-probabilities differ"
    }
    if answer.verdict != computed.answer.verdict || answer.answer != computed.answer.answer {
      return "\(subject): verdict \(answer.verdict.rawValue) → \(computed.answer.verdict.rawValue)"
    }
    return nil
  }
}

extension Verifier {
  /// Runs the jobs of all checks in one go and hands each check its own results.
  fileprivate func decide(_ checks: [Check<AnswerEvaluated>]) async throws -> [AnswerEvaluated] {
    let jobs = checks.flatMap(\.jobs)
    let results = jobs.isEmpty ? [] : try await verify(jobs)
    precondition(results.count == jobs.count, "\(jobs.count) jobs, \(results.count) results")
    var next = 0
    return checks.map { check in
      let count = check.jobs.count
      defer { next += count }
      return check.decision(Array(results[next..<next + count]))
    }
  }
}

extension GenerationRecord {
  fileprivate init(_ request: GenerationRequest, _ generation: Generation) {
    self.init(
      tokens: generation.tokens, logProbabilities: generation.logProbabilities, prompt: request.prompt,
      completion: generation.text, sampling: EventCoding.json(request.sampling), randomKey: Data(request.key.bytes),
      finish: generation.finish.rawValue)
  }
}
