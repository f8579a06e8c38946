import FoundationEssentials

// How the records of an archive are written as bytes. Integers are little-endian; a text or bytes come behind their
// length in 4 bytes; an optional behind a byte 0 or 1.

/// Which record follows.
private enum RecordTag: UInt8 {
  case append = 1
  case link = 2
  case event = 3
  case eventWithGeneration = 4
}

/// Collects the bytes of records until a block is full.
struct RecordEncoder {
  private(set) var bytes: [UInt8] = []

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  mutating func encode(_ record: ArchiveRecord) {
    switch record {
    case .append(let append):
      bytes.append(RecordTag.append.rawValue)
      encode(append)
    case .link(let append):
      bytes.append(RecordTag.link.rawValue)
      encode(append)
    case .event(let event, let generation):
      bytes.append((generation == nil ? RecordTag.event : .eventWithGeneration).rawValue)
      encode(event)
      if let generation { encode(generation) }
    }
  }

  private mutating func encode(_ append: AppendRecord) {
    add(append.experiment)
    for number in [append.first.rawValue, append.last.rawValue, append.firstVersion, append.recordedAt.rawValue] {
      add(number)
    }
    add(optional: append.epoch)
    for data in [append.digest, append.previousHash, append.hash, Data(append.key.utf8)] { add(data) }
    bytes.append(append.measure == nil ? 0 : 1)
    if let measure = append.measure { add(measure) }
  }

  private mutating func encode(_ event: RecordedEvent) {
    add(event.experiment)
    for number in [event.position.rawValue, event.version, event.recordedAt.rawValue, Int64(event.schemaVersion)] {
      add(number)
    }
    add(optional: event.iteration.map(Int64.init))
    add(optional: event.policyVersion.map(Int64.init))
    add(optional: event.cause?.rawValue)
    add(Data(event.type.utf8))
    add(event.body)
  }

  /// Token ids and log-probabilities are written byte plane by byte plane: the high bytes of each hardly differ, and lie
  /// together for the compressor then.
  private mutating func encode(_ generation: GenerationRecord) {
    add(count: generation.tokens.count)
    addPlanes(generation.tokens.littleEndianBytes)
    addPlanes(generation.logProbabilities.littleEndianBytes)
    add(Data(generation.prompt.utf8))
    add(Data(generation.completion.utf8))
    add(generation.sampling)
    add(generation.randomKey)
    add(Data(generation.finish.utf8))
  }

  private mutating func addPlanes(_ words: [UInt8]) {
    for plane in 0..<4 {
      for index in stride(from: plane, to: words.count, by: 4) { bytes.append(words[index]) }
    }
  }

  private mutating func add(_ experiment: ExperimentID) {
    withUnsafeBytes(of: experiment.rawValue.uuid) { bytes.append(contentsOf: $0) }
  }

  private mutating func add(_ number: Int64) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private mutating func add(optional: Int64?) {
    bytes.append(optional == nil ? 0 : 1)
    if let optional { add(optional) }
  }

  private mutating func add(count: Int) {
    withUnsafeBytes(of: UInt32(count).littleEndian) { bytes.append(contentsOf: $0) }
  }

  private mutating func add(_ data: Data) {
    add(count: data.count)
    bytes.append(contentsOf: data)
  }
}

/// Takes the records of one block apart. Every length is checked against what is left before anything is allocated.
struct RecordDecoder {
  /// The block does not hold records; the reader adds file and place.
  struct Malformed: Error {
    let reason: String
  }

  private let bytes: [UInt8]
  private var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { offset == bytes.count }

  mutating func next() throws(Malformed) -> ArchiveRecord {
    let tag = try take(1).first ?? 0
    switch RecordTag(rawValue: tag) {
    case .append: return .append(try append())
    case .link: return .link(try append())
    case .event: return .event(try event(), nil)
    case .eventWithGeneration:
      let event = try event()
      return .event(event, try generation())
    case nil: throw Malformed(reason: "a record of the unknown kind \(tag)")
    }
  }

  private mutating func append() throws(Malformed) -> AppendRecord {
    let experiment = try experiment()
    let (first, last, firstVersion, time) = (try integer(), try integer(), try integer(), try integer())
    let epoch = try optional()
    let (digest, previous, hash, key) = (try data(), try data(), try data(), try text())
    let measure = try flag() ? try data() : nil
    // Sums and differences of what passes here cannot overflow.
    guard first >= 1, last >= first, last <= ArchiveFormat.positionMax, last - first < LogLimits.eventsPerAppendMax,
      (1...ArchiveFormat.versionMax).contains(firstVersion)
    else { throw Malformed(reason: "an append of \(first)...\(last), which begins at version \(firstVersion)") }
    return AppendRecord(
      key: key, experiment: experiment, first: Position(first), last: Position(last), firstVersion: firstVersion,
      epoch: epoch, recordedAt: Timestamp(microseconds: time), digest: digest, previousHash: previous, hash: hash,
      measure: measure)
  }

  private mutating func event() throws(Malformed) -> RecordedEvent {
    let experiment = try experiment()
    let (position, version, time, schema) = (try integer(), try integer(), try integer(), try integer())
    let (iteration, policy, cause) = (try optional(), try optional(), try optional())
    let type = try text()
    guard (1...ArchiveFormat.positionMax).contains(position), cause.map({ (1..<position).contains($0) }) ?? true,
      (1...2 * ArchiveFormat.versionMax).contains(version)
    else {
      throw Malformed(
        reason: "an event at position \(position), version \(version)" + (cause.map { ", caused by \($0)" } ?? ""))
    }
    return RecordedEvent(
      position: Position(position), experiment: experiment, version: version, type: type, schemaVersion: Int(schema),
      iteration: iteration.map { Int($0) }, policyVersion: policy.map { Int($0) }, cause: cause.map { Position($0) },
      recordedAt: Timestamp(microseconds: time), body: try data())
  }

  private mutating func generation() throws(Malformed) -> GenerationRecord {
    let count = try count()
    guard count <= LogLimits.tokensMax else { throw Malformed(reason: "a generation of \(count) tokens") }
    let (tokenBytes, probabilityBytes) = (try planes(count), try planes(count))
    let (prompt, completion) = (try text(), try text())
    let (sampling, key, finish) = (try data(), try data(), try text())
    do {
      return GenerationRecord(
        tokens: try [Int32](littleEndianBytes: tokenBytes),
        logProbabilities: try [Float](littleEndianBytes: probabilityBytes), prompt: prompt, completion: completion,
        sampling: sampling, randomKey: key, finish: finish)
    } catch { throw Malformed(reason: "\(error)") }
  }

  private mutating func planes(_ count: Int) throws(Malformed) -> [UInt8] {
    let planes = try take(4 * count)
    var words = [UInt8](repeating: 0, count: 4 * count)
    for plane in 0..<4 {
      for index in 0..<count { words[4 * index + plane] = planes[planes.startIndex + plane * count + index] }
    }
    return words
  }

  private mutating func experiment() throws(Malformed) -> ExperimentID {
    var value: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    let found = try take(16)
    withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: found) }
    return ExperimentID(UUID(uuid: value))
  }

  private mutating func integer() throws(Malformed) -> Int64 {
    try take(8).reversed().reduce(0) { $0 << 8 | Int64($1) }
  }

  private mutating func count() throws(Malformed) -> Int {
    try take(4).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  private mutating func flag() throws(Malformed) -> Bool {
    let byte = try take(1).first ?? 0
    guard byte < 2 else { throw Malformed(reason: "a flag of \(byte)") }
    return byte == 1
  }

  private mutating func optional() throws(Malformed) -> Int64? { try flag() ? try integer() : nil }
  private mutating func data() throws(Malformed) -> Data { Data(try take(try count())) }

  private mutating func text() throws(Malformed) -> String {
    guard let text = String(validating: try take(try count()), as: UTF8.self) else {
      throw Malformed(reason: "a text that is not UTF-8")
    }
    return text
  }

  private mutating func take(_ count: Int) throws(Malformed) -> ArraySlice<UInt8> {
    guard count <= bytes.count - offset else { throw Malformed(reason: "a record is cut off") }
    defer { offset += count }
    return bytes[offset..<offset + count]
  }
}
