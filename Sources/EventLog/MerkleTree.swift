import Crypto
import FoundationEssentials

/// The Merkle root of a row of leaves, built as they come (RFC 6962 §2.1): leaves are hashed behind a byte 0, nodes behind
/// a byte 1, so that neither can pass for the other. Memory is one hash a level.
///
/// One leaf an event: the root of a segment commits to every event and generation in it, wherever they are kept.
package struct MerkleTree {
  /// Whole subtrees from left to right, each with the number of its leaves.
  private var subtrees: [(leaves: Int, hash: Data)] = []
  package private(set) var count = 0

  package init() {}

  /// Adds the next leaf's hash.
  package mutating func add(_ leaf: Data) {
    subtrees.append((1, leaf))
    count += 1
    while subtrees.count > 1, subtrees[subtrees.count - 2].leaves == subtrees[subtrees.count - 1].leaves { join() }
  }

  /// The root over all leaves so far; of none, the hash of nothing.
  package var root: Data {
    guard let last = subtrees.last else { return Data(SHA256.hash(data: [UInt8]())) }
    return subtrees.dropLast().reversed().reduce(last.hash) { Self.node($1.hash, $0) }
  }

  private mutating func join() {
    let right = subtrees.removeLast()
    let left = subtrees.removeLast()
    subtrees.append((left.leaves + right.leaves, Self.node(left.hash, right.hash)))
  }

  private static func node(_ left: Data, _ right: Data) -> Data {
    var hasher = SHA256()
    hasher.update(data: [1])
    hasher.update(data: left)
    hasher.update(data: right)
    return Data(hasher.finalize())
  }
}

/// The leaf of one recorded event in a segment's tree: everything that is stored of it, its generation too.
package enum EventLeaf {
  /// 32 bytes.
  package static func hash(_ event: RecordedEvent, _ generation: GenerationRecord?) -> Data {
    var buffer = CanonicalBytes()
    buffer.add(text: "autodidact.event.1")
    buffer.add(integer: event.position.rawValue)
    buffer.add(experiment: event.experiment)
    buffer.add(integer: event.version)
    buffer.add(integer: event.recordedAt.rawValue)
    buffer.add(
      NewEvent(
        type: event.type, schemaVersion: event.schemaVersion, iteration: event.iteration,
        policyVersion: event.policyVersion, cause: event.cause.map { .recorded($0) }, body: event.body,
        generation: generation))
    var hasher = SHA256()
    hasher.update(data: [0])
    hasher.update(data: buffer.bytes)
    return Data(hasher.finalize())
  }
}
