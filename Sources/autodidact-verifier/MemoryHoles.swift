import CPython
import CSandbox
import Glibc

/// The free blocks that loading has left all over a zygote's heaps, taken and never used. A child then allocates from
/// fresh memory, side by side; from the holes it would write to one page here and one there, and every page a child writes
/// is copied first (two microseconds each, most of what a child costs).
enum MemoryHoles {
  /// Called once, after the last object of the warm interpreter is made.
  static func plug() {
    plugLibraryHeap()
    plugPythonHeap()
  }

  /// The C library's heap: blocks of falling size are taken until they come from its unused end.
  private static func plugLibraryHeap() {
    let unusedStart = sandbox_heap_unused_start()
    var size = 64 << 10
    while size >= 32 {
      while let block = malloc(size) {
        guard UInt(bitPattern: block) < unusedStart else {
          free(block)
          break
        }
      }
      size /= 2
    }
  }

  /// CPython's small blocks: each of its size classes is filled until a block comes first in a new pool.
  private static func plugPythonHeap() {
    let (poolBytes, poolHeaderBytes) = (UInt(16 << 10), UInt(48))
    for size in stride(from: 16, through: 512, by: 16) {
      // A pool that looks otherwise than in CPython 3.11 costs this much memory and no more.
      for _ in 0..<(256 << 10) / size {
        guard let block = PyObject_Malloc(size) else { return }
        guard UInt(bitPattern: block) % poolBytes != poolHeaderBytes else {
          PyObject_Free(block)
          break
        }
      }
    }
  }
}
