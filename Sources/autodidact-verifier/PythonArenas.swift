import CPython
import Glibc

/// Where CPython's small objects live in a zygote: huge pages, where the kernel has them. A fork then copies a few
/// entries of the page table for all of them instead of one for each 4 KiB, and a child's end takes down as few.
///
/// Arenas are handed out of one region until `close`; afterwards, and when the region is full, each is a mapping of its
/// own, so that a child's memory limit counts all it takes.
enum PythonArenas {
  /// More than the warm interpreter needs (about 5 MiB); what is left is given back by `close`.
  private static let regionBytes = 16 << 20
  /// The size and alignment of a huge page on x86-64 and arm64.
  private static let hugeBytes = 2 << 20

  // SAFETY: written by `install` and `close` before the first fork and read by the allocator, all on the one thread of a
  // zygote; a child has its own copy.
  nonisolated(unsafe) private static var start: UInt = 0
  nonisolated(unsafe) private static var next: UInt = 0
  nonisolated(unsafe) private static var end: UInt = 0

  /// Called before the interpreter starts. Without huge pages, or without the memory, arenas are ordinary mappings.
  static func install() {
    reserve()
    var allocator = PyObjectArenaAllocator(
      ctx: nil, alloc: { _, size in PythonArenas.allocate(size) },
      free: { _, start, size in
        guard let start else { return }
        munmap(start, size)
      })
    PyObject_SetArenaAllocator(&allocator)
  }

  /// Gives back what is left of the region, whole huge pages only: the rest is shared with the last arena. What is there
  /// stays in huge pages; what a child touches for the first time comes in small ones, or it would clear 2 MiB for a byte.
  static func close() {
    let rest = (next + UInt(hugeBytes) - 1) & ~UInt(hugeBytes - 1)
    if rest < end { munmap(UnsafeMutableRawPointer(bitPattern: rest), Int(end - rest)) }
    if rest > start { madvise(UnsafeMutableRawPointer(bitPattern: start), Int(rest - start), MADV_NOHUGEPAGE) }
    end = next
  }

  private static func reserve() {
    let bytes = regionBytes + hugeBytes
    guard let start = map(bytes) else { return }
    let address = UInt(bitPattern: start)
    next = (address + UInt(hugeBytes) - 1) & ~UInt(hugeBytes - 1)
    Self.start = next
    end = next + UInt(regionBytes)
    if next > address { munmap(start, Int(next - address)) }
    munmap(UnsafeMutableRawPointer(bitPattern: end), Int(address + UInt(bytes) - end))
    madvise(UnsafeMutableRawPointer(bitPattern: next), regionBytes, MADV_HUGEPAGE)
  }

  private static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    guard end - next >= UInt(size) else { return map(size) }
    defer { next += UInt(size) }
    return UnsafeMutableRawPointer(bitPattern: next)
  }

  private static func map(_ size: Int) -> UnsafeMutableRawPointer? {
    let start = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    return start == MAP_FAILED ? nil : start
  }
}
