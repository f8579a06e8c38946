import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

/// What a daemon does for whoever operates it, beside the play: SIGHUP reads the log level again, a second SIGTERM or SIGINT
/// leaves now, the service manager hears that the process is ready, alive and stopping.
package struct OperatingService: Service, CustomStringConvertible {
  /// What the service group's log lines call it.
  package var description: String { "operating" }

  private let manager: ServiceManager
  private let log: DaemonLog
  private let levelFile: LogLevelFile
  private let logger: Logger
  private let leaveNow: @Sendable (UnixSignal) -> Void

  /// - Parameter leaveNow: ends the process at once; what is committed is committed.
  package init(
    manager: ServiceManager, log: DaemonLog, levelFile: LogLevelFile, logger: Logger,
    leaveNow: @escaping @Sendable (UnixSignal) -> Void = Self.die
  ) {
    self.manager = manager
    self.log = log
    self.levelFile = levelFile
    self.logger = logger
    self.leaveNow = leaveNow
  }

  package func run() async throws {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
    manager.tell(.ready(status: "waiting for experiments"))
    // First in the group, it is the last to be shut down: signals are obeyed, and life is shown, while the last step is
    // performed.
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await obey(signals) }
        if let watchdog = manager.watchdog { group.addTask { await tick(every: watchdog / 2) } }
        await group.waitForAll()
      }
    }
  }

  private func obey(_ signals: UnixSignalsSequence) async {
    var ends = 0
    for await signal in signals {
      if signal == .sighup {
        reload()
        continue
      }
      ends += 1
      guard ends == 1 else {
        logger.warning("leaving now: nothing of the step in work is recorded")
        leaveNow(signal)
        continue
      }
      manager.tell(.stopping)
      logger.notice("leaving at the next step boundary; the same signal again leaves now")
    }
  }

  /// Says that the process is scheduled, which is all that it can say: a step may take minutes.
  private func tick(every interval: Duration) async {
    while !Task.isCancelled {
      manager.tell(.alive)
      try? await Task.sleep(for: interval)
    }
  }

  private func reload() {
    manager.tell(.reloading(microseconds: monotonicMicroseconds))
    do throws(LogLevelFile.Malformed) {
      if let level = try levelFile.read() {
        log.level = level
        logger.notice("the log level was read again", metadata: ["log_level": "\(level)"])
      } else {
        logger.notice("nothing to read again: no log level in \(levelFile.path)")
      }
    } catch {
      logger.error("\(error); the log level stays \(log.level)")
    }
    manager.tell(.ready(status: "log level \(log.level)"))
  }

  /// The clock that the service manager compares with.
  private var monotonicMicroseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000
  }

  /// Ends the process as the signal would have without us, so that whoever waits for it sees which one it was.
  package static let die: @Sendable (UnixSignal) -> Void = { received in
    let number = received == .sigint ? SIGINT : SIGTERM
    signal(number, SIG_DFL)
    kill(getpid(), number)
  }
}
