import ArgumentParser
import Foundation
import Terminal

struct Completions: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a completion script for a shell.",
    discussion: """
      Names of experiments are completed from the database that AUTODIDACT_DATABASE_URL or the private cluster says.

      EXAMPLE
        autodidact completions bash > ~/.local/share/bash-completion/completions/autodidact
        autodidact completions zsh > ~/.zfunc/_autodidact
        autodidact completions fish > ~/.config/fish/completions/autodidact.fish
      """)

  enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

  @Argument(help: "bash, zsh or fish.") var shell: Shell

  func run() {
    switch shell {
    case .bash: print(Autodidact.completionScript(for: .bash))
    case .zsh: print(Autodidact.completionScript(for: .zsh))
    case .fish: print(Autodidact.completionScript(for: .fish))
    }
  }
}

struct Man: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the manual page, made from the commands themselves.",
    discussion: """
      EXAMPLE
        autodidact man | man -l -
        autodidact man > /usr/local/share/man/man1/autodidact.1
      """)
  @Flag(help: "What the page is made from: the commands and options as one JSON object.") var json = false

  func run() throws {
    let help = Autodidact._dumpHelp()
    if json { return print(JSONValue(json: Data(help.utf8)).line) }
    print(try ManualPage(help: Data(help.utf8)).roff, terminator: "")
  }
}
