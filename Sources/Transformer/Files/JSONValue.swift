/// A JSON value as a file states it: numbers keep whether they were whole, objects keep the order of their members.
///
/// Read by `JSONReader` from untrusted files, written by the exporters.
package enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// Kind and value for an error message; long text is cut, arrays and objects are named by their kind only.
  package var summary: String {
    switch self {
    case .null: "null"
    case .bool(let flag): "\(flag)"
    case .integer(let number): "\(number)"
    case .number(let number): "\(number)"
    case .string(let text): "\"\(text.prefix(60))\""
    case .array(let elements): "an array of \(elements.count)"
    case .object(let object): "an object of \(object.members.count)"
    }
  }
}

/// The members of a JSON object, in the order of the file, found by name. No name occurs twice.
package struct JSONObject: Sendable, Equatable {
  package struct Member: Sendable, Equatable {
    package let key: String
    package let value: JSONValue
  }

  package private(set) var members: [Member] = []
  /// Places in `members`, once there are so many that a search would be slow.
  private var index: [ExactText: Int] = [:]

  private static let searchedMax = 8

  package init() {}

  /// An object of ours. The names must differ.
  package init(_ members: KeyValuePairs<String, JSONValue>) {
    for (key, value) in members {
      guard append(key, value) else { preconditionFailure("member \"\(key)\" twice") }
    }
  }

  package subscript(key: String) -> JSONValue? { place(of: key).map { members[$0].value } }

  /// Adds a member; false when there is one of that name, which stays as it is.
  package mutating func append(_ key: String, _ value: JSONValue) -> Bool {
    guard place(of: key) == nil else { return false }
    members.append(Member(key: key, value: value))
    if members.count == Self.searchedMax + 1 {
      for (place, member) in members.enumerated() { index[ExactText(member.key)] = place }
    } else if members.count > Self.searchedMax {
      index[ExactText(key)] = members.count - 1
    }
    return true
  }

  private func place(of key: String) -> Int? {
    guard members.count <= Self.searchedMax else { return index[ExactText(key)] }
    return members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
  }
}

/// Text compared by its bytes. `String` compares by canonical equivalence, which would make two different tokens one.
struct ExactText: Hashable, Sendable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (left: ExactText, right: ExactText) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

  func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
    hasher.combine(UInt8(0xFF))
  }
}

extension JSONValue {
  /// The value as JSON text. With `indented`, members and elements stand on lines of their own, except arrays of plain
  /// values; numbers are written as the shortest text that reads back the same.
  package func text(indented: Bool = false) -> String {
    var output = ""
    write(to: &output, indent: indented ? 0 : nil)
    return output
  }

  private func write(to output: inout String, indent: Int?) {
    switch self {
    case .null: output += "null"
    case .bool(let flag): output += flag ? "true" : "false"
    case .integer(let number): output += "\(number)"
    case .number(let number): output += "\(number)"
    case .string(let text): Self.write(text, to: &output)
    case .array(let elements):
      let isPlain = elements.allSatisfy(\.isPlain)
      Self.write(elements, "[", "]", to: &output, indent: isPlain ? nil : indent) { $0.write(to: &$1, indent: $2) }
    case .object(let object):
      Self.write(object.members, "{", "}", to: &output, indent: indent) { member, output, indent in
        Self.write(member.key, to: &output)
        output += indent == nil ? ":" : ": "
        member.value.write(to: &output, indent: indent)
      }
    }
  }

  private var isPlain: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }

  private static func write<Item>(
    _ items: [Item], _ open: String, _ close: String, to output: inout String, indent: Int?,
    _ body: (Item, inout String, Int?) -> Void
  ) {
    output += open
    let inner = indent.map { $0 + 2 }
    for (number, item) in items.enumerated() {
      if number > 0 { output += "," }
      if let inner { output += "\n" + String(repeating: " ", count: inner) }
      body(item, &output, inner)
    }
    if let indent, !items.isEmpty { output += "\n" + String(repeating: " ", count: indent) }
    output += close
  }

  private static func write(_ text: String, to output: inout String) {
    output += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case "\0"..<" ":
        let digits = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: output.unicodeScalars.append(scalar)
      }
    }
    output += "\""
  }
}
