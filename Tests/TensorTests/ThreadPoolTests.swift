import Synchronization
import Tensor
import Testing

@Suite("Threads and buffers")
struct ThreadPoolTests {
  @Test("every item runs exactly once, over thousands of regions", arguments: [1, 2, 5])
  func items(threads: Int) {
    let pool = ThreadPool(threads: threads)
    let counts = FloatBuffer(count: 64)
    let pointer = counts.pointer
    for round in 0..<5_000 {
      pool.run(round % 65) { item, _ in pointer[item] += 1 }
    }
    for item in 0..<64 {
      #expect(counts[item] == Float((0..<5_000).count { $0 % 65 > item }), "item \(item)")
    }
  }

  @Test("no two items have the same thread index at one time")
  func scratch() {
    let pool = ThreadPool(threads: 4)
    let flags = FloatBuffer(count: 4)
    let busy = flags.pointer
    let clashes = Atomic<Int>(0)
    pool.run(2_000) { item, thread in
      if busy[thread] != 0 { clashes.add(1, ordering: .relaxed) }
      busy[thread] = 1
      for _ in 0..<50 where busy[thread] != 1 { clashes.add(1, ordering: .relaxed) }
      busy[thread] = 0
    }
    #expect(flags.elements.allSatisfy { $0 == 0 })
    #expect(clashes.load(ordering: .relaxed) == 0)
  }

  @Test("chunks cover the range once and in order of index")
  func chunks() {
    let pool = ThreadPool(threads: 2)
    let marks = FloatBuffer(count: 1_000)
    let pointer = marks.pointer
    pool.runChunks(1_000, chunk: 64) { range, _ in for index in range { pointer[index] += Float(index) } }
    #expect((0..<1_000).allSatisfy { marks[$0] == Float($0) })
  }

  @Test("a buffer is zeroed and aligned, small or mapped", arguments: [0, 1, 1_000, 3 << 20])
  func buffer(count: Int) {
    let buffer = FloatBuffer(count: count)
    #expect(Int(bitPattern: buffer.pointer) % 64 == 0)
    #expect(buffer.elements.allSatisfy { $0 == 0 })
    if count > 0 { buffer[count - 1] = 3 }
  }
}
