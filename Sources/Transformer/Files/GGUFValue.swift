/// A metadata value of a GGUF file. The cases follow the types of the GGUF specification.
///
/// Numbers are widened to 64 bits, because callers ask for "an integer" and not for its width on disk; the type that
/// was stored is kept for the errors. Arrays are homogeneous.
package enum GGUFValue: Sendable, Equatable {
  case unsigned(UInt64, GGUFValueType)
  case signed(Int64, GGUFValueType)
  case float(Double, GGUFValueType)
  case bool(Bool)
  case string(String)
  case array(GGUFArray)

  /// The type as error messages name it.
  package var typeName: String {
    switch self {
    case .unsigned(_, let type), .signed(_, let type), .float(_, let type): "\(type)"
    case .bool: "bool"
    case .string: "string"
    case .array(let array): "array of \(array.elementTypeName)"
    }
  }
}

/// The elements of a GGUF array, in the narrowest storage that serves all callers.
package enum GGUFArray: Sendable, Equatable {
  case integers([Int64], GGUFValueType)
  case floats([Double], GGUFValueType)
  case bools([Bool])
  case strings([String])
  case arrays([GGUFArray])

  package var elementTypeName: String {
    switch self {
    case .integers(_, let type), .floats(_, let type): "\(type)"
    case .bools: "bool"
    case .strings: "string"
    case .arrays: "array"
    }
  }
}

/// The value types of the GGUF specification, with their numbers in the file.
package enum GGUFValueType: UInt32, Sendable {
  case uint8 = 0
  case int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

  /// The fewest bytes one value of this type takes in a file.
  var minimumSize: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .string, .uint64, .int64, .float64: 8
    case .array: 12
    }
  }
}

extension ByteCursor {
  /// Arrays of arrays deeper than this are refused; no known file has more than one level.
  private static var arrayDepthMax: Int { 4 }

  /// The type number of a value or of an array's elements.
  mutating func valueType() throws(ModelFileError) -> GGUFValueType {
    let start = self
    let raw = try integer(UInt32.self, "the value type")
    guard let type = GGUFValueType(rawValue: raw) else {
      throw start.error(.format, "value type \(raw) is unknown; 0 to 12 are defined")
    }
    return type
  }

  /// One metadata value of the given type.
  mutating func value(of type: GGUFValueType) throws(ModelFileError) -> GGUFValue {
    switch type {
    case .uint8, .uint16, .uint32, .uint64: .unsigned(try unsigned(type), type)
    case .int8, .int16, .int32, .int64: .signed(try signed(type), type)
    case .float32, .float64: .float(try float(type), type)
    case .bool: .bool(try bool())
    case .string: .string(try string("the string"))
    case .array: .array(try array(depth: 1))
    }
  }

  private mutating func array(depth: Int) throws(ModelFileError) -> GGUFArray {
    guard depth <= Self.arrayDepthMax else {
      throw error(.format, "arrays are nested deeper than \(Self.arrayDepthMax)")
    }
    let type = try valueType()
    let count = try count(of: "\(type) elements", minimumSize: type.minimumSize)
    switch type {
    case .uint8, .uint16, .uint32, .uint64:
      return .integers(
        try elements(count) { (cursor) throws(ModelFileError) in try cursor.narrow(cursor.unsigned(type)) }, type)
    case .int8, .int16, .int32, .int64:
      return .integers(try elements(count) { (cursor) throws(ModelFileError) in try cursor.signed(type) }, type)
    case .float32, .float64:
      return .floats(try elements(count) { (cursor) throws(ModelFileError) in try cursor.float(type) }, type)
    case .bool: return .bools(try elements(count) { (cursor) throws(ModelFileError) in try cursor.bool() })
    case .string:
      return .strings(try elements(count) { (cursor) throws(ModelFileError) in try cursor.string("the string") })
    case .array:
      return .arrays(try elements(count) { (cursor) throws(ModelFileError) in try cursor.array(depth: depth + 1) })
    }
  }

  private mutating func elements<Element>(
    _ count: Int, _ read: (inout ByteCursor) throws(ModelFileError) -> Element
  ) throws(ModelFileError) -> [Element] {
    var result: [Element] = []
    result.reserveCapacity(count)
    for _ in 0..<count { result.append(try read(&self)) }
    return result
  }

  private mutating func unsigned(_ type: GGUFValueType) throws(ModelFileError) -> UInt64 {
    switch type {
    case .uint8: UInt64(try integer(UInt8.self, "a uint8"))
    case .uint16: UInt64(try integer(UInt16.self, "a uint16"))
    case .uint32: UInt64(try integer(UInt32.self, "a uint32"))
    default: try integer(UInt64.self, "a uint64")
    }
  }

  private mutating func signed(_ type: GGUFValueType) throws(ModelFileError) -> Int64 {
    switch type {
    case .int8: Int64(try integer(Int8.self, "an int8"))
    case .int16: Int64(try integer(Int16.self, "an int16"))
    case .int32: Int64(try integer(Int32.self, "an int32"))
    default: try integer(Int64.self, "an int64")
    }
  }

  private mutating func float(_ type: GGUFValueType) throws(ModelFileError) -> Double {
    type == .float32
      ? Double(Float(bitPattern: try integer(UInt32.self, "a float32")))
      : Double(bitPattern: try integer(UInt64.self, "a float64"))
  }

  private mutating func bool() throws(ModelFileError) -> Bool {
    let start = self
    let raw = try integer(UInt8.self, "a bool")
    guard raw <= 1 else { throw start.error(.format, "a bool is 0 or 1, found \(raw)") }
    return raw == 1
  }

  private func narrow(_ value: UInt64) throws(ModelFileError) -> Int64 {
    guard let narrow = Int64(exactly: value) else { throw error(.value, "\(value) does not fit 63 bits") }
    return narrow
  }
}
