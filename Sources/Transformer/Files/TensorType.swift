/// How the elements of a stored tensor are encoded, with ggml's names, numbers and block sizes.
///
/// A quantized row is a sequence of blocks; a block of `blockElements` values takes `blockBytes` bytes. To add an
/// encoding, add a case here and its function in `Dequantize.swift`.
package enum TensorType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case bf16 = 30

  /// Values in a block.
  package var blockElements: Int {
    switch self {
    case .f32, .f16, .bf16: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
    case .q4_K, .q5_K, .q6_K: 256
    }
  }

  /// Bytes in a block.
  package var blockBytes: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q4_0: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .q4_K: 144
    case .q5_K: 176
    case .q6_K: 210
    }
  }

  /// The name as ggml writes it.
  package var name: String { "\(self)".first == "q" ? "Q" + "\(self)".dropFirst() : "\(self)".uppercased() }
}

/// One entry of a model file's tensor table.
package struct TensorInfo: Sendable, Equatable {
  package let name: String
  /// Sizes, slowest-varying first, as PyTorch and NumPy write them: a matrix is (rows, columns) and a row is
  /// contiguous. GGUF stores them the other way round.
  package let shape: [Int]
  package let type: TensorType
  /// Bytes from the start of the file to the first element; checked to lie within it.
  package let offset: Int

  /// Number of values; checked not to overflow when the table was read.
  package var elementCount: Int { shape.reduce(1, *) }
  /// Number of bytes in the file.
  package var byteCount: Int { elementCount / type.blockElements * type.blockBytes }
}
