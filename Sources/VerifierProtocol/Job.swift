/// One thing the daemon asks a verifier worker. Equal jobs have equal answers, so the pool runs equal jobs once.
///
/// Environments build jobs and judge the replies; neither the pool nor the worker knows what a reward is, and no job
/// carries the expected answer: a program cannot find what it is not given.
package enum VerifierJob: Codable, Hashable, Sendable {
  /// Run a program on one or more inputs.
  case run(RunJob)
  /// Read one Python literal, such as a solver's answer, without evaluating it.
  case literal(LiteralJob)
  /// Write a program again: its normal form, to find duplicates; or without its comments and globals.
  case normalise(NormaliseJob)
  /// Look at the syntax trees of programs; nothing of them is run.
  case inspect(InspectJob)
}

/// A program and the calls to make of it. Every call has its own process, so calls cannot influence each other.
package struct RunJob: Codable, Hashable, Sendable {
  /// Python source with a top-level `def` of `entry`.
  package var program: String
  /// Source text of argument lists, for example `3, 'abc'`. Only literals; they are parsed, never evaluated.
  package var calls: [String]
  /// The name of the function to call.
  package var entry: String
  package var limits: VerifierLimits
  /// Runs every call that gave a value again in an interpreter with another hash seed, and compares.
  package var checksDeterminism: Bool
  package var screening: Screening

  package init(
    program: String, calls: [String], entry: String = "f", limits: VerifierLimits = .standard,
    checksDeterminism: Bool = true, screening: Screening = .standard
  ) {
    self.program = program
    self.calls = calls
    self.entry = entry
    self.limits = limits
    self.checksDeterminism = checksDeterminism
    self.screening = screening
  }
}

/// One Python literal to be read in an interpreter that has never seen a program.
package struct LiteralJob: Codable, Hashable, Sendable {
  package var text: String
  package var limits: VerifierLimits

  package init(text: String, limits: VerifierLimits = .standard) {
    self.text = text
    self.limits = limits
  }
}

/// A program to be written out again from its syntax tree, without some of what it says.
package struct NormaliseJob: Codable, Hashable, Sendable {
  package var program: String
  /// The function whose shape `ProgramShape` describes.
  package var entry: String
  package var limits: VerifierLimits
  /// Comments and docstrings go.
  package var stripsComments: Bool
  /// Top-level statements but imports, functions and classes go, and everything after the last `entry`.
  package var stripsGlobals: Bool
  /// Names that the program chose become v0, v1, … in the order in which they appear; `entry` stays.
  package var renames: Bool

  package init(
    program: String, entry: String = "f", limits: VerifierLimits = .standard, stripsComments: Bool = true,
    stripsGlobals: Bool = false, renames: Bool = false
  ) {
    self.program = program
    self.entry = entry
    self.limits = limits
    self.stripsComments = stripsComments
    self.stripsGlobals = stripsGlobals
    self.renames = renames
  }

  /// One letter for each thing that goes: comments, globals, names.
  package var options: String {
    (stripsComments ? "c" : "") + (stripsGlobals ? "g" : "") + (renames ? "n" : "")
  }
}

/// A question about syntax trees, answered in an interpreter that has never run a program.
package struct InspectJob: Codable, Hashable, Sendable {
  package enum Question: String, Codable, Sendable {
    /// Texts: a program, a name. Answer: the program with `entry` of that name.
    case rename
    /// Texts: a program, then name and program of each function it was given. Answer: all in one program; and 1 if `entry` only
    /// forwards, else 0.
    case compose
    /// Texts: a program, then others. Answer: cognitive and cyclomatic complexity, Halstead's volume and effort in thousandths,
    /// and, where there are others, the mean distance from them in millionths.
    case measure
  }

  package var question: Question
  package var texts: [String]
  package var entry: String
  package var limits: VerifierLimits

  package init(_ question: Question, _ texts: [String], entry: String = "f", limits: VerifierLimits = .standard) {
    self.question = question
    self.texts = texts
    self.entry = entry
    self.limits = limits
  }
}

/// What one child process may use. Every limit ends the child; none cuts a value.
package struct VerifierLimits: Codable, Hashable, Sendable {
  /// Time on the wall, kept by the child's parent. Choose it well above `cpuSeconds`: a busy host is no fault of a
  /// program.
  package var wallSeconds: Double
  /// Processor time, kept by the kernel.
  package var cpuSeconds: Double
  /// Memory the program may map beyond that of the warm interpreter.
  package var memoryBytes: Int
  /// The greatest length of a canonical value, in UTF-8 bytes; also of canonical inputs.
  package var outputBytes: Int
  package var stackBytes: Int

  package init(wallSeconds: Double, cpuSeconds: Double, memoryBytes: Int, outputBytes: Int, stackBytes: Int) {
    self.wallSeconds = wallSeconds
    self.cpuSeconds = cpuSeconds
    self.memoryBytes = memoryBytes
    self.outputBytes = outputBytes
    self.stackBytes = stackBytes
  }

  /// Two seconds of processor, ten on the wall, 256 MiB, values up to 16 KiB, 8 MiB of stack.
  package static let standard = VerifierLimits(
    wallSeconds: 10, cpuSeconds: 2, memoryBytes: 256 << 20, outputBytes: 16 << 10, stackBytes: 8 << 20)

  /// Why these limits cannot be used, or nil. Called by the pool before sending and by the worker on arrival.
  package var complaint: String? {
    if !(wallSeconds > 0.001 && wallSeconds <= 600) { return "wallSeconds is \(wallSeconds), allowed 0.001…600" }
    if !(cpuSeconds > 0.001 && cpuSeconds <= 600) { return "cpuSeconds is \(cpuSeconds), allowed 0.001…600" }
    if !(1 << 20...64 << 30 ~= memoryBytes) { return "memoryBytes is \(memoryBytes), allowed 1 MiB…64 GiB" }
    if !(1...4 << 20 ~= outputBytes) { return "outputBytes is \(outputBytes), allowed 1…4 MiB" }
    if !(256 << 10...64 << 20 ~= stackBytes) { return "stackBytes is \(stackBytes), allowed 256 KiB…64 MiB" }
    return nil
  }
}
