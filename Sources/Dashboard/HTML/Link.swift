/// A path of this server with its query, percent-encoded: every link of the page is one, and every page can be linked to.
package struct Link: Sendable, Hashable {
  /// The encoded path and query.
  package private(set) var text: String
  private var hasQuery = false

  /// - Parameter components: of the path, not encoded.
  package init(_ components: String...) { self.init(components: components) }

  private init(components: [String]) {
    text = components.isEmpty ? "/" : components.reduce(into: "") { $0 += "/" + Self.encode($1) }
  }

  /// The page of an experiment, or one below it.
  package static func experiment(_ name: String, _ below: String...) -> Link {
    Link(components: ["experiments", name] + below)
  }

  package static func problem(_ problem: String, of experiment: String) -> Link {
    .experiment(experiment, "problems", problem)
  }

  package static func attempt(_ attempt: String, of experiment: String) -> Link {
    .experiment(experiment, "attempts", attempt)
  }

  package static func update(_ version: Int, of experiment: String) -> Link {
    .experiment(experiment, "updates", String(version))
  }

  /// The same page with one more field of the query; the page itself if there is no value.
  package func with(_ name: String, _ value: String?) -> Link {
    guard let value, !value.isEmpty else { return self }
    var link = self
    link.text += (hasQuery ? "&" : "?") + Self.encode(name) + "=" + Self.encode(value)
    link.hasQuery = true
    return link
  }

  package func with(_ name: String, _ value: Int?) -> Link { with(name, value.map(String.init)) }

  /// RFC 3986's unreserved characters stay; everything else is written as the bytes of its UTF-8.
  private static func encode(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        encoded += "%" + (digits.count == 1 ? "0" + digits : digits)
      }
    }
    return encoded
  }
}
