import Foundation

/// When output is coloured: the option `--color`.
package enum ColorChoice: String, CaseIterable, Sendable {
  case auto, always, never
}

/// Emphasis and colour, or none of it: on a terminal unless `NO_COLOR` is set (no-color.org) or the terminal is dumb.
package struct Style: Sendable {
  package let isColored: Bool

  package init(isColored: Bool) { self.isColored = isColored }

  /// - Parameter isTerminal: of the stream that is written to.
  package init(_ choice: ColorChoice, isTerminal: Bool, environment: [String: String]) {
    switch choice {
    case .always: isColored = true
    case .never: isColored = false
    case .auto:
      let isRefused = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
      isColored = isTerminal && !isRefused
    }
  }

  /// Of standard output.
  package static func output(_ choice: ColorChoice = .auto) -> Style {
    Style(choice, isTerminal: isatty(STDOUT_FILENO) == 1, environment: ProcessInfo.processInfo.environment)
  }

  package func bold(_ text: String) -> String { code("1", text) }
  package func dim(_ text: String) -> String { code("2", text) }
  package func inverse(_ text: String) -> String { code("7", text) }
  package func red(_ text: String) -> String { code("31", text) }
  package func green(_ text: String) -> String { code("32", text) }
  package func yellow(_ text: String) -> String { code("33", text) }

  /// The state of an experiment, or a padded cell that holds one.
  package func state(_ text: String) -> String {
    switch text.trimmingCharacters(in: .whitespaces) {
    case "running", "resuming": green(text)
    case "failed": red(text)
    case "paused", "pausing", "stopping", "importing": yellow(text)
    default: text
    }
  }

  private func code(_ number: String, _ text: String) -> String {
    isColored && !text.isEmpty ? "\u{1B}[\(number)m\(text)\u{1B}[0m" : text
  }
}
