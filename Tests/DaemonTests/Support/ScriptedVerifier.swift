import Domain
import Foundation

/// Understands the few programs that the scripted policy writes: `return x`, `return x + N`, `return 1 // 0`. Pure but for
/// its hook.
struct ScriptedVerifier: Verifier {
  private let calls: CallCounter

  init(hook: @escaping CallHook = { _ in }) { calls = CallCounter(hook: hook) }

  func verify(_ jobs: [VerificationJob]) async throws -> [Verification] {
    try await calls.next()
    return jobs.map { Verification(outcomes: Self.outcomes($0), seconds: 0) }
  }

  private static func outcomes(_ job: VerificationJob) -> [VerificationOutcome] {
    switch job {
    case .literal(let text): [isLiteral(text) ? .value(text, input: "") : .malformed("not a literal")]
    case .run(let program, let inputs): inputs.map { call(program, $0) }
    case .rewrite(let program, _): [.value(program, input: "")]
    case .rename(let program, let name):
      [.value(program.replacingOccurrences(of: "def f", with: "def \(name)"), input: "")]
    case .compose(let program, let functions):
      [.composed((functions.map(\.program) + [program]).joined(separator: "\n\n"), forwards: program.count % 2 == 0)]
    case .measure(let program, let references):
      [
        .measured(
          ProgramMeasures(
            cognitive: program.count % 5, cyclomatic: 1, volume: 10 * program.count, effort: 100 * program.count,
            distance: references.isEmpty ? nil : 1000 * references.joined().count % 1_000_001))
      ]
    }
  }

  private static func call(_ program: String, _ input: String) -> VerificationOutcome {
    let body = program.split(separator: "\n").last?.drop { $0 == " " } ?? ""
    guard isLiteral(input) else { return .malformedInput("not a literal") }
    switch body {
    case "return x": return .value(input, input: input)
    case "return 1 // 0": return .raised("ZeroDivisionError")
    default:
      guard body.hasPrefix("return x + "), let added = Int(body.dropFirst(11)) else {
        return .malformed("no such program")
      }
      guard let number = Int(input) else { return .raised("TypeError") }
      return .value(String(number + added), input: input)
    }
  }

  private static func isLiteral(_ text: String) -> Bool {
    Int(text) != nil || Double(text) != nil || "'[{(TN".contains(text.first ?? " ")
  }
}
