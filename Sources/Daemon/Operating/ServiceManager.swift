import Foundation

/// Tells the service manager that started this process how it stands: sd_notify(3)'s protocol, one datagram a message to the
/// socket that NOTIFY_SOCKET names. Without that variable it says nothing.
package struct ServiceManager: Sendable {
  /// A path, or a name in Linux's abstract namespace that begins with `@`.
  private let socket: String?
  /// The process must be heard of within this time; nil: nobody waits.
  package let watchdog: Duration?

  /// - Parameters:
  ///   - environment: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are read.
  ///   - process: id of this process; a watchdog for another one is not ours.
  package init(environment: [String: String], process: Int) {
    socket = environment["NOTIFY_SOCKET"].flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
    let isOurs = environment["WATCHDOG_PID"].map { $0 == "\(process)" } ?? true
    let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) }
    watchdog = socket == nil || !isOurs ? nil : microseconds.flatMap { $0 > 0 ? .microseconds($0) : nil }
  }

  /// What there is to say.
  package enum Message: Sendable {
    /// Start-up is over.
    case ready(status: String)
    case status(String)
    /// Settings are being read again; `ready` follows.
    case reloading(microseconds: UInt64)
    case stopping
    case alive

    var text: String {
      switch self {
      case .ready(let status): "READY=1\nSTATUS=\(Self.line(status))"
      case .status(let status): "STATUS=\(Self.line(status))"
      case .reloading(let microseconds): "RELOADING=1\nMONOTONIC_USEC=\(microseconds)"
      case .stopping: "STOPPING=1"
      case .alive: "WATCHDOG=1"
      }
    }

    private static func line(_ text: String) -> String {
      String(text.map { $0.isNewline ? " " : $0 }.prefix(200))
    }
  }

  /// Sends one message. A manager that does not listen is its own affair: false, and nothing else happens. Where it listens but
  /// does not read, its queue is full after ten datagrams and a send would wait for ever: a sign of life is dropped at once, for
  /// the next one says the same, anything else after a second.
  @discardableResult
  package func tell(_ message: Message) -> Bool {
    guard let socket else { return false }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(socket.utf8)
    if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let descriptor = Foundation.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var patience = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var flags = Int32(MSG_NOSIGNAL)
    if case .alive = message { flags |= Int32(MSG_DONTWAIT) }
    // An abstract name has no end mark: its length is the address's.
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let text = Array(message.text.utf8)
    let sent = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, text, text.count, flags, $0, length)
      }
    }
    return sent == text.count
  }
}
