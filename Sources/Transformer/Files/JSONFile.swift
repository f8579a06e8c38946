/// A JSON file whose value is an object, with typed access. Each accessor throws `.missing` when the key is absent and
/// `.value` when the value is of another kind, naming file, key and what was found; the `…IfPresent` forms return nil for
/// an absent key and for `null`.
///
/// Configuration and tokenizer of a Hugging Face folder are read through it.
package struct JSONFile: Sendable {
  package let path: String
  package let root: JSONObject

  /// Reads the file. Throws `ModelFileError` when it is longer than `bytesMax`, is not JSON, or is no object.
  package init(path: String, bytesMax: Int) throws(ModelFileError) {
    let mapping = try MappedFile(path: path)
    guard mapping.bytes.count <= bytesMax else {
      throw ModelFileError(.size, file: path, "\(mapping.bytes.count) bytes, at most \(bytesMax) are allowed")
    }
    guard case .object(let root) = try JSONReader.read(mapping.bytes, file: path) else {
      throw ModelFileError(.format, file: path, offset: 0, "not a JSON object")
    }
    self.init(path: path, root: root)
  }

  /// An object within a file, for access of the same kind.
  package init(path: String, root: JSONObject) { (self.path, self.root) = (path, root) }

  package func error(_ code: ModelFileError.Code, _ key: String, _ problem: String) -> ModelFileError {
    ModelFileError(code, file: path, place: "key \"\(key)\"", problem)
  }

  // MARK: Access

  package func value(_ key: String) -> JSONValue? { root[key].flatMap { $0 == .null ? nil : $0 } }

  package func integer(_ key: String) throws(ModelFileError) -> Int {
    try required(key, "an integer", integerIfPresent(key))
  }

  package func integerIfPresent(_ key: String) throws(ModelFileError) -> Int? {
    guard let value = value(key) else { return nil }
    guard case .integer(let number) = value else { throw mismatch(key, "an integer", value) }
    return number
  }

  /// A number, whole or not.
  package func numberIfPresent(_ key: String) throws(ModelFileError) -> Double? {
    switch value(key) {
    case nil: return nil
    case .integer(let number): return Double(number)
    case .number(let number): return number
    case let value?: throw mismatch(key, "a number", value)
    }
  }

  package func boolIfPresent(_ key: String) throws(ModelFileError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard case .bool(let flag) = value else { throw mismatch(key, "true or false", value) }
    return flag
  }

  package func string(_ key: String) throws(ModelFileError) -> String {
    try required(key, "a string", stringIfPresent(key))
  }

  package func stringIfPresent(_ key: String) throws(ModelFileError) -> String? {
    guard let value = value(key) else { return nil }
    guard case .string(let text) = value else { throw mismatch(key, "a string", value) }
    return text
  }

  package func object(_ key: String) throws(ModelFileError) -> JSONObject {
    try required(key, "an object", objectIfPresent(key))
  }

  package func objectIfPresent(_ key: String) throws(ModelFileError) -> JSONObject? {
    guard let value = value(key) else { return nil }
    guard case .object(let object) = value else { throw mismatch(key, "an object", value) }
    return object
  }

  package func arrayIfPresent(_ key: String) throws(ModelFileError) -> [JSONValue]? {
    guard let value = value(key) else { return nil }
    guard case .array(let elements) = value else { throw mismatch(key, "an array", value) }
    return elements
  }

  package func mismatch(_ key: String, _ expected: String, _ found: JSONValue) -> ModelFileError {
    error(.value, key, "expected \(expected), found \(found.summary)")
  }

  package func missing(_ key: String, _ expected: String) -> ModelFileError {
    error(.missing, key, "the key is missing; expected \(expected)")
  }

  private func required<Value>(_ key: String, _ expected: String, _ value: Value?) throws(ModelFileError) -> Value {
    guard let value else { throw missing(key, expected) }
    return value
  }
}
