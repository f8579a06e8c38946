import CZlib

/// CRC-32 of one row's canonical bytes, kept beside it (`log.events.checksum`, `log.generations.checksum`).
///
/// The digest of an append proves that something in it was changed; these four bytes say which row. They prove nothing by
/// themselves. `PostgresEventLog` sends them with an append, `ChainAudit` asks for them when a digest differs.
package enum RowChecksum {
  /// Of an event as its writer gave it, without its generation.
  package static func of(event: NewEvent) -> Int32 {
    var event = event
    event.generation = nil
    var buffer = CanonicalBytes()
    buffer.add(event)
    return crc(buffer.bytes)
  }

  package static func of(generation: GenerationRecord) -> Int32 {
    var buffer = CanonicalBytes()
    buffer.add(generation)
    return crc(buffer.bytes)
  }

  private static func crc(_ bytes: [UInt8]) -> Int32 {
    Int32(bitPattern: UInt32(truncatingIfNeeded: crc32(0, bytes, UInt32(bytes.count))))
  }
}

/// The checksums that are kept with a row; nil where none is.
package struct RowChecksums: Hashable, Sendable {
  package let event: Int32?
  package let generation: Int32?

  package init(event: Int32?, generation: Int32?) {
    self.event = event
    self.generation = generation
  }
}
