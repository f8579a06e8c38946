import Domain
import EventLog
import Synchronization

/// Which of several experiments a daemon takes up, and when it leaves one for another: the highest priority first, of equals
/// the oldest. There is one compute lease, the daemon's own process; an experiment that is left goes on at its turn.
final class Precedence: Sendable {
  private struct State {
    var book = AnnotationBook()
    /// Those that could not be run, and their version then: no reason to leave another one before something happened to them.
    var refused: [ExperimentID: Int64] = [:]
  }

  private let log: any EventLog
  private let state = Mutex(State())

  init(log: any EventLog) { self.log = log }

  /// The experiments that a daemon may run, in the order in which it tries them.
  /// - Throws: the log's errors.
  func waiting() async throws -> [ExperimentRecord] {
    let records = try await log.playedExperiments().filter { !Self.isOver($0.state) }
    var ranked: [(record: ExperimentRecord, priority: Int)] = []
    for record in records { ranked.append((record, try await priority(of: record))) }
    // The log gives them in order of creation; only a stable sort keeps that among equals.
    return ranked.enumerated().sorted {
      ($1.element.priority, $0.offset) < ($0.element.priority, $1.offset)
    }.map(\.element.record)
  }

  /// Remembers what came of a try.
  func settle(_ record: ExperimentRecord, isRefused: Bool) {
    state.withLock { $0.refused[record.id] = isRefused ? record.version : nil }
  }

  /// The experiment for which a running one is to be left at this boundary; nil if there is none. Asked before every step:
  /// one query while nothing else could run. A log that does not answer says nothing: the runner's next call finds out.
  func successor(of running: ExperimentRecord) async -> ExperimentRecord? {
    do {
      let others = try await log.playedExperiments().filter {
        $0.id != running.id && Self.isEager($0.state) && !isRefused($0)
      }
      guard !others.isEmpty, let now = try await log.experiment(running.id) else { return nil }
      let bar = try await priority(of: now)
      var best: (record: ExperimentRecord, priority: Int)?
      for record in others {
        let priority = try await priority(of: record)
        if priority > best?.priority ?? bar { best = (record, priority) }
      }
      guard let best, try await log.held()[best.record.id] == nil else { return nil }
      return best.record
    } catch {
      return nil
    }
  }

  private func isRefused(_ record: ExperimentRecord) -> Bool {
    state.withLock { $0.refused[record.id] == record.version }
  }

  private func priority(of record: ExperimentRecord) async throws -> Int {
    var book = state.withLock { $0.book }
    let priority = try await book.annotations(of: record, in: log).priority
    let read = book
    state.withLock { $0.book = read }
    return priority
  }

  private static func isOver(_ state: String) -> Bool {
    (["paused", "stopped", "finished", "failed"] + ImportState.all).contains(state)
  }

  /// Whether it wants to play, and not only to obey a request, for which nobody else is left.
  private static func isEager(_ state: String) -> Bool { ["running", "resuming"].contains(state) }
}
