import VerifierProtocol

/// A hostile program: what it tries, and what must come of it with screening off. To add one, add a row to a table in
/// this folder. docs/sandbox.md names these tests.
struct Attack: Sendable, CustomStringConvertible {
  /// What must come of an attack.
  enum Outcome: Sendable {
    /// Ended by the sandbox, with this in the reason.
    case forbidden(String)
    /// Raised, with this type.
    case raised(String)
    /// Exactly this outcome.
    case exactly(CallOutcome)
  }

  /// Unique; says what the program tries.
  var name: String
  var program: String
  var input = ""
  var outcome: Outcome

  var description: String { name }

  init(_ name: String, _ outcome: Outcome, input: String = "", _ program: String) {
    self.name = name
    self.program = program
    self.input = input
    self.outcome = outcome
  }

  /// Whether an outcome is the one that must come.
  func isContained(by actual: CallOutcome) -> Bool {
    switch (outcome, actual) {
    case (.forbidden(let part), .forbidden(let reason)): reason.contains(part)
    case (.raised(let type), .raised(let actualType, _)): type == actualType
    case (.exactly(let expected), _): actual == expected
    default: false
    }
  }

  /// All tables.
  static let all = files + processes + resources + forgeries + interpreter + determinism
}
