import Domain

/// A frozen set of problems that weights are evaluated on, held out from every experiment.
package struct Suite: Hashable, Sendable {
  /// For people: `code-reasoning/1`, or the name of the file it was read from.
  package var name: String
  /// SHA-256 of the file's content, uncompressed.
  package var digest: String
  package var form: Form
  package var problems: [SuiteProblem]

  package init(name: String, digest: String, form: Form, problems: [SuiteProblem]) {
    precondition(!problems.isEmpty, "suite \(name) without a problem")
    self.name = name
    self.digest = digest
    self.form = form
    self.problems = problems
  }

  /// What its lines are.
  package enum Form: String, Codable, Sendable {
    /// Problems as experiments have them: program and pairs, put to the model by an experiment's solver prompts.
    case reasoning
    /// HumanEval's form: a function to be completed, and tests.
    case functions
  }

  /// The first problems.
  package func prefix(_ count: Int) -> Suite {
    var part = self
    part.problems = Array(problems.prefix(count))
    return part
  }

  package static let problemsMax = 10_000
  package static let bytesMax = 64 << 20
}

/// One problem of a suite.
package struct SuiteProblem: Hashable, Sendable {
  /// Unique in its suite.
  package var id: String
  /// What scores are shown by: the kind of problem, or `function`.
  package var group: String
  package var level: Int?
  package var content: Content

  package init(id: String, group: String, level: Int?, content: Content) {
    self.id = id
    self.group = group
    self.level = level
    self.content = content
  }

  package enum Content: Hashable, Sendable {
    case problem(Problem)
    case function(FunctionProblem)
  }
}

/// A problem in HumanEval's form (Chen et al. 2021): the model goes on writing where the prompt ends.
package struct FunctionProblem: Hashable, Sendable {
  /// Imports, signature and docstring of a function.
  package var prompt: String
  /// The function's name.
  package var entryPoint: String
  /// Python that defines `check(candidate)`.
  package var test: String
  /// A body that is right; never shown. `nil` where the suite has none.
  package var solution: String?

  package init(prompt: String, entryPoint: String, test: String, solution: String?) {
    self.prompt = prompt
    self.entryPoint = entryPoint
    self.test = test
    self.solution = solution
  }

  /// Where a completion ends: the beginning of something beside the function.
  package static let stops = [
    "\ndef ", "\nclass ", "\n#", "\nif ", "\nprint", "\n@", "\nassert ", "\nimport ", "\nfrom ", "\n```",
  ]

  /// The completion up to the first stop.
  package static func body(_ completion: String) -> String {
    let text = Array(completion.utf8)
    var end = text.count
    for stop in stops {
      let stop = Array(stop.utf8)
      guard stop.count <= end else { continue }
      if let place = (0...end - stop.count).first(where: { text[$0..<$0 + stop.count].elementsEqual(stop) }) {
        end = place
      }
    }
    return String(decoding: text[..<end], as: UTF8.self)
  }

  /// A program whose `f()` returns True if `body` passes the tests, and raises otherwise. A function that is called `f` itself
  /// still finds itself under that name, by its arguments.
  package func program(body: String) -> String {
    """
    \(prompt)\(body)

    \(test)

    candidate_of_suite = \(entryPoint)


    def f(*arguments, **named):
        if arguments or named:
            return candidate_of_suite(*arguments, **named)
        check(candidate_of_suite)
        return True

    """
  }
}
