import CSandbox
import Glibc
import VerifierProtocol

/// The parent's eye on one child: collects its bytes, keeps its wall-clock deadline, kills it, reaps it, and says how it
/// ended. It believes nothing the child wrote but one whole frame that begins with the nonce.
struct ChildWatch {
  let pid: pid_t
  let result: Int32
  let control: Int32
  let nonce: [UInt8]
  let limits: VerifierLimits

  /// What the wait came to, before the child's status is known.
  private enum Wait {
    case ended, deadline, flooded, workerGone
  }

  func report(start: Double) -> ChildReport {
    let pidfd = sandbox_pidfd_open(pid)
    precondition(pidfd >= 0, "no pidfd for child \(pid): errno \(errno)")
    defer { Glibc.close(pidfd) }
    var bytes: [UInt8] = []
    let wait = collect(into: &bytes, pidfd: pidfd, deadline: start + limits.wallSeconds)
    if wait != .ended { _ = sandbox_pidfd_kill(pidfd) }
    if wait == .workerGone { _exit(0) }
    var status: Int32 = 0
    var used = rusage()
    while wait4(pid, &status, 0, &used) < 0 { precondition(errno == EINTR, "wait4: errno \(errno)") }
    let cpuSeconds = Self.seconds(used.ru_utime) + Self.seconds(used.ru_stime)
    let usage = Usage(
      wallSeconds: sandbox_monotonic_seconds() - start, cpuSeconds: cpuSeconds,
      memoryPeakBytes: Int(used.ru_maxrss) * 1024)
    return ChildReport(end: end(wait: wait, status: status, bytes: bytes, cpuSeconds: cpuSeconds), usage: usage)
  }

  /// Reads until the child has ended and its pipe is empty, or a limit is reached.
  private func collect(into bytes: inout [UInt8], pidfd: Int32, deadline: Double) -> Wait {
    // The frame holds the canonical input and the value, or a reason, each limited.
    let bytesMax = 2 * limits.outputBytes + 256 << 10
    // Small: after a fork every page of ours that is written is copied first.
    var chunk = [UInt8](repeating: 0, count: 4 << 10)
    var hasEnded = false
    while true {
      let left = deadline - sandbox_monotonic_seconds()
      if left <= 0 && !hasEnded { return .deadline }
      var waits = [
        pollfd(fd: result, events: Int16(POLLIN), revents: 0),
        pollfd(fd: hasEnded ? -1 : pidfd, events: Int16(POLLIN), revents: 0),
        pollfd(fd: control, events: 0, revents: 0),  // a hang-up is always reported
      ]
      let ready = poll(&waits, nfds_t(waits.count), hasEnded ? 0 : Int32((left * 1000).rounded(.up)))
      if ready < 0 { continue }  // only EINTR is possible
      if waits[2].revents != 0 { return .workerGone }
      if waits[1].revents != 0 { hasEnded = true }
      if waits[0].revents != 0 {
        let count = read(result, &chunk, chunk.count)
        if count > 0 { bytes.append(contentsOf: chunk[..<count]) }
        if count == 0 && hasEnded { return .ended }
        if count == 0 { waitForEnd(pidfd, deadline: deadline) }
        if bytes.count > bytesMax { return .flooded }
      } else if hasEnded && ready == 0 {
        return .ended
      }
    }
  }

  /// The pipe is closed but the child still lives, which is true for the moment of its exit.
  private func waitForEnd(_ pidfd: Int32, deadline: Double) {
    var wait = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
    _ = poll(&wait, 1, Int32(max(0, (deadline - sandbox_monotonic_seconds()) * 1000).rounded(.up)))
  }

  private func end(wait: Wait, status: Int32, bytes: [UInt8], cpuSeconds: Double) -> ChildReport.End {
    if wait == .deadline { return .timedOut }
    if wait == .flooded { return .forged }
    let signal = status & 0x7f
    if signal == SIGPROF || signal == SIGXCPU { return .timedOut }
    if signal == SIGKILL { return cpuSeconds >= limits.cpuSeconds ? .timedOut : .lost }
    if signal != 0 { return .signalled(signal) }
    if bytes.isEmpty { return .exited((status >> 8) & 0xff) }
    guard bytes.count > nonce.count, bytes.starts(with: nonce) else { return .forged }
    return .frame(kind: bytes[nonce.count], payload: Array(bytes[(nonce.count + 1)...]))
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
}
