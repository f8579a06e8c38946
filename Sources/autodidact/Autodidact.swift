import ArgumentParser
import Failpoints
import Foundation

/// The command line: everything a person does with experiments. Exit codes: 0 done, 1 failed, 2 usage,
/// 3 taken over by another process.
@main
struct Autodidact: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "autodidact",
    abstract: "Self-play reasoning experiments whose whole history is an event log in PostgreSQL.",
    discussion: """
      EXAMPLE
        autodidact migrate
        autodidact create configs/quickstart.yaml --name first --set seed=7
        autodidact run first --iterations 2
        autodidact status first
      """,
    subcommands: [
      Migrate.self, Doctor.self, Create.self, Run.self, Pause.self, Resume.self, Stop.self, List.self, Status.self,
      Events.self, Show.self, Try.self, Generate.self, Evaluate.self, ShowDifficulty.self, Replay.self, Fork.self,
      Diff.self, Checkpoints.self, Learn.self, Audit.self, Rescore.self, Export.self, Import.self, Verify.self,
      MakeCertificate.self, Archive.self, Consumers.self, ProjectionCommand.self, SQL.self, DashboardCommand.self,
      Token.self,
    ])

  /// Parses and runs; maps every failure to its exit code, with the message on standard error.
  static func main() async {
    do {
      var command = try parseAsRoot()
      do throws(FailpointError) {
        try Armament.arm(ProcessInfo.processInfo.environment["AUTODIDACT_FAILPOINT"])
      } catch {
        throw Failure.usage("\(error)")
      }
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let failure as Failure {
      Console.error(failure.message)
      Foundation.exit(failure.code)
    } catch let code as ExitCode {
      // The command has said what there is to say.
      Foundation.exit(code.rawValue)
    } catch {
      let code = exitCode(for: error)
      if code == .success {
        print(fullMessage(for: error))
        Foundation.exit(0)
      }
      if code == .validationFailure {
        Console.error(fullMessage(for: error))
        Foundation.exit(2)
      }
      Console.error("error: \(error)")
      Foundation.exit(1)
    }
  }
}

/// A failure with its message and exit code.
struct Failure: Error {
  var message: String
  var code: Int32

  /// Something was asked for that cannot be: exit code 2.
  static func usage(_ message: String) -> Failure { Failure(message: "error: \(message)", code: 2) }
  /// Something did not work: exit code 1.
  static func failed(_ message: String) -> Failure { Failure(message: "error: \(message)", code: 1) }
}
