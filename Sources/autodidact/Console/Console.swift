import Foundation
import Synchronization
import Terminal

/// Standard output for people: a live line that is drawn over on a terminal, plain lines elsewhere.
final class Console: Sendable {
  private struct State {
    var liveLine = ""
  }

  /// Whether standard output is a terminal; otherwise nothing is drawn over.
  let isTerminal: Bool
  private let state = Mutex(State())

  private let style: Style

  init(_ color: ColorChoice = .auto) {
    isTerminal = isatty(STDOUT_FILENO) == 1
    style = .output(color)
  }

  /// Prints whole lines, above the live line if there is one.
  func print(_ text: String) {
    state.withLock { state in
      erase(&state)
      write(text + "\n")
    }
  }

  /// Draws the live line; nothing off a terminal.
  func live(_ text: String) {
    guard isTerminal else { return }
    state.withLock { state in
      let line = String(text.prefix(columns - 1))
      guard line != state.liveLine else { return }
      write("\r\u{1B}[2K" + line)
      state.liveLine = line
    }
  }

  /// Removes the live line.
  func clearLive() { state.withLock { erase(&$0) } }

  /// Emphasis where output is coloured.
  func bold(_ text: String) -> String { style.bold(text) }
  func dim(_ text: String) -> String { style.dim(text) }

  private func erase(_ state: inout State) {
    guard !state.liveLine.isEmpty else { return }
    write("\r\u{1B}[2K")
    state.liveLine = ""
  }

  private func write(_ text: String) {
    FileHandle.standardOutput.write(Data(text.utf8))
  }

  private var columns: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 100 }
    return Int(size.ws_col)
  }

  /// A message on standard error.
  static func error(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}
