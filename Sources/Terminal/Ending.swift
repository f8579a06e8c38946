import ArgumentParser
import Daemon
import EventLog
import Failpoints
import Foundation
import Settings
import Traces

/// What a program's exit code says; the same in every program, and stable (docs/cli.md).
package enum ExitStatus: Int32, CaseIterable, Sendable {
  case done = 0
  /// It was tried and did not work, or a comparison found a difference.
  case failed = 1
  /// What was asked for cannot be: an unknown option, a value out of bounds, settings that are refused.
  case usage = 2
  /// Another process took the experiment over.
  case fenced = 3
  /// What was named is not there.
  case notFound = 4

  /// The word of it in JSON.
  package var word: String {
    switch self {
    case .done: "done"
    case .failed: "failed"
    case .usage: "usage"
    case .fenced: "fenced"
    case .notFound: "not_found"
    }
  }
}

/// A failure with its message and exit code, thrown by commands.
package struct Failure: Error, Hashable, Sendable {
  package var message: String
  package var status: ExitStatus

  /// Something was asked for that cannot be.
  package static func usage(_ message: String) -> Failure { Failure(message: message, status: .usage) }
  /// Something did not work.
  package static func failed(_ message: String) -> Failure { Failure(message: message, status: .failed) }
  /// Something that was named is not there.
  package static func notFound(_ message: String) -> Failure { Failure(message: message, status: .notFound) }
}

/// How a program ends: the one place where errors become messages and exit codes.
package struct Ending: Hashable, Sendable {
  package var code: Int32
  /// For standard output, such as a help page.
  package var output: String?
  /// For standard error.
  package var error: String?

  /// The ending of an error that a command threw.
  ///
  /// - Parameters:
  ///   - root: the program's root command, which knows how to write its usage.
  ///   - isJSON: the message as `{"error": …}`.
  package init(_ error: any Error, of root: any ParsableCommand.Type, isJSON: Bool) {
    if let code = error as? ExitCode {
      // The command has said what there is to say.
      self.init(code: code.rawValue)
      return
    }
    let parsed = root.exitCode(for: error)
    if parsed == .success {
      self.init(code: 0, output: root.fullMessage(for: error))
      return
    }
    let isUsage = parsed == .validationFailure
    let status = isUsage ? .usage : Self.status(of: error)
    if isJSON {
      let message = isUsage ? root.message(for: error) : Self.message(of: error)
      let body: JSONValue = [
        "exit_code": .integer(Int64(status.rawValue)), "kind": .text(status.word), "message": .text(message),
      ]
      self.init(code: status.rawValue, error: JSONValue.object(["error": body]).line)
    } else {
      self.init(
        code: status.rawValue, error: isUsage ? root.fullMessage(for: error) : "error: " + Self.message(of: error))
    }
  }

  private init(code: Int32, output: String? = nil, error: String? = nil) {
    self.code = code
    self.output = output
    self.error = error
  }

  private static func status(of error: any Error) -> ExitStatus {
    switch error {
    case let failure as Failure: failure.status
    case is Fenced: .fenced
    case is UnknownExperiment: .notFound
    case EventLogError.unknownExperiment: .notFound
    case is SettingsError, is AnnotationRefused, is FailpointError, is CollectorSettings.Malformed: .usage
    default: .failed
    }
  }

  private static func message(of error: any Error) -> String {
    (error as? Failure)?.message ?? "\(error)"
  }

  /// Parses and runs a program's command line and ends the process.
  package static func run(_ root: any AsyncParsableCommand.Type, _ arguments: [String]) async -> Never {
    let own = arguments.prefix { $0 != "--" }
    do {
      if let misspelling = CommandNames.misspelling(in: arguments, of: root) { throw Failure.usage(misspelling) }
      var command = try await parsed(root, arguments)
      try Armament.arm(ProcessInfo.processInfo.environment["AUTODIDACT_FAILPOINT"])
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      let ending = Ending(error, of: root, isJSON: own.contains("--json"))
      if let output = ending.output { print(output) }
      if let error = ending.error { FileHandle.standardError.write(Data((error + "\n").utf8)) }
      fflush(nil)
      exit(ending.code)
    }
    fflush(nil)
    exit(ExitStatus.done.rawValue)
  }

  private static func parsed<Root: AsyncParsableCommand>(
    _ root: Root.Type, _ arguments: [String]
  ) async throws -> any ParsableCommand {
    try await root.asyncParseAsRoot(arguments)
  }
}
