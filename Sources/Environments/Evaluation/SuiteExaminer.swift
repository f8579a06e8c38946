import Domain
import Foundation

/// Puts the problems of a suite to a model and judges its answers: pure, as an environment is.
package struct SuiteExaminer: Sendable {
  package let suite: Suite
  private let settings: EvaluationSettings
  /// Never played and never recorded: it lends a suite of reasoning problems the environment's prompts and judgement.
  private let experiment: Experiment
  private let environment: any Environment

  /// - Parameters:
  ///   - environment: the one whose problems are in a suite of reasoning problems.
  package init(suite: Suite, settings: EvaluationSettings, environment: any Environment) {
    self.suite = suite
    self.settings = settings
    self.environment = environment
    experiment = settings.experiment
  }

  /// The request for one answer; keyed by the problem's place and the sample's number.
  package func request(_ problem: Int, sample: Int) -> GenerationRequest {
    switch suite.problems[problem].content {
    case .problem(let content):
      let id = ProposalID(iteration: 0, kind: content.kind, slot: problem)
      let plan = Step.AttemptPlan(
        id: attempt(content.kind, problem, sample), problem: ProblemBuffer.Entry(id: id, problem: content))
      return environment.request(for: plan, in: experiment)
    case .function(let content):
      return GenerationRequest(
        prompt: content.prompt,
        sampling: Sampling(
          temperature: settings.temperature, tokensMax: settings.tokensMax, stops: FunctionProblem.stops),
        key: RandomKey(seed: settings.seed, purpose: .evaluate, iteration: 0, slot: problem, sample: sample))
    }
  }

  /// What must be run to judge an answer.
  package func check(_ problem: Int, sample: Int, completion: String) -> Check<AnswerEvaluated> {
    let item = suite.problems[problem]
    @Sendable func answer(_ verdict: Verdict, _ text: String, _ detail: String) -> AnswerEvaluated {
      AnswerEvaluated(
        problem: item.id, group: item.group, level: item.level, sample: sample, verdict: verdict, answer: text,
        detail: detail)
    }
    switch item.content {
    case .problem(let content):
      let made = AttemptMade(
        attempt: attempt(content.kind, problem, sample),
        problem: ProposalID(iteration: 0, kind: content.kind, slot: problem))
      return environment.check(attempt: made, at: content, completion: completion, settings: experiment.settings)
        .map { answer($0.verdict, $0.answer, $0.detail) }
    case .function(let content):
      let body = FunctionProblem.body(completion)
      return .verify([.run(program: content.program(body: body), inputs: [""])]) { results in
        let (verdict, detail) = Self.verdict(results[0].outcomes[0])
        return answer(verdict, body, detail)
      }
    }
  }

  private func attempt(_ kind: Kind, _ problem: Int, _ sample: Int) -> AttemptID {
    AttemptID(iteration: 0, purpose: .evaluate, kind: kind, slot: problem, sample: sample)
  }

  /// A test that fails is a wrong answer; anything else that is raised is told apart.
  private static func verdict(_ outcome: VerificationOutcome) -> (Verdict, String) {
    switch outcome {
    case .value(let value, _): value == "True" ? (.correct, "") : (.incorrect, "the tests returned \(value)")
    case .malformed(let detail), .malformedInput(let detail): (.malformed, detail)
    case .raised(let detail): (detail.hasPrefix("AssertionError") ? .incorrect : .raised, detail)
    case .timedOut: (.timedOut, "")
    case .outOfMemory: (.outOfMemory, "")
    case .tooLarge(let detail), .unsupported(let detail): (.incorrect, detail)
    case .nondeterministic(let detail): (.nondeterministic, detail)
    case .forbidden(let detail): (.forbidden, detail)
    case .composed, .uncomposed, .measured: preconditionFailure("\(outcome) of a program that was run")
    }
  }
}

/// How a suite is put and judged: the same for every experiment, whatever its own settings are, so that scores compare. Only
/// the prompts are the experiment's.
package struct EvaluationSettings: Hashable, Sendable {
  package var form: Suite.Form
  package var prompts: PromptTemplates
  /// Answers to each problem.
  package var samples: Int
  package var temperature: Double
  package var tokensMax: Int
  package var seed: UInt64

  package init(
    form: Suite.Form, prompts: PromptTemplates, samples: Int = 1, temperature: Double = 0, tokensMax: Int? = nil,
    seed: UInt64 = 1
  ) {
    self.form = form
    self.prompts = prompts
    self.samples = samples
    self.temperature = temperature
    self.tokensMax = tokensMax ?? Self.tokensMax(form)
    self.seed = seed
  }

  /// Room for the longest right answer, several times.
  package static func tokensMax(_ form: Suite.Form) -> Int { form == .reasoning ? 192 : 384 }

  /// Limits on the programs. HumanEval's own harness gives tests 3 seconds; published tests are not written for screening.
  package var limits: EvaluationLimits {
    switch form {
    case .reasoning:
      EvaluationLimits(
        seconds: 2, memoryMib: 256, valueBytesMax: 400, bannedModules: Self.bannedModules, isScreened: true,
        equality: .typed)
    case .functions:
      EvaluationLimits(
        seconds: 3, memoryMib: 256, valueBytesMax: 400, bannedModules: [], isScreened: false, equality: .typed)
    }
  }

  /// What a written program may not import: no right answer needs one of these.
  private static let bannedModules = [
    "os", "sys", "shutil", "random", "logging", "multiprocessing", "subprocess", "threading", "datetime", "time",
    "hashlib", "hmac", "socket", "calendar", "uuid", "secrets", "ctypes", "gc", "importlib", "builtins",
  ]

  /// SHA-256 of how the problems are put.
  package var promptsDigest: String {
    switch form {
    case .reasoning:
      sha256(EventCoding.json([prompts.solveDeduction, prompts.solveAbduction, prompts.solveInduction]))
    case .functions: sha256(EventCoding.json(FunctionProblem.stops))
    }
  }

  /// An experiment of these settings.
  package var experiment: Experiment {
    var settings = ExperimentSettings()
    settings.seed = Seed(value: seed)
    settings.prompts = prompts
    // Prompts that open a thought ask for an answer after it: read otherwise, no answer of such an experiment would count.
    let asked = Kind.allCases.map { prompts[.solver, $0] }.filter { !$0.text.isEmpty }
    settings.play.thinking = !asked.isEmpty && asked.allSatisfy { $0.opening.hasPrefix("<think>") }
    settings.solver = SolverSettings(temperature: temperature, tokensMax: tokensMax)
    settings.verifier = limits.verifier
    return Experiment(
      id: ExperimentID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))),
      created: ExperimentCreated(name: "evaluation", settings: settings, promptsDigest: promptsDigest))
  }
}
