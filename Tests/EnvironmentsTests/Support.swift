import Domain
import Environments
import Foundation
import Verification

/// Settings whose templates do nothing but show every place they have.
let settings: ExperimentSettings = {
  var settings = ExperimentSettings()
  settings.play.inputs = 2
  settings.verifier.seconds = 1
  settings.verifier.valueBytesMax = 100
  return settings
}()

func template(_ text: String, item: String = "", opening: String = "") -> PromptTemplate {
  var template = PromptTemplate()
  template.text = text
  template.item = item
  template.opening = opening
  return template
}

func proposal(_ kind: Kind) -> ProposalMade {
  ProposalMade(proposal: ProposalID(iteration: 1, kind: kind, slot: 0), references: [], program: nil)
}

func attempt(_ kind: Kind) -> AttemptMade {
  AttemptMade(
    attempt: AttemptID(iteration: 1, purpose: .solve, kind: kind, slot: 0, sample: 0),
    problem: ProposalID(iteration: 1, kind: kind, slot: 0))
}

/// What the environment does with a proposal's completion, before anything is run.
func check(
  _ kind: Kind, proposal completion: String, program: Problem? = nil, _ settings: ExperimentSettings = settings
) -> Check<ProposalVerified> {
  CodeReasoning().check(
    proposal: proposal(kind), completion: completion, material: ProposalMaterial(program: program), settings: settings)
}

/// What the environment does with an attempt's completion, before anything is run.
func check(
  _ problem: Problem, attempt completion: String, _ settings: ExperimentSettings = settings
) -> Check<AttemptVerified> {
  CodeReasoning().check(attempt: attempt(problem.kind), at: problem, completion: completion, settings: settings)
}

/// The decision after the verifier answered with these outcomes.
func decided<Decision>(_ check: Check<Decision>, _ outcomes: [VerificationOutcome]) -> Decision {
  check.decision(check.jobs.map { _ in Verification(outcomes: outcomes, seconds: 0) })
}

/// Decisions made with the real worker.
struct RealVerifier {
  let verifier: ProgramVerifier

  func decide<Decision>(_ check: Check<Decision>) async throws -> Decision {
    var check = check
    while true {
      if let decision = check.decision { return decision }
      check = check.advanced(try await verifier.verify(check.jobs))
    }
  }
}

/// Runs `body` with the real worker: beside the test executable, or where AUTODIDACT_VERIFIER says.
func withRealVerifier(
  _ limits: VerifierSettings = settings.verifier, _ body: (RealVerifier) async throws -> Void
) async throws {
  let executable =
    ProcessInfo.processInfo.environment["AUTODIDACT_VERIFIER"]
    ?? VerifierConfiguration.executable(beside: "/proc/self/exe")
  try await withVerifierPool(configuration: VerifierConfiguration(executable: executable, workersMax: 1)) { pool in
    try await body(RealVerifier(verifier: ProgramVerifier(pool: pool, settings: limits)))
  }
}

let identity = "def f(x):\n    return x"
let modulo = "def f(x):\n    return x % 3"
