import Domain

/// The places `{{name}}` of a prompt template that the environment fills in.
package enum PromptPlaces {
  /// A part of a template.
  package enum Part: String, Sendable, CaseIterable {
    case text, item, functions, opening, stops

    /// The parts of a role's templates: only proposers are given functions.
    package static func all(_ role: Role) -> [Part] { allCases.filter { $0 != .functions || role == .proposer } }
  }

  /// What each part may say. One table: an environment that fills in more adds it here.
  package static func allowed(_ role: Role, _ part: Part) -> [String] {
    switch (role, part) {
    case (.proposer, .text): ["references", "functions", "program", "input", "inputs"]
    case (.proposer, .item): ["program", "input", "output", "message", "inputs"]
    case (.solver, .text): ["program", "input", "output", "message", "pairs"]
    case (.solver, .item): ["input", "output"]
    case (.proposer, .functions): ["names", "programs"]
    case (_, .opening), (_, .stops), (.solver, .functions): []
    }
  }

  /// What a place stands for, for `docs/settings.md`.
  static let meanings: [(name: String, meaning: String)] = [
    ("references", "the problems a proposer is shown, each written as `item` says"),
    (
      "functions",
      "what `functions` says, where the proposal is given functions to call (`composite`); nothing otherwise"
    ),
    ("names", "the names of those functions: `g_0, g_1`"),
    ("programs", "their programs"),
    ("program", "the program: of the problem, or the one an induction proposal is made for"),
    ("input", "the argument list of one pair"),
    ("output", "the value of one pair"),
    ("message", "what the proposer says about an induction problem"),
    ("inputs", "in `text` the number of inputs asked for, in `item` the inputs of that problem"),
    ("pairs", "the shown half of an induction problem's pairs, each written as `item` says"),
  ]

  /// A place as it stands in a text.
  struct Place: Hashable {
    /// Between the braces, spaces included.
    var name: String
    /// Line within the text, from 0.
    var line: Int
  }

  /// The places of a text in order. Braces around anything but a word (`{{1: 2}}`, in examples) are text.
  static func places(in text: String) -> [Place] {
    var places: [Place] = []
    for (line, content) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      for match in content.matches(of: /\{\{([ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*)\}\}/) {
        places.append(Place(name: String(match.1), line: line))
      }
    }
    return places
  }
}
