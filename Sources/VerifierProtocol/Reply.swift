/// A worker's answer to one job, of the same kind as the job.
package enum VerifierReply: Codable, Hashable, Sendable {
  case run(RunReply)
  case literal(TextReply)
  case normalise(NormaliseReply)
  case inspect(InspectReply)
}

/// One reply per call, in the order of the calls.
package struct RunReply: Codable, Hashable, Sendable {
  package var calls: [CallReply]

  package init(calls: [CallReply]) { self.calls = calls }
}

/// What came of one call of a program.
package struct CallReply: Codable, Hashable, Sendable {
  package var outcome: CallOutcome
  /// The canonical text of the arguments, for storing and comparing inputs; nil if they were not read.
  package var canonicalInput: String?
  package var usage: Usage

  package init(outcome: CallOutcome, canonicalInput: String?, usage: Usage) {
    self.outcome = outcome
    self.canonicalInput = canonicalInput
    self.usage = usage
  }
}

/// The outcome of a call. Data, never an error: errors mean that the verifier itself failed.
package enum CallOutcome: Codable, Hashable, Sendable {
  /// The canonical text of the value (docs/sandbox.md, "Values"). Values are equal exactly if the texts are.
  case value(String)
  /// The program raised; the message has at most 200 bytes.
  case raised(type: String, message: String)
  /// The processor or wall-clock limit ended it.
  case timedOut
  /// The memory limit ended it, or it raised `MemoryError`.
  case outOfMemory
  /// The value's text is longer, or nested deeper, than allowed. Values are never cut.
  case tooLarge
  /// The value, or a part of it, is of a type without canonical text; the type's name.
  case unsupportedValue(type: String)
  /// The two interpreters disagree.
  case nondeterministic
  /// Refused by screening, ended by a layer of the sandbox, or crashed; the reason names which.
  case forbidden(reason: String)
  /// Not a program with the wanted function.
  case malformed(reason: String)
  /// The call's text is not a list of literal arguments.
  case malformedInput(reason: String)
}

/// What a call used, summed over its one or two processes.
package struct Usage: Codable, Hashable, Sendable {
  package var wallSeconds: Double
  package var cpuSeconds: Double
  /// The greatest resident memory, the warm interpreter's included.
  package var memoryPeakBytes: Int

  package init(wallSeconds: Double, cpuSeconds: Double, memoryPeakBytes: Int) {
    self.wallSeconds = wallSeconds
    self.cpuSeconds = cpuSeconds
    self.memoryPeakBytes = memoryPeakBytes
  }
}

/// A literal's canonical text, or why it is none.
package enum TextReply: Codable, Hashable, Sendable {
  case text(String)
  case malformed(reason: String)
}

/// A program's normal form, or why it has none.
package enum NormaliseReply: Codable, Hashable, Sendable {
  case program(text: String, shape: ProgramShape)
  case malformed(reason: String)
}

/// The answer to a question about syntax trees.
package enum InspectReply: Codable, Hashable, Sendable {
  case answer(texts: [String], numbers: [Int])
  /// No composition: a function it was given is not called, or defined anew.
  case uncomposed(reason: String)
  case malformed(reason: String)
}

/// Cheap facts about a program's syntax tree, for diversity and triviality measures.
package struct ProgramShape: Codable, Hashable, Sendable {
  /// Statements, at every depth, after docstrings are removed.
  package var statements: Int
  /// `def` and `lambda`, at every depth.
  package var functions: Int
  /// Nodes of the syntax tree.
  package var nodes: Int
  /// Modules imported, sorted.
  package var imports: [String]
  /// The entry function is one `return` of an expression without names: a constant.
  package var returnsConstant: Bool
  /// The entry function's body reads at least one of its parameters.
  package var readsParameters: Bool

  package init(
    statements: Int, functions: Int, nodes: Int, imports: [String], returnsConstant: Bool, readsParameters: Bool
  ) {
    self.statements = statements
    self.functions = functions
    self.nodes = nodes
    self.imports = imports
    self.returnsConstant = returnsConstant
    self.readsParameters = readsParameters
  }
}
