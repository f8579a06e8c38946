import Foundation
import Glibc
import Synchronization

/// A session of its own that LISTENs on one channel, on a thread of its own, and reconnects for ever.
///
/// A notification is a hint. It can be lost, so `onSignal(nil)` is called after every (re)connection: whoever relies on
/// the listener reads again then, and polls besides.
package final class Listener: Sendable {
  private let loop: ListenerLoop

  /// Starts listening.
  /// - Parameters:
  ///   - channel: a plain identifier.
  ///   - onSignal: called on the listener's thread with a payload, or nil when something may have been missed. It must
  ///     not block.
  package init(
    _ settings: ConnectionSettings, channel: String, retryDelay: Duration = .seconds(1),
    onSignal: @escaping @Sendable (String?) -> Void
  ) {
    precondition(
      channel.utf8.allSatisfy { $0 == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) },
      "a channel named \(channel)")
    let loop = ListenerLoop(settings, channel: channel, retryDelay: retryDelay, onSignal: onSignal)
    self.loop = loop
    let thread = Thread { loop.run() }
    thread.name = "postgres-listen"
    thread.start()
  }

  deinit { loop.stop() }

  /// True while the session stands.
  package var isListening: Bool { loop.isListening }
}

/// The listener's thread. A pipe wakes it when it is to end.
private final class ListenerLoop: Sendable {
  private struct State {
    var isStopped = false
    var isListening = false
  }

  private let settings: ConnectionSettings
  private let channel: String
  private let retryDelay: Duration
  private let onSignal: @Sendable (String?) -> Void
  private let state = Mutex(State())
  private let wakeEnd: Int32
  private let waitEnd: Int32
  /// The thread looks at its session this often even if nothing comes.
  private let pause = Duration.seconds(30)

  init(
    _ settings: ConnectionSettings, channel: String, retryDelay: Duration,
    onSignal: @escaping @Sendable (String?) -> Void
  ) {
    self.settings = settings
    self.channel = channel
    self.retryDelay = retryDelay
    self.onSignal = onSignal
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0, "no pipe: errno \(errno)")
    // Programs that we start must not inherit the pipe.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (waitEnd, wakeEnd) = (ends[0], ends[1])
  }

  deinit {
    close(waitEnd)
    close(wakeEnd)
  }

  var isListening: Bool { state.withLock { $0.isListening } }
  private var isStopped: Bool { state.withLock { $0.isStopped } }

  func stop() {
    state.withLock { $0.isStopped = true }
    _ = write(wakeEnd, "x", 1)
  }

  func run() {
    while !isStopped {
      // An error here is an outage, which the reader's own calls report; the listener only tries again.
      try? listen()
      state.withLock { $0.isListening = false }
      guard !isStopped else { return }
      var wake = pollfd(fd: waitEnd, events: Int16(POLLIN), revents: 0)
      _ = poll(&wake, 1, Int32(clamping: retryDelay.milliseconds))
    }
  }

  private func listen() throws(PostgresError) {
    let handle = try ConnectionHandle(settings)
    _ = try handle.query("listen \(channel)", [], timeout: settings.replyTimeout)
    state.withLock { $0.isListening = true }
    onSignal(nil)
    while !isStopped {
      let payloads = try handle.notifications(timeout: pause, interrupt: waitEnd)
      for payload in payloads { onSignal(payload) }
    }
  }
}
