import Daemon
import Domain
import Engine
import Environments
import EventLog
import Foundation
import Synchronization
import Testing
import Verification

/// A tiny random model on our engine and the real verifier, on each kind of log.
@Suite("Evaluations", .serialized)
struct EvaluationTests {
  /// 200 problems: more than one batch.
  private static let suite: Suite = {
    let lines = (0..<200).map { number in
      let kind = ["deduction", "abduction"][number % 2]
      return """
        {"id":"\(number)","kind":"\(kind)","level":\(1 + number % 3),"program":"def f(x):\\n    return x + \(number)",\
        "pairs":[{"input":"1","output":"\(number + 1)"}]}
        """
    }
    do {
      return try Suite.read(Data(lines.joined(separator: "\n").utf8), name: "tiny/1", file: "tiny.jsonl")
    } catch {
      preconditionFailure("\(error)")
    }
  }()

  private static var prompts: PromptTemplates {
    var prompts = PromptTemplates()
    for path in [\PromptTemplates.solveDeduction, \.solveAbduction] {
      prompts[keyPath: path].text = "{{program}} "
      prompts[keyPath: path].opening = path == \.solveDeduction ? "```output\n" : "```input\n"
    }
    return prompts
  }

  /// What an evaluation is made of; new parts are a new process.
  private struct World {
    let daemon: TestDaemon
    let model: String
    let pool: VerifierPool
    var settings = EvaluationSettings(form: .reasoning, prompts: EvaluationTests.prompts, tokensMax: 3)

    func sampler(threads: Int = 1) throws -> PolicySampler {
      try PolicySampler(
        PolicyWeights(model: model, digest: ""), threads: threads, limits: SamplerLimits(cacheBytesMax: 4 << 20))
    }

    func parts(_ policy: any Policy) -> Evaluator.Parts {
      let examiner = SuiteExaminer(
        suite: EvaluationTests.suite, settings: settings, environment: CodeReasoning())
      return Evaluator.Parts(
        examiner: examiner, policy: policy, verifier: ProgramVerifier(pool: pool, settings: settings.limits.verifier))
    }

    func started(_ weights: String) -> EvaluationStarted {
      EvaluationStarted(
        subject: EvaluationSubject(name: "tiny", experiment: nil, policyVersion: 0), suite: "tiny/1",
        plan: EvaluationPlan(
          suiteDigest: EvaluationTests.suite.digest, problems: EvaluationTests.suite.problems.count,
          promptsDigest: settings.promptsDigest, weightsDigest: weights, samples: settings.samples,
          temperature: settings.temperature, tokensMax: settings.tokensMax, seed: Seed(value: settings.seed),
          limits: settings.limits, numericsProfile: "test"),
        software: "test")
    }

    var evaluator: Evaluator { Evaluator(log: daemon.log, surroundings: daemon.surroundings) }

    func evaluate(_ policy: (any Policy)? = nil, threads: Int = 1) async throws -> EvaluationStream {
      let sampler = try sampler(threads: threads)
      return try await evaluator.evaluate(started(sampler.weightsDigest), with: parts(policy ?? sampler))
    }
  }

  private static func with(_ kind: LogKind, _ body: (World) async throws -> Void) async throws {
    let executable = VerifierConfiguration.executable(beside: "/proc/self/exe")
    try await withTestDaemon(kind) { daemon in
      try FileManager.default.createDirectory(atPath: daemon.folder, withIntermediateDirectories: true)
      let model = daemon.folder + "/tiny.gguf"
      try TinyGGUF.write(to: model)
      try await withVerifierPool(configuration: VerifierConfiguration(executable: executable, workersMax: 1)) { pool in
        try await body(World(daemon: daemon, model: model, pool: pool))
      }
    }
  }

  @Test("every problem is answered and judged, and the log has it, whole", arguments: LogKind.available)
  func complete(kind: LogKind) async throws {
    try await Self.with(kind) { world in
      let stream = try await world.evaluate()
      #expect(stream.answers.map(\.problem) == Self.suite.problems.map(\.id))
      #expect(stream.completed?.answers == 200 && stream.completed?.answersDigest == stream.digest.hexadecimal)
      let found = try await world.evaluator.recorded(stream.started.plan)
      #expect(found?.digest == stream.digest && found?.answers == stream.answers)
      let record = try #require(try await world.daemon.log.experiment(named: stream.record.name))
      #expect(record.state == "evaluated" && record.isEvaluation)
    }
  }

  @Test("an evaluation that the log has is not computed again", arguments: LogKind.available)
  func found(kind: LogKind) async throws {
    try await Self.with(kind) { world in
      let first = try await world.evaluate()
      let head = try await world.daemon.log.head()
      #expect(try await world.evaluate(FailingPolicy(after: 0)).digest == first.digest)
      #expect(try await world.daemon.log.head() == head)
    }
  }

  @Test("one that was interrupted goes on after its last batch, to the same digest", arguments: LogKind.available)
  func interrupted(kind: LogKind) async throws {
    var whole: String?
    try await Self.with(kind) { whole = try await $0.evaluate().digest.hexadecimal }
    try await Self.with(kind) { world in
      await #expect(throws: FailingPolicy.Failure.self) {
        try await world.evaluate(FailingPolicy(after: 1, base: try world.sampler()))
      }
      let plan = world.started(try world.sampler().weightsDigest).plan
      let begun = try #require(try await world.evaluator.recorded(plan))
      #expect(begun.answers.count == 128 && begun.completed == nil)
      // Two threads: the bits do not depend on it.
      #expect(try await world.evaluate(threads: 2).digest.hexadecimal == whole)
    }
  }

  @Test("computed again it agrees; with other weights the first difference is named")
  func again() async throws {
    try await Self.with(.inMemory) { world in
      let stream = try await world.evaluate()
      #expect(try await world.evaluator.again(stream, with: world.parts(try world.sampler())) == nil)
      try TinyGGUF.write(to: world.model, seed: 7)
      let difference = try await world.evaluator.again(stream, with: world.parts(try world.sampler()))
      #expect(difference?.hasPrefix("0, sample 0: ") == true, "\(difference ?? "none")")
    }
  }

  @Test("sampled answers differ among each other and have their own stream")
  func samples() async throws {
    try await Self.with(.inMemory) { world in
      let greedy = try await world.evaluate()
      var other = world
      other.settings.samples = 2
      other.settings.temperature = 1
      let sampled = try await other.evaluate()
      #expect(sampled.record.name != greedy.record.name && sampled.answers.count == 400)
      #expect(sampled.answers.prefix(4).map(\.sample) == [0, 1, 0, 1])
      let positions = try await world.daemon.recorded(sampled.record).dropFirst().prefix(20).map(\.position)
      let generations = try await world.daemon.log.generations(at: Array(positions))
      #expect(Set(positions.compactMap { generations[$0]?.tokens }).count > 10)
    }
  }

  @Test(
    "an evaluation changes no experiment and is none: digest, list and names are as before",
    arguments: LogKind.available)
  func experimentsUntouched(kind: LogKind) async throws {
    try await Self.with(kind) { world in
      let record = try await world.daemon.create()
      try await world.daemon.run(record, iterations: 1)
      let before = try await ExperimentDigest.of(record.id, in: world.daemon.log)
      let stream = try await world.evaluate()
      #expect(try await ExperimentDigest.of(record.id, in: world.daemon.log) == before)
      #expect(try await world.daemon.log.playedExperiments().map(\.name) == [record.name])
      let error = await #expect(throws: UnknownExperiment.self) {
        try await world.daemon.log.requireExperiment(stream.record.name)
      }
      #expect(error?.known == [record.name])
      #expect(
        try await world.daemon.log.requireStream(stream.record.name) == stream.record.refreshed(in: world.daemon.log))
    }
  }

  @Test(
    "verify counts evaluations and names one whose answers are not those it completed with",
    arguments: LogKind.available)
  func verified(kind: LogKind) async throws {
    try await Self.with(kind) { world in
      let stream = try await world.evaluate()
      let home = Home(
        state: URL(fileURLWithPath: world.daemon.folder), share: URL(fileURLWithPath: ReferenceFiles.packageRoot))
      let report = try await LogVerification(log: world.daemon.log, home: home, isFull: true).verify(nil)
      #expect(report.damage == nil, "\(report)")
      #expect(report.checks.first { $0.subject == "evaluations" }?.count == 1)
      // A forger who also makes the chain right still has the digest against him.
      let forged = try await altered(stream.record, in: world.daemon.log) { event, recording in
        guard case .answerEvaluated(var answer) = try event.event(), answer.problem == "17" else { return }
        answer.verdict = answer.verdict == .correct ? .incorrect : .correct
        recording.body = Event.answerEvaluated(answer).body
      }
      let found = try await LogVerification(log: forged, home: home, isFull: true).verify(nil)
      #expect(found.damage?.key == stream.record.name, "\(found)")
    }
  }

  @Test(
    "two processes that evaluate the same at the same time append it once, for both compute the same",
    arguments: LogKind.available)
  func rivals(kind: LogKind) async throws {
    try await Self.with(kind) { world in
      let sampler = try world.sampler()
      let rival = RivalPolicy(base: sampler) { _ = try await world.evaluate() }
      let stream = try await world.evaluate(rival)
      #expect(stream.completed != nil && stream.answers.count == 200 && stream.version == 202)
      #expect(try await world.daemon.log.head().position == Position(202))
    }
  }

  @Test("right, wrong and formless answers are told apart by the real verifier")
  func verdicts() async throws {
    try await Self.with(.inMemory) { world in
      let policy = AnsweringPolicy { index in
        switch index % 5 {
        case 0: "\(index % 2 == 0 ? index + 1 : 1)\n```"
        case 1: "'wrong'\n```"
        case 2: "1 +\n```"
        default: "no fence"
        }
      }
      let stream = try await world.evaluate(policy)
      let score = EvaluationScore(stream.answers)
      #expect(score.tallies.indices.allSatisfy { (score.tallies[$0].correct == 1) == ($0 % 5 == 0) })
      // A text is a wrong output, and as an input it raises: there a number is added to it.
      #expect(score.verdicts == [.correct: 40, .incorrect: 20, .raised: 20, .malformed: 120])
    }
  }

  @Test("the manifest's suites are read by name, others by path, packed ones too; a changed one is refused")
  func files() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("suites-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("suites"), withIntermediateDirectories: true)
    let installed = SuiteFile(
      home: Home(state: folder, share: URL(fileURLWithPath: ReferenceFiles.packageRoot)))
    #expect(try installed.suite("code-reasoning/1").problems.count == 384)
    let error = #expect(throws: SuiteError.self) { try installed.suite("code-reasoning/2") }
    #expect(error?.reason.contains("code-reasoning/1") == true)

    let line = #"{"task_id":"T/0","prompt":"def g():\n","entry_point":"g","test":"def check(candidate): pass"}"#
    let plain = folder.appendingPathComponent("HumanEval.jsonl")
    try Data(line.utf8).write(to: plain)
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/bin/gzip")
    gzip.arguments = ["-k", plain.path]
    try gzip.run()
    gzip.waitUntilExit()
    let (one, two) = (try installed.suite(plain.path), try installed.suite(plain.path + ".gz"))
    #expect(one == two && one.name == "HumanEval" && one.digest == sha256(Data(line.utf8)))
    try Data(contentsOf: URL(fileURLWithPath: plain.path + ".gz")).dropLast(3).write(
      to: folder.appendingPathComponent("cut.jsonl.gz"))
    #expect(throws: SuiteError.self) { try installed.suite(folder.path + "/cut.jsonl.gz") }

    let manifest = "mine\tmine.jsonl\t\(String(repeating: "0", count: 64))\n"
    try Data(manifest.utf8).write(to: folder.appendingPathComponent("suites/manifest.tsv"))
    try Data(line.utf8).write(to: folder.appendingPathComponent("suites/mine.jsonl"))
    let changed = #expect(throws: SuiteError.self) {
      try SuiteFile(home: Home(state: folder, share: folder)).suite("mine")
    }
    #expect(changed?.reason.contains("a frozen suite was changed") == true)
  }
}

extension ExperimentRecord {
  fileprivate func refreshed(in log: any EventLog) async throws -> ExperimentRecord? { try await log.experiment(id) }
}

/// Fails like a process that is killed: after some batches.
private final class FailingPolicy: Policy {
  struct Failure: Error {}
  private let base: (any Policy)?
  private let left: Mutex<Int>

  init(after batches: Int, base: (any Policy)? = nil) {
    self.base = base
    left = Mutex(batches)
  }

  func generate(
    _ requests: [GenerationRequest], progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> [Generation] {
    let isAlive = left.withLock { left in
      left -= 1
      return left >= 0
    }
    guard isAlive, let base else { throw Failure() }
    return try await base.generate(requests, progress: progress)
  }
}

/// Lets somebody else do the work while it computes its first batch.
private final class RivalPolicy: Policy {
  private let base: any Policy
  private let rival: @Sendable () async throws -> Void
  private let isFirst = Mutex(true)

  init(base: any Policy, rival: @escaping @Sendable () async throws -> Void) {
    self.base = base
    self.rival = rival
  }

  func generate(
    _ requests: [GenerationRequest], progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> [Generation] {
    let isFirst = isFirst.withLock { isFirst in
      defer { isFirst = false }
      return isFirst
    }
    if isFirst { try await rival() }
    return try await base.generate(requests, progress: progress)
  }
}

/// Answers by the place of the problem in the suite.
private struct AnsweringPolicy: Policy {
  let answer: @Sendable (Int) -> String

  func generate(
    _ requests: [GenerationRequest], progress: @escaping @Sendable (StepProgress) -> Void
  ) async throws -> [Generation] {
    requests.map {
      Generation(promptTokenCount: 1, tokens: [1], logProbabilities: [0], text: answer($0.key.slot), finish: .stop)
    }
  }
}
