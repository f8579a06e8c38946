/// An input of a program and what the program returns for it, both as canonical Python literals.
///
/// Canonical text is a typed encoding: `1`, `1.0` and `True` differ, sets and dictionaries are sorted, so equality of
/// values is equality of text. It is made by the verifier, outside the reach of model-written code.
package struct Pair: Hashable, Codable, Sendable {
  /// Argument list of the call, for example `3, 'abc'`.
  package var input: String
  package var output: String

  package init(input: String, output: String) {
    self.input = input
    self.output = output
  }
}

/// A proposal that passed verification: a program and its pairs, ready to be attempted.
package struct Problem: Hashable, Codable, Sendable {
  package var kind: Kind
  /// Python source that defines `f`.
  package var program: String
  /// One pair for deduction and abduction; N for induction, the first half of which the solver is shown.
  package var pairs: [Pair]
  /// Induction: what the proposer says about the program. Empty for the other kinds.
  package var message: String
  /// SHA-256 of the program's normal form, where `play.duplicates_by` asks for it: Python makes it, so it is recorded. Absent
  /// otherwise.
  package var normalForm: String?
  /// What the program was built from, where it was; absent for all others. An induction problem about a composite program is
  /// none itself.
  package var composition: Composition?

  package init(
    kind: Kind, program: String, pairs: [Pair], message: String = "", normalForm: String? = nil,
    composition: Composition? = nil
  ) {
    precondition(!pairs.isEmpty, "a problem without a pair")
    self.kind = kind
    self.program = program
    self.pairs = pairs
    self.message = message
    self.normalForm = normalForm
    self.composition = composition
  }

  /// Induction: the pairs the solver is shown (Absolute Zero §3.2: the first half, rounded down).
  package var shownPairs: ArraySlice<Pair> { pairs.prefix(pairs.count / 2) }
  /// Induction: the pairs that decide whether the written program is right.
  package var hiddenPairs: ArraySlice<Pair> { pairs.dropFirst(pairs.count / 2) }

  /// The zero triplet (Absolute Zero Fig. 5): the identity function on one string, the only problem that is given.
  ///
  /// - Parameter inputs: the number of pairs of an induction problem (N).
  package static func zero(_ kind: Kind, inputs: Int) -> Problem {
    let program = "def f(x):\n    return x"
    let hello = Pair(input: "'Hello world'", output: "'Hello world'")
    guard kind == .induction else { return Problem(kind: kind, program: program, pairs: [hello]) }
    let values = ["'Hello world'", "1", "[1, 2, 3]", "{'a': 1}", "(1, 2)", "True", "1.5", "''", "[]", "None"]
    // More than ten repeat.
    let pairs = (0..<inputs).map { Pair(input: values[$0 % values.count], output: values[$0 % values.count]) }
    return Problem(kind: kind, program: program, pairs: pairs, message: "Return the argument as it is.")
  }
}

extension Problem {
  /// The normal form of the zero problem's program, as the verifier writes it.
  package static let zeroNormalForm = "def f(v0):\n    return v0"
}

/// What the verifier's answer means for an attempt (architecture §8). A lost worker is not a verdict.
package enum Verdict: String, Codable, Sendable, CaseIterable {
  case correct
  case incorrect
  /// The completion has no answer of the form that was asked for.
  case malformed
  /// The answer is a program, and it raised.
  case raised
  case timedOut = "timed_out"
  case outOfMemory = "out_of_memory"
  case nondeterministic
  /// The answer is a program, and it tried something the sandbox forbids.
  case forbidden
}

/// Why a proposal was refused. Recorded with each refusal, counted in the tables, never turned into an exception.
package enum Refusal: String, Codable, Sendable, CaseIterable {
  /// The completion lacks a part: no program, no input, too few inputs, no message.
  case malformed
  /// Not Python, or no function `f`.
  case syntax
  /// The input is not a list of literals.
  case input
  /// A banned import or name, or an attempt to leave the sandbox.
  case forbidden
  case raised
  case timedOut = "timed_out"
  case outOfMemory = "out_of_memory"
  case nondeterministic
  /// The returned value is of a type without a canonical literal.
  case unsupported
  /// The returned value is larger than the settings allow.
  case tooLarge = "too_large"
  /// Every call returns `None`: there is nothing to deduce.
  case noValue = "no_value"
  /// The same problem is in the buffer, or earlier in this iteration.
  case duplicate
  /// More functions than the settings allow.
  case functions
  /// Of a proposal that was given functions: `f` does not call every one with arguments of its own, or one is redefined.
  case composition
}
