/// How an archive file is laid out: one line of text that says what it is, then blocks.
///
/// A block is its kind, its length and its stored length (4 bytes each, little-endian), and its bytes as zlib packed them; the trailer's are not packed.
/// The first block is the header, the last the trailer (both JSON); between them are records.
enum ArchiveFormat {
  static let magic = Array("autodidact log archive 1\n".utf8)

  enum Block: UInt32 {
    case header = 1
    case records = 2
    case trailer = 3
  }

  /// Bytes of a block's kind and lengths.
  static let frameBytes = 12
  /// A block of records is written when it holds this much.
  static let blockBytes = 1 << 20
  /// The largest position and the largest first version of an append that a reader takes: a log is never that long, and
  /// what is computed with them fits.
  static let positionMax = Int64(1) << 60
  static let versionMax = Int64(Int32.max)
  /// The largest block a reader takes: the largest record there can be, and what stood before it.
  static let blockBytesMax = 16 << 20
}
