/// Where the server listens: a Unix socket or a TCP address. Parsed from `--listen`; the composition root refuses to
/// start on one that is not local without a token.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
  /// A host name or IP address and a port; port 0 lets the kernel choose.
  case tcp(host: String, port: Int)
  /// An absolute path.
  case unix(path: String)

  /// What `autodidact dashboard` listens on by itself.
  package static let standard = ListenAddress.tcp(host: "127.0.0.1", port: 8420)

  /// Reads `127.0.0.1:8420`, `[::1]:8420`, `localhost:0` or `unix:/run/autodidact.sock`.
  /// - Throws: `Malformed`.
  package init(_ text: String) throws(Malformed) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst(5))
      // sockaddr_un holds 108 bytes with the zero at the end.
      guard path.hasPrefix("/"), path.utf8.count <= 107 else { throw Malformed(text: text) }
      self = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65_535).contains(port)
    else { throw Malformed(text: text) }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      throw Malformed(text: text)
    }
    guard !host.isEmpty else { throw Malformed(text: text) }
    self = .tcp(host: host, port: port)
  }

  /// Whether only this machine can reach it: a Unix socket, 127.0.0.0/8, ::1 or the name localhost.
  package var isLocal: Bool {
    switch self {
    case .unix: true
    case .tcp(let host, _): Self.isLoopback(host)
    }
  }

  /// Whether a host names this machine's loopback interface.
  static func isLoopback(_ host: String) -> Bool {
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  package var description: String {
    switch self {
    case .unix(let path): "unix:\(path)"
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }

  /// Not an address.
  package struct Malformed: Error, Hashable, CustomStringConvertible {
    package var text: String

    package init(text: String) { self.text = text }

    package var description: String {
      "--listen is '\(text)', allowed is HOST:PORT such as 127.0.0.1:8420 or [::1]:8420, or unix:/absolute/path of at most "
        + "107 bytes"
    }
  }
}
