import Daemon
import Foundation
import Synchronization
import Terminal

/// How far an evaluation has come: a line on standard error that is drawn over on a terminal, and nothing elsewhere.
final class ProgressLine: Sendable {
  private let title: String
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let begin = ContinuousClock.now
  private let first = Mutex<Int?>(nil)
  private let width = 30

  init(title: String) { self.title = title }

  func show(_ progress: Evaluator.Progress) {
    guard isTerminal, progress.total > 0 else { return }
    let elapsed = (ContinuousClock.now - begin).seconds
    let before = first.withLock { first in
      first = first ?? progress.answers
      return first ?? 0
    }
    let filled = width * progress.answers / progress.total
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    var text = "\(title) \(bar) \(progress.answers)/\(progress.total)"
    let done = progress.answers - before
    if done > 0 {
      text += " · \(Format.duration(elapsed * Double(progress.total - progress.answers) / Double(done))) left"
    }
    FileHandle.standardError.write(Data("\r\u{1B}[2K\(text)".utf8))
  }

  func clear() {
    if isTerminal { FileHandle.standardError.write(Data("\r\u{1B}[2K".utf8)) }
  }
}
