import Glibc

/// Read-only kernel argument: a row-major float32 matrix or vector; the shape is in the kernel's comment.
package typealias In = UnsafePointer<Float>
/// Written kernel argument.
package typealias Out = UnsafeMutablePointer<Float>

/// A zeroed float32 block, allocated once and reused: weights, gradients, activations and caches live in these.
///
/// At least 64-byte aligned. Blocks of 2 MiB and more are mapped and huge pages advised, because the first touch of a
/// 4 KiB page costs six times as much; such pages also cost nothing until they are touched. Owned by one component at a
/// time: kernels get the raw
/// pointer, which does not keep the buffer: the owner must outlive the call.
package final class FloatBuffer {
  /// The first element.
  package let pointer: UnsafeMutablePointer<Float>
  /// Elements, not bytes.
  package let count: Int
  private let mapping: (base: UnsafeMutableRawPointer, bytes: Int)?

  private static let hugePage = 2 << 20

  /// Allocates `count` zeros. Running out of memory is not recoverable and stops the process.
  package init(count: Int) {
    precondition(count >= 0, "FloatBuffer of \(count) elements")
    self.count = count
    let bytes = max(count, 16) * MemoryLayout<Float>.stride
    if bytes >= Self.hugePage {
      let mapped = bytes + 2 * Self.hugePage
      let base = mmap(nil, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
      guard let base, base != MAP_FAILED else { fatalError("cannot map \(mapped) bytes, errno \(errno)") }
      let aligned = UnsafeMutableRawPointer(
        bitPattern: (UInt(bitPattern: base) + UInt(Self.hugePage) - 1) & ~UInt(Self.hugePage - 1))!
      // Advice only: without huge pages everything still works, more slowly.
      _ = madvise(aligned, (bytes + Self.hugePage - 1) & ~(Self.hugePage - 1), 14 /* MADV_HUGEPAGE */)
      mapping = (base, mapped)
      pointer = aligned.bindMemory(to: Float.self, capacity: count)
    } else {
      var raw: UnsafeMutableRawPointer?
      guard posix_memalign(&raw, 64, bytes) == 0, let raw else { fatalError("cannot allocate \(bytes) bytes") }
      memset(raw, 0, bytes)
      mapping = nil
      pointer = raw.bindMemory(to: Float.self, capacity: count)
    }
  }

  deinit {
    if let mapping { munmap(mapping.base, mapping.bytes) } else { free(pointer) }
  }

  /// One element; for tests and small lookups, not for kernels.
  @inlinable package subscript(index: Int) -> Float {
    get { pointer[index] }
    set { pointer[index] = newValue }
  }

  /// The elements as a buffer pointer, for digests and files.
  package var elements: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: pointer, count: count) }
}
