import Foundation
import Testing

/// `autodidactd` as a service manager sees it: the built program on a real database with experiments that cannot be played.
@Suite("The daemon's program", .needsPostgres, .serialized)
struct DaemonProgramTests {
  /// A socket that service managers listen on.
  private final class Listener {
    let path = "/tmp/autodidactd-\(UUID().uuidString.prefix(8))"
    private let descriptor: Int32

    init() throws {
      descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
      let bound = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      try #require(bound == 0, "\(String(cString: strerror(errno)))")
      var patience = timeval(tv_sec: 60, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
      close(descriptor)
      unlink(path)
    }

    /// The next datagram that begins with one of these; nil if none comes.
    func next(_ beginnings: String...) -> String? {
      var bytes = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        if beginnings.contains(where: text.hasPrefix) { return text }
      }
    }
  }

  /// A daemon that runs until it is told otherwise.
  private func withDaemon(
    _ arguments: [String], _ body: (Process, Listener, URL) async throws -> Void
  ) async throws -> (status: Int32, errors: String) {
    var result: (Int32, String) = (-1, "")
    try await Installation.with { here in
      // Its experiments have a model that is not here: each is refused, and the daemon goes on.
      let folder = FileManager.default.temporaryDirectory.appending(path: "daemon-\(UUID())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let listener = try Listener()
      let errors = folder.appending(path: "errors")
      try Data().write(to: errors)
      let process = Process()
      process.executableURL = URL(filePath: try Program.path("autodidactd"))
      process.arguments = arguments
      process.environment = [
        "PATH": "/usr/bin:/bin", "AUTODIDACT_SHARE": Program.share.path, "AUTODIDACT_HOME": folder.path,
        "AUTODIDACT_DATABASE_URL": here.url, "NOTIFY_SOCKET": listener.path, "WATCHDOG_USEC": "200000",
      ]
      process.standardOutput = FileHandle.nullDevice
      process.standardError = try FileHandle(forWritingTo: errors)
      try process.run()
      do { try await body(process, listener, folder) } catch {
        process.terminate()
        throw error
      }
      process.waitUntilExit()
      result = (process.terminationStatus, try String(contentsOf: errors, encoding: .utf8))
    }
    return result
  }

  @Test("ready, alive, reloaded and stopping are told; every log line is JSON; the end is 0")
  func told() async throws {
    let (status, errors) = try await withDaemon(["--log-format", "json"]) { process, listener, folder in
      #expect(listener.next("READY=1")?.contains("STATUS=") == true)
      #expect(listener.next("WATCHDOG=1") != nil && listener.next("WATCHDOG=1") != nil)
      try Data("debug\n".utf8).write(to: folder.appending(path: "log-level"))
      kill(process.processIdentifier, SIGHUP)
      #expect(listener.next("RELOADING=1")?.contains("MONOTONIC_USEC=") == true)
      #expect(listener.next("READY=1")?.contains("log level debug") == true)
      kill(process.processIdentifier, SIGTERM)
      #expect(listener.next("STOPPING=1") != nil)
    }
    #expect(status == 0, "\(errors)")
    let lines = errors.split(separator: "\n")
    #expect(lines.count > 3)
    for line in lines {
      let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      #expect(object?["time"] is String && object?["level"] is String && object?["message"] is String, "\(line)")
    }
    #expect(lines.contains { $0.contains("the log level was read again") })
  }

  @Test("a level that is none is refused at the start with 2, and at SIGHUP is told and changes nothing")
  func wrongLevel() async throws {
    let wrong = try Program.run(["--log-level", "loud"], executable: try Program.path("autodidactd"))
    #expect(wrong.status == 2 && wrong.errors.contains("allowed are debug, info, warning, error"), "\(wrong)")
    let (status, errors) = try await withDaemon([]) { process, listener, folder in
      #expect(listener.next("READY=1") != nil)
      try Data("loud\n".utf8).write(to: folder.appending(path: "log-level"))
      kill(process.processIdentifier, SIGHUP)
      #expect(listener.next("READY=1")?.contains("log level info") == true)
      kill(process.processIdentifier, SIGTERM)
    }
    #expect(status == 0 && errors.contains("says 'loud', allowed are"), "\(errors)")
  }

  @Test("an experiment that is not there ends it with 4")
  func notFound() async throws {
    try await Installation.with { here in
      let outcome = try Program.run(
        ["--take-over", "frist"], environment: ["AUTODIDACT_DATABASE_URL": here.url],
        executable: try Program.path("autodidactd"))
      #expect(outcome.status == 4 && outcome.errors.contains("did you mean 'first'?"), "\(outcome)")
    }
  }
}
