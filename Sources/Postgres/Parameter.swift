import FoundationEssentials

/// A value bound to a statement's `$n`, in PostgreSQL's binary format. Values are never spliced into SQL.
package struct Parameter: Sendable {
  let type: UInt32
  /// nil: SQL's null.
  let bytes: [UInt8]?

  private init(_ type: ObjectType, _ bytes: [UInt8]?) {
    self.type = type.rawValue
    self.bytes = bytes
  }

  package static func text(_ value: String?) -> Parameter { Parameter(.text, value.map { Array($0.utf8) }) }
  package static func bool(_ value: Bool?) -> Parameter { Parameter(.bool, value.map { [$0 ? 1 : 0] }) }
  package static func int32(_ value: Int32?) -> Parameter { Parameter(.int4, value.map(\.networkBytes)) }
  package static func int64(_ value: Int64?) -> Parameter { Parameter(.int8, value.map(\.networkBytes)) }
  package static func bytes(_ value: some Collection<UInt8>) -> Parameter { Parameter(.bytea, Array(value)) }
  package static func uuid(_ value: UUID?) -> Parameter {
    Parameter(.uuid, value.map { value in withUnsafeBytes(of: value.uuid) { Array($0) } })
  }

  package static func textArray(_ values: [String]?) -> Parameter {
    Parameter(.textArray, values.map { array($0, of: .text) { Array($0.utf8) } })
  }

  /// Text given as UTF-8 bytes, which saves making strings of them.
  package static func textArray(utf8 values: [Data]) -> Parameter {
    Parameter(.textArray, array(values, of: .text) { Array($0) })
  }

  package static func int32Array(_ values: [Int32?]) -> Parameter {
    Parameter(.int4Array, array(values, of: .int4) { $0.map(\.networkBytes) })
  }

  package static func int64Array(_ values: [Int64?]) -> Parameter {
    Parameter(.int8Array, array(values, of: .int8) { $0.map(\.networkBytes) })
  }

  package static func bytesArray(_ values: [[UInt8]]) -> Parameter {
    Parameter(.byteaArray, array(values, of: .bytea) { $0 })
  }

  /// Element types of `array(of:count:encoded:)`.
  package enum ElementType: String, Sendable {
    case int4, int8, float8, text, bool, timestamptz

    fileprivate var element: ObjectType {
      switch self {
      case .int4: .int4
      case .int8: .int8
      case .float8: .float8
      case .text: .text
      case .bool: .bool
      case .timestamptz: .timestamptz
      }
    }

    fileprivate var array: ObjectType {
      switch self {
      case .int4: .int4Array
      case .int8: .int8Array
      case .float8: .float8Array
      case .text: .textArray
      case .bool: .boolArray
      case .timestamptz: .timestamptzArray
      }
    }
  }

  /// An array whose elements are encoded already, each behind its length, -1 for null.
  package static func array(of type: ElementType, count: Int, encoded: [UInt8]) -> Parameter {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(20 + encoded.count)
    bytes += Int32(count == 0 ? 0 : 1).networkBytes
    bytes += Int32(1).networkBytes
    bytes += Int32(bitPattern: type.element.rawValue).networkBytes
    if count > 0 {
      bytes += Int32(count).networkBytes
      bytes += Int32(1).networkBytes
      bytes += encoded
    }
    return Parameter(type.array, bytes)
  }

  /// One-dimensional array: dimensions, null flag, element type, length, lower bound, then each element with its length.
  private static func array<Element>(
    _ values: [Element], of type: ObjectType, _ encode: (Element) -> [UInt8]?
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(20 + values.count * 16)
    bytes += Int32(values.isEmpty ? 0 : 1).networkBytes
    bytes += Int32(1).networkBytes
    bytes += Int32(bitPattern: type.rawValue).networkBytes
    guard !values.isEmpty else { return bytes }
    bytes += Int32(values.count).networkBytes
    bytes += Int32(1).networkBytes
    for value in values {
      if let element = encode(value) {
        bytes += Int32(element.count).networkBytes
        bytes += element
      } else {
        bytes += Int32(-1).networkBytes
      }
    }
    return bytes
  }
}

/// Object ids of the types used here; PostgreSQL fixes them in `pg_type.dat`.
enum ObjectType: UInt32 {
  case bool = 16
  case bytea = 17
  case int8 = 20
  case int2 = 21
  case int4 = 23
  case text = 25
  case json = 114
  case float8 = 701
  case uuid = 2950
  case timestamptz = 1184
  case byteaArray = 1001
  case int4Array = 1007
  case textArray = 1009
  case int8Array = 1016
  case boolArray = 1000
  case float8Array = 1022
  case timestamptzArray = 1185
}

extension FixedWidthInteger {
  fileprivate var networkBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}
