import ArgumentParser
import Foundation
import Terminal

/// The command line: everything a person does with experiments. Exit codes: `ExitStatus`.
@main
struct Autodidact: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "autodidact",
    abstract: "Self-play reasoning experiments whose whole history is an event log in PostgreSQL.",
    discussion: """
      Every command that prints takes --json; errors are then {"error": …} on standard error. Exit codes: 0 done, 1 failed, 2 \
      usage, 3 taken over by another process, 4 not found (docs/cli.md).

      EXAMPLE
        autodidact migrate
        autodidact create configs/quickstart.yaml --name first --set seed=7
        autodidact run first --iterations 2
        autodidact status first
      """,
    subcommands: [
      Migrate.self, Doctor.self, Create.self, Run.self, Pause.self, Resume.self, Stop.self, List.self, Processes.self,
      Status.self, Top.self, Tag.self, Note.self, Priority.self, Events.self, Show.self, Try.self, Generate.self,
      Evaluate.self, ShowDifficulty.self, Replay.self, Fork.self, Diff.self, Checkpoints.self, Learn.self, Audit.self,
      Rescore.self, Export.self, Import.self, Verify.self, MakeCertificate.self, Archive.self, Consumers.self,
      ProjectionCommand.self, SQL.self, DashboardCommand.self, Token.self, SettingsCommand.self, Completions.self,
      Man.self,
    ])

  static func main() async {
    await Ending.run(Autodidact.self, DashedWord.shield(Array(CommandLine.arguments.dropFirst())))
  }
}
