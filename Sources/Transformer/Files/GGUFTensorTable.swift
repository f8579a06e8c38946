/// The tensor table of a GGUF file, read and checked. Made by `GGUFFile` when it opens.
struct TensorTable {
  let tensors: [TensorInfo]
  /// Position in `tensors` by name.
  let index: [String: Int]

  /// ggml's limit is 64; a little room costs nothing and later files may use it.
  private static var nameLengthMax: Int { 256 }
  private static var dimensionsMax: UInt32 { 4 }

  /// Reads `count` entries at the cursor; the data section begins after them at the next multiple of `alignment`.
  init(_ cursor: inout ByteCursor, count: Int, alignment: Int) throws(ModelFileError) {
    var entries: [Entry] = []
    var index: [String: Int] = [:]
    for number in 0..<count {
      cursor.place = "tensor \(number) of \(count)"
      let entry = try Self.readEntry(&cursor)
      guard index.updateValue(number, forKey: entry.name) == nil else {
        throw entry.error(cursor.file, .conflict, "the name occurs twice")
      }
      entries.append(entry)
    }
    // The cursor is within the file and alignment ≤ 2²⁰, so this cannot overflow.
    let dataStart = (cursor.offset + alignment - 1) / alignment * alignment
    var tensors: [TensorInfo] = []
    for entry in entries {
      tensors.append(
        try entry.located(dataStart: dataStart, alignment: alignment, fileSize: cursor.bytes.count, file: cursor.file))
    }
    try Self.refuseOverlaps(tensors, file: cursor.file)
    self.tensors = tensors
    self.index = index
  }

  private static func readEntry(_ cursor: inout ByteCursor) throws(ModelFileError) -> Entry {
    let start = cursor
    let name = try cursor.string("the name", maximum: nameLengthMax)
    guard !name.isEmpty else { throw start.error(.format, "the name is empty") }
    cursor.place = "tensor \"\(name)\""
    let shape = try readShape(&cursor)
    let beforeType = cursor
    let rawType = try cursor.integer(UInt32.self, "the tensor type")
    guard let type = TensorType(rawValue: rawType) else {
      let known = TensorType.allCases.map { "\($0.name) (\($0.rawValue))" }.joined(separator: ", ")
      throw beforeType.error(.value, "tensor type \(rawType) is not supported; supported are \(known)")
    }
    let entryOffset = cursor.offset
    let offset = try cursor.integer(UInt64.self, "the data offset")
    return Entry(name: name, shape: shape, type: type, relativeOffset: offset, entryOffset: entryOffset)
  }

  /// The sizes, slowest-varying first, each at least 1, their product an `Int`.
  private static func readShape(_ cursor: inout ByteCursor) throws(ModelFileError) -> [Int] {
    let start = cursor
    let dimensions = try cursor.integer(UInt32.self, "the number of dimensions")
    guard dimensions >= 1 && dimensions <= dimensionsMax else {
      throw start.error(.value, "\(dimensions) dimensions; 1 to \(dimensionsMax) are allowed")
    }
    var shape: [Int] = []
    var product = 1
    for _ in 0..<dimensions {
      let beforeSize = cursor
      let raw = try cursor.integer(UInt64.self, "a dimension")
      guard let size = Int(exactly: raw), size > 0 else {
        throw beforeSize.error(.value, "a dimension of \(raw) is not allowed")
      }
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      guard !overflow else { throw beforeSize.error(.size, "the number of elements overflows 64 bits") }
      product = next
      shape.insert(size, at: 0)
    }
    return shape
  }

  private static func refuseOverlaps(_ tensors: [TensorInfo], file: String) throws(ModelFileError) {
    let sorted = tensors.sorted { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }
    for (first, second) in zip(sorted, sorted.dropFirst()) where first.offset + first.byteCount > second.offset {
      throw ModelFileError(
        .conflict, file: file, place: "tensor \"\(second.name)\"", offset: second.offset,
        "overlaps tensor \"\(first.name)\", which ends at byte \(first.offset + first.byteCount)")
    }
  }
}

/// A table entry as it stands in the file, before its place in the data section is known.
private struct Entry {
  let name: String
  let shape: [Int]
  let type: TensorType
  let relativeOffset: UInt64
  /// Where the entry's data offset stands, for errors.
  let entryOffset: Int

  func error(_ file: String, _ code: ModelFileError.Code, _ problem: String) -> ModelFileError {
    ModelFileError(code, file: file, place: "tensor \"\(name)\"", offset: entryOffset, problem)
  }

  /// The tensor's place in the file, checked: whole blocks in a row, aligned, within the file.
  func located(
    dataStart: Int, alignment: Int, fileSize: Int, file: String
  ) throws(ModelFileError) -> TensorInfo {
    guard let rowLength = shape.last, rowLength % type.blockElements == 0 else {
      throw error(
        file, .value,
        "shape \(shape): a row of \(type.name) must be a multiple of \(type.blockElements) values")
    }
    let blocks = shape.reduce(1, *) / type.blockElements
    let (byteCount, tooBig) = blocks.multipliedReportingOverflow(by: type.blockBytes)
    guard relativeOffset % UInt64(alignment) == 0 else {
      throw error(file, .value, "its data offset \(relativeOffset) is not a multiple of the alignment \(alignment)")
    }
    let available = max(0, fileSize - dataStart)
    guard !tooBig, relativeOffset <= UInt64(available), byteCount <= available - Int(relativeOffset) else {
      throw error(
        file, .size,
        "shape \(shape) of \(type.name) at data offset \(relativeOffset) ends outside the file, whose data section has "
          + "\(available) bytes")
    }
    return TensorInfo(name: name, shape: shape, type: type, offset: dataStart + Int(relativeOffset))
  }
}
