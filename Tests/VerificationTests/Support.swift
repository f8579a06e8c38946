import Foundation
import Testing
import Verification
import VerifierProtocol

/// The real worker: beside the test executable, or where AUTODIDACT_VERIFIER says.
let workerExecutable: String =
  ProcessInfo.processInfo.environment["AUTODIDACT_VERIFIER"]
  ?? VerifierConfiguration.executable(beside: "/proc/self/exe")

/// Runs `body` with a pool of real workers.
func withWorkers<Result>(
  _ count: Int = 1, executable: String = workerExecutable, retriesMax: Int = 2, batchMax: Int = 8,
  cacheBytesMax: Int = 0, _ body: (VerifierPool) async throws -> Result
) async throws -> Result {
  let configuration = VerifierConfiguration(
    executable: executable, workersMax: count, batchMax: batchMax, retriesMax: retriesMax,
    cacheBytesMax: cacheBytesMax)
  return try await withVerifierPool(configuration: configuration, body: body)
}

extension VerifierLimits {
  /// Short, so that attacks end soon; long enough for a busy host.
  static let test = VerifierLimits(
    wallSeconds: 5, cpuSeconds: 0.5, memoryBytes: 128 << 20, outputBytes: 4096, stackBytes: 8 << 20)
}

extension VerifierPool {
  /// One program, one call.
  func call(
    _ program: String, _ call: String = "", limits: VerifierLimits = .test, determinism: Bool = true,
    screening: Screening = .off
  ) async throws -> CallReply {
    let job = RunJob(
      program: program, calls: [call], limits: limits, checksDeterminism: determinism, screening: screening)
    guard case .run(let reply) = try await run([.run(job)])[0] else { throw UnexpectedReply() }
    return reply.calls[0]
  }

  /// The outcome of `def f(): return EXPRESSION`.
  func value(_ expression: String, limits: VerifierLimits = .test) async throws -> CallOutcome {
    try await call("def f():\n    return \(expression)", limits: limits).outcome
  }

  func literal(_ text: String) async throws -> TextReply {
    guard case .literal(let reply) = try await run([.literal(LiteralJob(text: text, limits: .test))])[0] else {
      throw UnexpectedReply()
    }
    return reply
  }

  func normalise(_ program: String) async throws -> NormaliseReply {
    guard case .normalise(let reply) = try await run([.normalise(NormaliseJob(program: program, limits: .test))])[0]
    else { throw UnexpectedReply() }
    return reply
  }
}

struct UnexpectedReply: Error {}

/// Processes of one copy of the worker, found by its path, so that suites running beside it do not count.
struct WorkerCopy: ~Copyable {
  let folder: URL
  var executable: String { folder.appending(path: "autodidact-verifier").path }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "verifier-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let target = folder.appending(path: "autodidact-verifier")
    try FileManager.default.copyItem(atPath: workerExecutable, toPath: target.path)
  }

  /// A command that starts this copy as user 1000, who need not exist; for tests that run as root.
  func asOrdinaryUser() throws -> String {
    let script = folder.appending(path: "as-ordinary-user").path
    let text = "#!/bin/sh\nexec setpriv --reuid 1000 --regid 1000 --clear-groups '\(executable)' \"$@\"\n"
    try Data(text.utf8).write(to: URL(filePath: script))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
    return script
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Pids with this copy's path in their command line: the worker, its zygotes, their children.
  func processes() throws -> [pid_t] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { pid in
      FileManager.default.contents(atPath: "/proc/\(pid)/cmdline").map {
        String(decoding: $0, as: UTF8.self).hasPrefix(executable)
      } ?? false
    }
  }

  /// The worker itself: the one whose parent is this process.
  func worker() throws -> pid_t? {
    try processes().first { pid in
      let status = FileManager.default.contents(atPath: "/proc/\(pid)/status") ?? Data()
      return String(decoding: status, as: UTF8.self).contains("PPid:\t\(getpid())\n")
    }
  }

  /// Whether a child of one of the worker's zygotes is behind the system call filter and has computed for 30 ms, which a
  /// worker's own probes never do.
  private func hasBusyChild(_ worker: pid_t) throws -> Bool {
    try processes().contains { pid in
      let stat = status(pid)
      let zygote = stat.parent
      return stat.isFiltered && stat.ticks >= 3 && status(zygote).parent == worker
    }
  }

  /// What /proc says of a process; zeros if it is gone.
  private func status(_ pid: pid_t) -> (parent: pid_t, ticks: Int, isFiltered: Bool) {
    let status = String(decoding: FileManager.default.contents(atPath: "/proc/\(pid)/status") ?? Data(), as: UTF8.self)
    let stat = String(decoding: FileManager.default.contents(atPath: "/proc/\(pid)/stat") ?? Data(), as: UTF8.self)
    // After the name in parentheses: state, parent, … and as the twelfth the processor time, in hundredths of a second.
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 11 else { return (0, 0, false) }
    return (pid_t(fields[1]) ?? 0, Int(fields[11]) ?? 0, status.contains("Seccomp:\t2"))
  }

  /// Waits for a worker other than `previous` that has a child at work.
  func worker(after previous: pid_t?) async throws -> pid_t? {
    for _ in 0..<60_000 {
      if let worker = try worker(), worker != previous, try hasBusyChild(worker) { return worker }
      try await Task.sleep(for: .milliseconds(1))
    }
    return nil
  }

  /// Waits until there are `count` processes.
  func wait(forCount count: Int) async throws {
    var found = try processes().count
    for _ in 0..<60_000 {
      if found == count { break }
      try await Task.sleep(for: .milliseconds(1))
      found = try processes().count
    }
    #expect(found == count)
  }
}
