import FoundationEssentials

/// The canonical bytes of events and generations that digests are taken over.
///
/// Every variable-length field is preceded by its length and every optional one by a flag, so no two different values share
/// their bytes. Integers are big-endian, 8 bytes. `AppendDigest` and `EventLeaf` use it.
struct CanonicalBytes {
  private(set) var bytes: [UInt8] = []

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  mutating func add(integer: Int64) {
    withUnsafeBytes(of: integer.bigEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(optional: Int64?) {
    bytes.append(optional == nil ? 0 : 1)
    if let optional { add(integer: optional) }
  }

  mutating func add(text: String) {
    add(integer: Int64(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  mutating func add(data: some Collection<UInt8>) {
    add(integer: Int64(data.count))
    bytes.append(contentsOf: data)
  }

  mutating func add(experiment: ExperimentID) {
    withUnsafeBytes(of: experiment.rawValue.uuid) { bytes.append(contentsOf: $0) }
  }

  /// An event as its writer gave it, with its generation.
  mutating func add(_ event: NewEvent) {
    add(text: event.type)
    add(integer: Int64(event.schemaVersion))
    add(optional: event.iteration.map(Int64.init))
    add(optional: event.policyVersion.map(Int64.init))
    switch event.cause {
    case nil: bytes.append(0)
    case .recorded(let position):
      bytes.append(1)
      add(integer: position.rawValue)
    case .sibling(let index):
      bytes.append(2)
      add(integer: Int64(index))
    }
    add(data: event.body)
    if let generation = event.generation { add(generation) } else { bytes.append(0) }
  }

  /// A generation, behind the flag that there is one.
  mutating func add(_ generation: GenerationRecord) {
    bytes.append(1)
    add(data: generation.tokens.littleEndianBytes)
    add(data: generation.logProbabilities.littleEndianBytes)
    add(text: generation.prompt)
    add(text: generation.completion)
    add(data: generation.sampling)
    add(data: generation.randomKey)
    add(text: generation.finish)
  }
}
