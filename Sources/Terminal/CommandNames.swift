import ArgumentParser
import Settings

/// The names of a program's commands: which one was probably meant where none has the name that was typed.
package enum CommandNames {
  /// What to say of the first word that should be a command and is none; nil if there is no such word.
  package static func misspelling(in arguments: [String], of root: any ParsableCommand.Type) -> String? {
    var command: any ParsableCommand.Type = root
    var path = [root._commandName]
    for word in arguments {
      let known = command.configuration.subcommands
      guard !known.isEmpty, command.configuration.defaultSubcommand == nil, !word.hasPrefix("-"), word != "help" else {
        return nil
      }
      if let next = known.first(where: { names(of: $0).contains(word) }) {
        command = next
        path.append(next._commandName)
        continue
      }
      let program = path.joined(separator: " ")
      let nearest = Suggestion.nearest(to: word, in: known.flatMap(names))
      return "'\(word)' is no command of \(program)" + (nearest.map { "; did you mean '\($0)'?" } ?? "")
        + " (\(program) --help lists them)"
    }
    return nil
  }

  /// Every command below a root with its words from the root on, itself first.
  package static func all(
    below root: any ParsableCommand.Type, path: [String] = []
  ) -> [(path: [String], command: any ParsableCommand.Type)] {
    let path = path + [root._commandName]
    return [(path, root)] + root.configuration.subcommands.flatMap { all(below: $0, path: path) }
  }

  private static func names(of command: any ParsableCommand.Type) -> [String] {
    [command._commandName] + command.configuration.aliases
  }
}
