import Foundation
import HTTPTypes

/// A request as the server's parts see it: decoded once, before anything is decided.
struct Call: Sendable {
  var method: HTTPRequest.Method
  /// Percent-decoded parts of the path: `/api/v1/experiments` has three. A trailing slash adds an empty one.
  var path: [String]
  /// In the order of the URL, decoded; a plus is a space.
  var query: [(name: String, value: String)]
  var headers: HTTPFields
  /// `host[:port]` as the client wrote it.
  var authority: String?
  /// The address at the other end; nil on a Unix socket.
  var peer: String?
  var body: Data = Data()

  /// nil for a target that is no path, or whose escapes are not UTF-8.
  init?(_ request: HTTPRequest, peer: String?) {
    guard let target = request.path, target.hasPrefix("/") else { return nil }
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var path: [String] = []
    for part in parts[0].split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
      guard let decoded = part.removingPercentEncoding, !decoded.unicodeScalars.contains("\0") else { return nil }
      path.append(decoded)
    }
    guard let query = Self.fields(parts.count > 1 ? String(parts[1]) : "") else { return nil }
    method = request.method
    self.path = path
    self.query = query
    headers = request.headerFields
    authority = request.authority ?? request.headerFields[HTTPField.Name("host")!]
    self.peer = peer
  }

  /// Reads `a=1&b=2`, of a query or of a form. nil where an escape is no UTF-8, or a NUL is meant.
  static func fields(_ text: String) -> [(name: String, value: String)]? {
    var fields: [(name: String, value: String)] = []
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let decoded = parts.map { $0.replacingOccurrences(of: "+", with: " ").removingPercentEncoding }
      guard let name = decoded[0], let value = decoded.count > 1 ? decoded[1] : "",
        !name.unicodeScalars.contains("\0"), !value.unicodeScalars.contains("\0")
      else { return nil }
      fields.append((name, value))
    }
    return fields
  }

  /// HEAD is answered like GET, without the body.
  var isReading: Bool { method == .get || method == .head }

  /// The media type of the body, without its parameters.
  var mediaType: String {
    (headers[.contentType] ?? "").split(separator: ";").first.map {
      $0.trimmingCharacters(in: .whitespaces).lowercased()
    } ?? ""
  }

  func cookie(_ name: String) -> String? {
    for header in headers[values: .cookie] {
      for pair in header.split(separator: ";") {
        let parts = pair.split(separator: "=", maxSplits: 1)
        if parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == name {
          return parts[1].trimmingCharacters(in: .whitespaces)
        }
      }
    }
    return nil
  }

  /// Whether a browser asks for a page, which is sent to the login page instead of an error.
  var wantsPage: Bool { headers[.accept]?.contains("text/html") ?? false }
}
