import Foundation

/// A body of a change: strict, because a misspelt key is not an absent one.
protocol ControlBody: Decodable {
  /// Every key it may have.
  static var keys: [String] { get }
  /// One, for the error.
  static var example: String { get }
}

/// Of pause, resume and stop.
struct ReasonBody: ControlBody {
  var reason: String?

  static let keys = ["reason"]
  static let example = #"{"reason": "why"}"#
}

extension ForkWish: ControlBody {
  static let keys = ["at", "name", "set"]
  static let example = #"{"at": "12", "name": "warmer", "set": ["solver.temperature=1.2"]}"#

  /// - Throws: `badBody` for what is too long for any fork.
  func check() throws(WebError) {
    guard at.utf8.count <= 32, name.utf8.count <= 64, (set ?? []).count <= 100,
      (set ?? []).allSatisfy({ $0.utf8.count <= 4096 })
    else { throw WebError(.badBody, "a value is too long: at 32 bytes, name 64, set 100 entries of 4096") }
    guard !([at, name] + (set ?? [])).contains(where: { $0.unicodeScalars.contains("\0") }) else {
      throw WebError(.badBody, "a value holds a NUL")
    }
  }
}

extension AnnotationWish: ControlBody {
  static var keys: [String] { CodingKeys.allCases.map(\.rawValue) }
  static let example = #"{"tags_added": ["baseline"], "tags_removed": [], "note": "text", "priority": 10}"#

  /// Of the page's form: only what the person changed, judged by what the page showed (`…_before`), so that what somebody else said
  /// meanwhile stays.
  /// - Parameter value: of a field.
  init(form value: (String) -> String?) throws(WebError) {
    func text(_ name: String) -> String? {
      // Browsers send line ends as CR LF.
      value(name)?.replacing("\r\n", with: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
    }
    func tags(_ name: String) -> Set<String> {
      Set((value(name) ?? "").split(whereSeparator: { $0.isWhitespace || $0 == "," }).map(String.init))
    }
    let (before, after) = (tags("tags_before"), tags("tags"))
    self.init(tagsAdded: after.subtracting(before).sorted(), tagsRemoved: before.subtracting(after).sorted())
    if let note = text("note"), note != text("note_before") { self.note = note }
    if let words = text("priority"), words != text("priority_before") {
      guard let priority = Int(words.isEmpty ? "0" : words) else {
        throw WebError(.badBody, "priority is '\(words.prefix(40))', allowed is a whole number from -1000 to 1000")
      }
      self.priority = priority
    }
  }
}

extension ControlBody {
  /// - Throws: `badBody`.
  static func decode(_ bytes: Data) throws(WebError) -> Self {
    guard let object = (try? JSONSerialization.jsonObject(with: bytes)) as? [String: Any] else {
      throw WebError(.badBody, "the body is not a JSON object")
    }
    if let unknown = object.keys.sorted().first(where: { !keys.contains($0) }) {
      throw WebError(.badBody, "unknown key '\(unknown.prefix(100))'; allowed are \(keys.joined(separator: ", "))")
    }
    do { return try JSONDecoder().decode(Self.self, from: bytes) } catch {
      throw WebError(.badBody, "a key is missing or has a value of another type; needed is \(example)")
    }
  }
}
