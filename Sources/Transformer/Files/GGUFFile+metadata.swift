/// Typed access to metadata. Each accessor throws `.missing` when the key is absent and `.value` when the value has
/// another type or does not fit, naming file, key, expected and found type. The `…IfPresent` forms return nil for an
/// absent key and still throw for a wrong type.
extension GGUFFile {
  /// A whole number of any width that fits `Int`.
  package func integer(_ key: String) throws(ModelFileError) -> Int {
    try required(key, "an integer", integerIfPresent(key))
  }

  package func integerIfPresent(_ key: String) throws(ModelFileError) -> Int? {
    guard let value = metadata[key] else { return nil }
    switch value {
    case .unsigned(let number, _): if let result = Int(exactly: number) { return result }
    case .signed(let number, _): return Int(number)
    default: break
    }
    throw mismatch(key, "an integer", value)
  }

  /// A float32 or float64, widened exactly.
  package func float(_ key: String) throws(ModelFileError) -> Double {
    try required(key, "a float", floatIfPresent(key))
  }

  package func floatIfPresent(_ key: String) throws(ModelFileError) -> Double? {
    guard let value = metadata[key] else { return nil }
    guard case .float(let number, _) = value else { throw mismatch(key, "a float", value) }
    return number
  }

  package func bool(_ key: String) throws(ModelFileError) -> Bool {
    try required(key, "a bool", boolIfPresent(key))
  }

  package func boolIfPresent(_ key: String) throws(ModelFileError) -> Bool? {
    guard let value = metadata[key] else { return nil }
    guard case .bool(let flag) = value else { throw mismatch(key, "a bool", value) }
    return flag
  }

  package func string(_ key: String) throws(ModelFileError) -> String {
    try required(key, "a string", stringIfPresent(key))
  }

  package func stringIfPresent(_ key: String) throws(ModelFileError) -> String? {
    guard let value = metadata[key] else { return nil }
    guard case .string(let text) = value else { throw mismatch(key, "a string", value) }
    return text
  }

  package func strings(_ key: String) throws(ModelFileError) -> [String] {
    guard let value = metadata[key] else { throw missing(key, "an array of strings") }
    guard case .array(.strings(let texts)) = value else { throw mismatch(key, "an array of strings", value) }
    return texts
  }

  package func integers(_ key: String) throws(ModelFileError) -> [Int] {
    guard let value = metadata[key] else { throw missing(key, "an array of integers") }
    guard case .array(.integers(let numbers, _)) = value else { throw mismatch(key, "an array of integers", value) }
    return numbers.map { Int($0) }
  }

  private func required<Value>(
    _ key: String, _ expected: String, _ value: Value?
  ) throws(ModelFileError) -> Value {
    guard let value else { throw missing(key, expected) }
    return value
  }

  private func missing(_ key: String, _ expected: String) -> ModelFileError {
    ModelFileError(.missing, file: path, place: "key \"\(key)\"", "the key is missing; expected \(expected)")
  }

  private func mismatch(_ key: String, _ expected: String, _ value: GGUFValue) -> ModelFileError {
    ModelFileError(.value, file: path, place: "key \"\(key)\"", "expected \(expected), found \(value.summary)")
  }
}

extension GGUFValue {
  /// Type and value for an error message; long text is cut, arrays are named by their type only.
  var summary: String {
    switch self {
    case .unsigned(let number, _): "\(typeName) \(number)"
    case .signed(let number, _): "\(typeName) \(number)"
    case .float(let number, _): "\(typeName) \(number)"
    case .bool(let flag): "\(typeName) \(flag)"
    case .string(let text): "\(typeName) \"\(text.prefix(60))\""
    case .array: typeName
    }
  }
}
