import Foundation

/// The terminal in the manner of full-screen programs: its alternate screen, no echo, keys as they come. Whatever ends the
/// process (its end, a signal, a crash; not SIGKILL) puts the terminal back.
package final class RawTerminal: Sendable {
  /// A key that means something to `top`.
  package enum Key: Hashable, Sendable { case up, down, quit, pause, resume, other }

  /// nil where standard input or output is no terminal.
  package init?() {
    guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else { return nil }
    Restoration.enter()
  }

  /// Puts the terminal back; twice is harmless.
  package func close() { Restoration.leave() }

  /// Columns and rows now.
  package var size: (width: Int, height: Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Draws a frame over the one before, without flicker: every line is erased as it is written.
  package func draw(_ lines: [String]) {
    let text = "\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J"
    FileHandle.standardOutput.write(Data(text.utf8))
  }

  /// Waits for a key, at most so long; nil if none came, or if the size changed. Blocks no thread of the runtime.
  package func key(within timeout: Duration) async -> Key? {
    let milliseconds = Int32(clamping: timeout.components.seconds * 1000)
    return await withCheckedContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(returning: Self.read(milliseconds)) }
    }
  }

  private static func read(_ milliseconds: Int32) -> Key? {
    var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard poll(&waiting, 1, milliseconds) > 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = Foundation.read(STDIN_FILENO, &bytes, bytes.count)
    // Whoever gave us the terminal has gone.
    guard count > 0 else { return .quit }
    return key(Array(bytes.prefix(count)))
  }

  /// What bytes from a terminal mean.
  package static func key(_ bytes: [UInt8]) -> Key {
    switch bytes {
    case [0x1B, 0x5B, 0x41], [0x1B, 0x4F, 0x41], [UInt8(ascii: "k")]: .up
    case [0x1B, 0x5B, 0x42], [0x1B, 0x4F, 0x42], [UInt8(ascii: "j")]: .down
    // 3 and 4: Ctrl-C and Ctrl-D, which are keys like others in this mode.
    case [UInt8(ascii: "q")], [UInt8(ascii: "Q")], [3], [4]: .quit
    case [UInt8(ascii: "p")]: .pause
    case [UInt8(ascii: "r")]: .resume
    default: .other
    }
  }
}

/// What has to be put back, where a signal handler reaches it.
private enum Restoration {
  // SAFETY: written once by `enter` before the handlers are installed, and only read afterwards.
  nonisolated(unsafe) private static var original = termios()
  // SAFETY: a flag that the main path and signal handlers set; the worst of a race is that the terminal is put back twice.
  nonisolated(unsafe) private static var isEntered = false
  private static let end: StaticString = "\u{1B}[?25h\u{1B}[?1049l"
  private static let signals = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE]

  static func enter() {
    guard tcgetattr(STDIN_FILENO, &original) == 0 else { return }
    _ = end.utf8CodeUnitCount
    isEntered = true
    atexit { Restoration.leave() }
    for number in signals {
      signal(number) { number in
        // Only calls that a signal handler may make.
        Restoration.leave()
        signal(number, SIG_DFL)
        raise(number)
      }
    }
    var raw = original
    raw.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG | IEXTEN)
    raw.c_iflag &= ~tcflag_t(IXON | ICRNL | BRKINT | INPCK | ISTRIP)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw)
    FileHandle.standardOutput.write(Data("\u{1B}[?1049h\u{1B}[?25l".utf8))
  }

  static func leave() {
    guard isEntered else { return }
    isEntered = false
    _ = write(STDOUT_FILENO, end.utf8Start, end.utf8CodeUnitCount)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &original)
  }
}
