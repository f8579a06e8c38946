import CPython

/// A borrowed Python object. Every function says whose reference it is.
typealias Object = UnsafeMutablePointer<PyObject>

/// Why a value has no canonical text.
enum EncodingFailure: Error, Equatable {
  case tooLarge
  case unsupported(type: String)
  case outOfMemory
}

/// Writes a value as canonical Python literal text: one text per value, so that outside equality of values is equality
/// of bytes, and the same text can stand in a prompt. docs/sandbox.md, "Values", has the table.
///
/// It runs after model-written code in the same process, so it calls nothing that such code can change: types are
/// compared by identity, and the representation of an exact builtin comes from the builtin's own C slot. The cycle
/// collector must be off, or a finaliser could change a container while it is walked.
struct CanonicalEncoder {
  /// Containers deeper than this are too large.
  static let depthMax = 64
  /// CPython writes integers of up to 4300 digits; 4300 digits are at most this many bits.
  static let integerBitsMax = 14_285

  private(set) var bytes: [UInt8] = []
  private let bytesMax: Int

  /// All memory is taken here, before the program can have used it up.
  init(bytesMax: Int) {
    self.bytesMax = bytesMax
    bytes.reserveCapacity(min(bytesMax, 4 << 20) + 64)
  }

  /// Appends the text of a value (borrowed).
  mutating func encode(_ value: Object, depth: Int = 0) throws(EncodingFailure) {
    guard depth <= Self.depthMax else { throw .tooLarge }
    switch python_kind(value) {
    case PYTHON_NONE: try append("None")
    case PYTHON_BOOL: try append(python_is_true(value) != 0 ? "True" : "False")
    case PYTHON_INT:
      guard python_int_bits(value) <= Self.integerBitsMax else { throw .tooLarge }
      try appendRepresentation(value)
    case PYTHON_FLOAT: try appendRepresentation(value)
    case PYTHON_STR:
      guard python_unicode_count(value) <= bytesMax - bytes.count else { throw .tooLarge }
      try appendRepresentation(value)
    case PYTHON_BYTES:
      guard python_bytes_count(value) <= bytesMax - bytes.count else { throw .tooLarge }
      try appendRepresentation(value)
    case PYTHON_LIST: try encodeList(value, depth: depth)
    case PYTHON_TUPLE: try encodeTuple(value, depth: depth)
    case PYTHON_DICT: try encodeDictionary(value, depth: depth)
    case PYTHON_SET: try encodeSet(value, opening: "{", closing: "}", empty: "set()", depth: depth)
    case PYTHON_FROZENSET:
      try encodeSet(value, opening: "frozenset({", closing: "})", empty: "frozenset()", depth: depth)
    default: throw .unsupported(type: typeName(value))
    }
  }

  /// Appends a list of arguments, `3, 'abc', key=1`, from its tuple and its dictionary with str keys (borrowed).
  mutating func encode(positional: Object, named: Object) throws(EncodingFailure) {
    for index in 0..<python_tuple_count(positional) {
      if index > 0 { try append(", ") }
      try encode(python_tuple_item(positional, index))
    }
    var position = 0
    var key: Object?
    var value: Object?
    while PyDict_Next(named, &position, &key, &value) != 0 {
      if !bytes.isEmpty { try append(", ") }
      try appendCharacters(key!)
      try append("=")
      try encode(value!)
    }
  }

  /// Appends fixed text, within the limit.
  private mutating func append(_ text: StaticString) throws(EncodingFailure) {
    try append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends the characters of an exact str, without quotes (borrowed).
  private mutating func appendCharacters(_ text: Object) throws(EncodingFailure) {
    var count = 0
    guard let start = PyUnicode_AsUTF8AndSize(text, &count) else {
      PyErr_Clear()
      throw .outOfMemory
    }
    try append(UnsafeRawBufferPointer(start: start, count: count))
  }

  private mutating func append(_ more: UnsafeRawBufferPointer) throws(EncodingFailure) {
    guard more.count <= bytesMax - bytes.count else { throw .tooLarge }
    bytes.append(contentsOf: more)
  }

  private mutating func appendRepresentation(_ value: Object) throws(EncodingFailure) {
    guard let text = PyObject_Repr(value) else {
      PyErr_Clear()
      throw .outOfMemory
    }
    defer { Py_DecRef(text) }
    try appendCharacters(text)
  }

  private mutating func encodeList(_ list: Object, depth: Int) throws(EncodingFailure) {
    try append("[")
    for index in 0..<python_list_count(list) {
      if index > 0 { try append(", ") }
      try encode(python_list_item(list, index), depth: depth + 1)
    }
    try append("]")
  }

  private mutating func encodeTuple(_ tuple: Object, depth: Int) throws(EncodingFailure) {
    let count = python_tuple_count(tuple)
    try append("(")
    for index in 0..<count {
      if index > 0 { try append(", ") }
      try encode(python_tuple_item(tuple, index), depth: depth + 1)
    }
    try append(count == 1 ? ",)" : ")")
  }

  /// Entries in the order of the bytes of their encoded keys, whatever the order of insertion.
  private mutating func encodeDictionary(_ dictionary: Object, depth: Int) throws(EncodingFailure) {
    try append("{")
    let start = bytes.count
    var entries: [Entry] = []
    var position = 0
    var key: Object?
    var value: Object?
    while PyDict_Next(dictionary, &position, &key, &value) != 0 {
      let begin = bytes.count
      try encode(key!, depth: depth + 1)
      let keyEnd = bytes.count
      try append(": ")
      try encode(value!, depth: depth + 1)
      entries.append(Entry(begin: begin, keyEnd: keyEnd, end: bytes.count))
    }
    try sort(&entries, from: start)
    try append("}")
  }

  /// Elements in the order of their encoded bytes.
  private mutating func encodeSet(
    _ set: Object, opening: StaticString, closing: StaticString, empty: StaticString, depth: Int
  ) throws(EncodingFailure) {
    let opened = bytes.count
    try append(opening)
    let start = bytes.count
    var entries: [Entry] = []
    var position = 0
    var element: Object?
    while python_set_next(set, &position, &element) != 0 {
      let begin = bytes.count
      try encode(element!, depth: depth + 1)
      entries.append(Entry(begin: begin, keyEnd: bytes.count, end: bytes.count))
    }
    if entries.isEmpty {
      bytes.removeSubrange(opened...)
      return try append(empty)
    }
    try sort(&entries, from: start)
    try append(closing)
  }

  /// Where an entry lies in `bytes` before sorting.
  private struct Entry {
    var begin: Int
    var keyEnd: Int
    var end: Int
  }

  /// Rewrites `bytes[start...]` as the entries in order, with commas between. Equal keys (two NaNs) fall back to the
  /// whole entry, so the order is total.
  private mutating func sort(_ entries: inout [Entry], from start: Int) throws(EncodingFailure) {
    guard entries.count > 1 else { return }
    let unsorted = ContiguousArray(bytes[start...])
    bytes.removeSubrange(start...)
    entries.sort { one, other in
      let oneKey = unsorted[one.begin - start..<one.keyEnd - start]
      let otherKey = unsorted[other.begin - start..<other.keyEnd - start]
      if oneKey.elementsEqual(otherKey) {
        let oneRest = unsorted[one.keyEnd - start..<one.end - start]
        return oneRest.lexicographicallyPrecedes(unsorted[other.keyEnd - start..<other.end - start])
      }
      return oneKey.lexicographicallyPrecedes(otherKey)
    }
    for (index, entry) in entries.enumerated() {
      if index > 0 { try append(", ") }
      guard entry.end - entry.begin <= bytesMax - bytes.count else { throw .tooLarge }
      bytes.append(contentsOf: unsorted[entry.begin - start..<entry.end - start])
    }
  }

  private func typeName(_ value: Object) -> String { String(cString: python_type_name(value)) }
}
