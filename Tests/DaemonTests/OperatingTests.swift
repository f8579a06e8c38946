import Daemon
import Foundation
import Logging
import Synchronization
import Testing

@Suite("What a daemon tells its operator")
struct OperatingTests {
  /// Log lines as they are written.
  private final class Lines: Sendable {
    private let written = Mutex<[String]>([])
    var all: [String] { written.withLock { $0 } }
    func write(_ line: String) { written.withLock { $0.append(line) } }
  }

  private func log(_ format: DaemonLog.Format, _ lines: Lines, level: Logger.Level = .info) -> DaemonLog {
    DaemonLog(format, level: level, now: { Date(timeIntervalSince1970: 0.25) }) { lines.write($0) }
  }

  @Test("a line of JSON is one object with time, level, message and the metadata, numbers as numbers")
  func json() throws {
    let lines = Lines()
    let log = log(.json, lines)
    var logger = Logger(label: "test") { log.handler($0) }
    logger[metadataKey: "experiment"] = "first"
    logger.info(
      "two\nlines", metadata: ["step": "propose", "seconds": "1.5", "version": "12", "digest": "0012", "level": "x"])
    let line = try #require(lines.all.first)
    #expect(line.hasSuffix("}\n") && line.count(where: \.isNewline) == 1)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["time"] as? String == "1970-01-01T00:00:00.250Z")
    #expect(object["level"] as? String == "info" && object["_level"] as? String == "x")
    #expect(object["message"] as? String == "two\nlines" && object["logger"] as? String == "test")
    #expect(object["experiment"] as? String == "first" && object["step"] as? String == "propose")
    #expect(object["seconds"] as? Double == 1.5 && object["version"] as? Int == 12)
    #expect(object["digest"] as? String == "0012")
  }

  @Test("a line of text is one line, its metadata in order")
  func text() {
    let lines = Lines()
    let log = log(.text, lines)
    Logger(label: "test") { log.handler($0) }.notice("two\nlines", metadata: ["b": "has \"space\"", "a": "1"])
    #expect(lines.all == ["1970-01-01T00:00:00.250Z notice test: two\\nlines a=1 b=\"has \\\"space\\\"\"\n"])
  }

  @Test("the shared level holds for every logger from the moment it changes, and a logger's own beside it")
  func level() {
    let lines = Lines()
    let log = log(.text, lines)
    let logger = Logger(label: "one") { log.handler($0) }
    var quiet = Logger(label: "two") { log.handler($0) }
    quiet.logLevel = .warning
    logger.debug("not yet")
    log.level = .debug
    logger.debug("now")
    quiet.info("never")
    #expect(lines.all.count == 1 && lines.all[0].contains("debug one: now"))
  }

  @Test("the level file says a level, nothing, or is refused with what it says")
  func levelFile() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "log-level-\(UUID())")
    defer { try? FileManager.default.removeItem(at: file) }
    let levels = LogLevelFile(path: file.path)
    #expect(try levels.read() == nil)
    for (text, wanted) in [("debug\n", Logger.Level.debug), ("  warning", .warning), ("\n", nil)] {
      try Data(text.utf8).write(to: file)
      #expect(try levels.read() == wanted)
    }
    try Data("loud".utf8).write(to: file)
    #expect(throws: LogLevelFile.Malformed(path: file.path, found: "loud")) { try levels.read() }
  }

  @Test(
    "the service manager gets one datagram a message, on a path and in the abstract namespace",
    arguments: [false, true])
  func notified(isAbstract: Bool) throws {
    let name = isAbstract ? "@autodidact-\(UUID())" : "/tmp/autodidact-\(UUID().uuidString.prefix(8))"
    let descriptor = try receiver(name)
    defer {
      close(descriptor)
      unlink(name)
    }
    let manager = ServiceManager(
      environment: ["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "42"], process: 42)
    #expect(manager.watchdog == .seconds(3))
    for (message, wanted) in [
      (ServiceManager.Message.ready(status: "a\nb"), "READY=1\nSTATUS=a b"), (.alive, "WATCHDOG=1"),
      (.stopping, "STOPPING=1"), (.reloading(microseconds: 7), "RELOADING=1\nMONOTONIC_USEC=7"),
    ] {
      #expect(manager.tell(message))
      #expect(receive(descriptor) == wanted)
    }
  }

  @Test("a service manager that listens and does not read holds up no sign of life")
  func notRead() throws {
    let name = "@autodidact-\(UUID())"
    let descriptor = try receiver(name)
    defer { close(descriptor) }
    let manager = ServiceManager(environment: ["NOTIFY_SOCKET": name], process: 42)
    // A queue of any length ends; a send that waited for its reader would never come back.
    let sent = (0..<100_000).prefix { _ in manager.tell(.alive) }.count
    #expect(sent > 0 && sent < 100_000)
    #expect(receive(descriptor) == "WATCHDOG=1")
    #expect(manager.tell(.alive))
  }

  @Test("without a service manager nothing is said, and another process's watchdog is not ours")
  func silent() {
    #expect(!ServiceManager(environment: [:], process: 1).tell(.alive))
    #expect(!ServiceManager(environment: ["NOTIFY_SOCKET": "relative"], process: 1).tell(.alive))
    #expect(!ServiceManager(environment: ["NOTIFY_SOCKET": "/nowhere/socket"], process: 1).tell(.alive))
    let other = ServiceManager(
      environment: ["NOTIFY_SOCKET": "/nowhere/socket", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "2"], process: 1)
    #expect(other.watchdog == nil)
  }

  private func receiver(_ name: String) throws -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(name.utf8)
    if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    try #require(bound == 0, "\(name): \(String(cString: strerror(errno)))")
    return descriptor
  }

  private func receive(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    return count < 0 ? "nothing" : String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}
