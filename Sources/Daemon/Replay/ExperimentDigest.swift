import Crypto
import Domain
import EventLog
import Foundation

/// The canonical digest of what an experiment computed: settings, bodies of the play's events and generations, in order.
/// Times, hosts, processes, software, pauses, checkpoints, ids and names are not in it, so an experiment that was paused or
/// killed any number of times has the digest of one that was not, and so has a fork without a change (promise P2).
///
/// A chain: each event's bytes are hashed with the 32 bytes so far. The digest of a long experiment can therefore be
/// continued from a snapshot. `status --json` shows it; the tests compare it.
package struct ExperimentDigest: Hashable, Sendable {
  /// 32 bytes.
  package private(set) var value = Data(SHA256.hash(data: Data("autodidact.experiment.1".utf8)))
  /// Events of the play that are in it.
  package private(set) var events = 0
  /// Digest of the settings that are in it; a fork that changes nothing adds none.
  private var settings: Data?

  package init() {}

  package var hexadecimal: String { value.hexadecimal }

  /// The digest of an experiment's whole stream.
  package static func of(_ experiment: ExperimentID, in log: any EventLog) async throws -> ExperimentDigest {
    var digest = ExperimentDigest()
    var cursor = EventCursor(experiment, log)
    while let (recorded, generation) = try await cursor.next() { try digest.add(recorded, generation) }
    return digest
  }

  /// Adds the next event of the stream.
  package mutating func add(_ recorded: RecordedEvent, _ generation: GenerationRecord?) throws {
    let event = try recorded.event()
    switch event {
    case .experimentCreated(let created): add(created.settings)
    case .experimentForked(let forked): add(forked.settings)
    default: if event.isPlay { add(PlayedEvent(recorded, generation)) }
    }
  }

  /// What is shown, but decides nothing that is computed, is left out: the prompts file's name, when weights are saved.
  private mutating func add(_ settings: ExperimentSettings) {
    var canonical = settings
    canonical.prompts.name = ""
    canonical.checkpoints = CheckpointSettings()
    let digest = Data(SHA256.hash(data: EventCoding.json(canonical)))
    guard digest != self.settings else { return }
    self.settings = digest
    link { $0.append(digest) }
  }

  private mutating func add(_ event: PlayedEvent) {
    events += 1
    link { bytes in
      bytes.append(text: event.type)
      for number in [event.schemaVersion, event.iteration ?? -1, event.policyVersion ?? -1] {
        bytes.append(integer: number)
      }
      bytes.append(field: event.body)
      guard let generation = event.generation else { return }
      bytes.append(field: Data(generation.tokens.littleEndianBytes))
      bytes.append(field: Data(generation.logProbabilities.littleEndianBytes))
      bytes.append(text: generation.prompt)
      bytes.append(text: generation.completion)
      bytes.append(field: generation.sampling)
      bytes.append(field: generation.randomKey)
      bytes.append(text: generation.finish)
    }
  }

  private mutating func link(_ write: (inout Data) -> Void) {
    var bytes = value
    write(&bytes)
    value = Data(SHA256.hash(data: bytes))
  }
}

extension Data {
  fileprivate mutating func append(integer: Int) {
    Swift.withUnsafeBytes(of: Int64(integer).bigEndian) { append(contentsOf: $0) }
  }
  /// Length first, so that no two different events share their bytes.
  fileprivate mutating func append(field: Data) {
    append(integer: field.count)
    append(field)
  }
  fileprivate mutating func append(text: String) { append(field: Data(text.utf8)) }
}
