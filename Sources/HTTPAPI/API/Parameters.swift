import Postgres
import Settings

/// A query parameter that an endpoint takes, and how it is read. What is not listed is refused: a parameter that is
/// misspelt must not pass for one that is absent.
struct QueryParameter: Sendable {
  enum Form: Sendable {
    case integer(ClosedRange<Int64>, standard: Int64?)
    /// Length in code points, as docs/openapi.yaml means it.
    case text(lengthMax: Int)
    case choice([String])
  }

  var name: String
  var form: Form

  static func integer(_ name: String, _ range: ClosedRange<Int64>, _ standard: Int64? = nil) -> QueryParameter {
    QueryParameter(name: name, form: .integer(range, standard: standard))
  }

  static func text(_ name: String, lengthMax: Int = 200) -> QueryParameter {
    QueryParameter(name: name, form: .text(lengthMax: lengthMax))
  }

  static func choice(_ name: String, _ values: [String]) -> QueryParameter {
    QueryParameter(name: name, form: .choice(values))
  }

  /// Iterations `from` … `to`.
  static let iterations = [
    integer("from", 0...Int64(Int32.max), 0), integer("to", 0...Int64(Int32.max), Int64(Int32.max)),
  ]
  static let kind = choice("kind", ["deduction", "abduction", "induction"])
  static func limit(_ most: Int64, _ standard: Int64) -> QueryParameter { integer("limit", 1...most, standard) }

  /// The values to be bound, in the order of the list.
  static func values(
    _ parameters: [QueryParameter], of query: [(name: String, value: String)]
  ) throws(WebError) -> [Parameter] {
    var given: [String: String] = [:]
    for field in query {
      guard parameters.contains(where: { $0.name == field.name }) else {
        let known = parameters.map(\.name)
        throw WebError(
          .badParameter,
          "unknown parameter '\(field.name.prefix(100))'; "
            + (known.isEmpty ? "there are none" : "there are: \(known.joined(separator: ", "))"),
          suggestion: Suggestion.nearest(to: field.name, in: known))
      }
      guard given.updateValue(field.value, forKey: field.name) == nil else {
        throw WebError(.badParameter, "parameter '\(field.name)' is given twice")
      }
    }
    var values: [Parameter] = []
    for parameter in parameters { values.append(try parameter.value(given[parameter.name])) }
    return values
  }

  private func value(_ text: String?) throws(WebError) -> Parameter {
    switch form {
    case .integer(let range, let standard):
      guard let text else { return .int64(standard) }
      guard let value = Self.integer(text), range.contains(value) else {
        throw refusal(text, "a number from \(range.lowerBound) to \(range.upperBound)")
      }
      return .int64(value)
    case .text(let lengthMax):
      guard let text, text.unicodeScalars.count > lengthMax || text.isEmpty else { return .text(text) }
      throw refusal(text, "1 to \(lengthMax) characters")
    case .choice(let values):
      guard let text, !values.contains(text) else { return .text(text) }
      throw refusal(text, values.joined(separator: ", "))
    }
  }

  /// Digits only: no sign but a minus, no spaces.
  private static func integer(_ text: String) -> Int64? {
    text.utf8.allSatisfy { (48...57).contains($0) || $0 == 45 } ? Int64(text) : nil
  }

  private func refusal(_ text: String, _ allowed: String) -> WebError {
    WebError(.badParameter, "\(name) is '\(text.prefix(100))', allowed is \(allowed)")
  }
}
