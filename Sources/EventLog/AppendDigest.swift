import Crypto
import FoundationEssentials

/// The digest of one append: sha256 over length-prefixed canonical bytes of its events and their generations.
///
/// A writer computes it before it sends; an auditor computes it again from what it reads back. Every variable-length
/// field is preceded by its length and every optional one by a flag, so no two different appends share their bytes.
/// Bodies enter as the exact bytes the writer gave, which is why the log keeps them exactly.
package struct AppendDigest {
  private var hasher = SHA256()
  private var buffer: [UInt8] = []
  private let experiment: ExperimentID
  private var nextVersion: Int64

  /// Starts the digest of an append whose first event gets `firstVersion`.
  package init(experiment: ExperimentID, firstVersion: Int64, count: Int) {
    self.experiment = experiment
    nextVersion = firstVersion
    add(text: "autodidact.append.1")
    withUnsafeBytes(of: experiment.rawValue.uuid) { buffer.append(contentsOf: $0) }
    add(integer: firstVersion)
    add(integer: Int64(count))
  }

  /// Adds the next event, as its writer gave it.
  package mutating func add(_ event: NewEvent) {
    add(integer: nextVersion)
    nextVersion += 1
    add(text: event.type)
    add(integer: Int64(event.schemaVersion))
    add(optional: event.iteration.map(Int64.init))
    add(optional: event.policyVersion.map(Int64.init))
    switch event.cause {
    case nil: buffer.append(0)
    case .recorded(let position):
      buffer.append(1)
      add(integer: position.rawValue)
    case .sibling(let index):
      buffer.append(2)
      add(integer: Int64(index))
    }
    add(bytes: event.body)
    if let generation = event.generation { add(generation) } else { buffer.append(0) }
    flush()
  }

  /// The digest, 32 bytes.
  package mutating func finish() -> Data {
    flush()
    return Data(hasher.finalize())
  }

  /// The digest of a whole append.
  package static func of(_ events: [NewEvent], experiment: ExperimentID, firstVersion: Int64) -> Data {
    var digest = AppendDigest(experiment: experiment, firstVersion: firstVersion, count: events.count)
    for event in events { digest.add(event) }
    return digest.finish()
  }

  private mutating func add(_ generation: GenerationRecord) {
    buffer.append(1)
    add(bytes: generation.tokens.littleEndianBytes)
    add(bytes: generation.logProbabilities.littleEndianBytes)
    add(text: generation.prompt)
    add(text: generation.completion)
    add(bytes: generation.sampling)
    add(bytes: generation.randomKey)
    add(text: generation.finish)
  }

  private mutating func add(integer: Int64) {
    withUnsafeBytes(of: integer.bigEndian) { buffer.append(contentsOf: $0) }
  }

  private mutating func add(optional: Int64?) {
    buffer.append(optional == nil ? 0 : 1)
    if let optional { add(integer: optional) }
  }

  private mutating func add(text: String) {
    add(integer: Int64(text.utf8.count))
    buffer.append(contentsOf: text.utf8)
  }

  private mutating func add(bytes: some Collection<UInt8>) {
    add(integer: Int64(bytes.count))
    buffer.append(contentsOf: bytes)
  }

  private mutating func flush() {
    hasher.update(data: buffer)
    buffer.removeAll(keepingCapacity: true)
  }
}

/// The hash chain over appends: each hash covers the one before, so the head's hash covers the whole log.
package enum HashChain {
  /// The hash before the first append.
  package static let genesis = Data(repeating: 0, count: 32)

  /// The hash of one append. `log.append` in SQL computes the same bytes.
  package static func hash(
    previous: Data, digest: Data, first: Position, last: Position, epoch: Int64?, recordedAt: Timestamp, key: String
  ) -> Data {
    var bytes = Array(previous) + Array(digest)
    for integer in [first.rawValue, last.rawValue, epoch ?? -1, recordedAt.rawValue] {
      withUnsafeBytes(of: integer.bigEndian) { bytes.append(contentsOf: $0) }
    }
    bytes.append(contentsOf: key.utf8)
    return Data(SHA256.hash(data: bytes))
  }
}

extension Array where Element == Int32 {
  /// The bytes `log.generations.tokens` holds.
  package var littleEndianBytes: [UInt8] { map(\.littleEndian).withUnsafeBytes { [UInt8]($0) } }

  /// - Throws: `.corrupt` if the length is no multiple of 4.
  package init(littleEndianBytes bytes: some Collection<UInt8>) throws(EventLogError) {
    self = try words(bytes).map { Int32(bitPattern: $0) }
  }
}

extension Array where Element == Float {
  /// The bytes `log.generations.log_probabilities` holds: bit patterns, so that every value survives, NaN too.
  package var littleEndianBytes: [UInt8] { map(\.bitPattern.littleEndian).withUnsafeBytes { [UInt8]($0) } }

  /// - Throws: `.corrupt` if the length is no multiple of 4.
  package init(littleEndianBytes bytes: some Collection<UInt8>) throws(EventLogError) {
    self = try words(bytes).map { Float(bitPattern: $0) }
  }
}

private func words(_ bytes: some Collection<UInt8>) throws(EventLogError) -> [UInt32] {
  guard bytes.count.isMultiple(of: 4) else {
    throw .corrupt("\(bytes.count) bytes where 4-byte words are kept")
  }
  var words = [UInt32](repeating: 0, count: bytes.count / 4)
  words.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
  return words.map(UInt32.init(littleEndian:))
}
