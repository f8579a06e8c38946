import Glibc
import Synchronization

/// A few threads that share the items of one parallel region at a time.
///
/// The work is cut into items by shape alone, each item writes only its own outputs, and whichever thread is free claims
/// the next one. Results therefore cannot depend on the number of threads, and a thread that loses its core to a
/// neighbour delays one item, not half of the region. Workers spin for some microseconds between regions, then block.
///
/// One caller at a time; regions do not nest.
package final class ThreadPool {
  /// Threads that work, the caller among them.
  package let threads: Int
  /// The instructions its kernels are made of.
  package let path: KernelPath
  let kernels: Kernels
  private let shared = Shared()
  private var workers: [pthread_t] = []

  /// Starts `threads - 1` workers. Another path than the process's own is for tests and benchmarks.
  package init(threads: Int, path: KernelPath = .chosen) {
    precondition((1...256).contains(threads), "ThreadPool of \(threads) threads")
    self.threads = threads
    self.path = path
    kernels = path.kernels
    for index in 1..<threads {
      var worker = pthread_t()
      let context = Unmanaged.passRetained(WorkerContext(index: index, shared: shared))
      let status = pthread_create(
        &worker, nil,
        { argument in
          let context = Unmanaged<WorkerContext>.fromOpaque(argument!).takeRetainedValue()
          context.shared.workerLoop(thread: context.index)
          return nil
        }, context.toOpaque())
      guard status == 0 else { fatalError("pthread_create failed with \(status)") }
      workers.append(worker)
    }
  }

  deinit {
    shared.stop()
    for worker in workers { pthread_join(worker, nil) }
  }

  /// Calls `body(item, thread)` once for each item in `0..<items` and returns when all are done. `thread` is below
  /// `threads` and never used by two calls at a time: index scratch memory with it.
  package func run(_ items: Int, _ body: (_ item: Int, _ thread: Int) -> Void) {
    if threads == 1 || items <= 1 {
      for item in 0..<max(items, 0) { body(item, 0) }
      return
    }
    withoutActuallyEscaping(body) { escapable in
      shared.open(items: items, body: escapable)
      shared.work(items: items, thread: 0, body: escapable)
      shared.close()
    }
  }

  /// `run` over `0..<count` cut into chunks of `chunk`; the body gets a range.
  package func runChunks(_ count: Int, chunk: Int, _ body: (Range<Int>, _ thread: Int) -> Void) {
    run((count + chunk - 1) / chunk) { item, thread in
      body(item * chunk..<min(count, (item + 1) * chunk), thread)
    }
  }
}

private final class WorkerContext {
  let index: Int
  let shared: Shared
  init(index: Int, shared: Shared) { (self.index, self.shared) = (index, shared) }
}

/// What caller and workers share.
///
/// `state` holds the region's number, whether it is open, and how many workers are in it. A worker joins an open region
/// by adding itself there in one exchange, so one that never woke up is not waited for, and between regions that follow
/// each other closely nobody takes a lock. The mutex is for those who gave up polling.
private final class Shared {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let opened = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let finished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let state = Atomic<UInt64>(0)
  private let nextItem = Atomic<Int>(0)
  /// Workers that block, or are about to.
  private let sleepers = Atomic<Int>(0)
  private let callerBlocks = Atomic<Bool>(false)
  private let stopping = Atomic<Bool>(false)
  // Written while no worker is in a region; a worker in one reads them.
  private var body: ((Int, Int) -> Void)?
  private var items = 0

  /// Polls before blocking: about 30 microseconds. Waking a blocked thread costs as much on an idle machine; beside a busy
  /// neighbour it is little of the milliseconds that a thread is without its core.
  private static let polls = 100_000

  private static let isOpen: UInt64 = 1 << 31
  private static let workers: UInt64 = isOpen - 1
  private static func region(_ state: UInt64) -> UInt64 { state >> 32 }

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(opened, nil)
    pthread_cond_init(finished, nil)
  }

  deinit {
    pthread_cond_destroy(finished)
    pthread_cond_destroy(opened)
    pthread_mutex_destroy(mutex)
    finished.deallocate()
    opened.deallocate()
    mutex.deallocate()
  }

  func open(items: Int, body: @escaping (Int, Int) -> Void) {
    precondition(self.body == nil, "a parallel region inside another, or two callers at once")
    self.body = body
    self.items = items
    nextItem.store(0, ordering: .relaxed)
    let next = Self.region(state.load(ordering: .relaxed)) &+ 1
    state.store(next << 32 | Self.isOpen, ordering: .sequentiallyConsistent)
    wakeSleepers()
  }

  func work(items: Int, thread: Int, body: (Int, Int) -> Void) {
    while true {
      let item = nextItem.add(1, ordering: .relaxed).oldValue
      if item >= items { return }
      body(item, thread)
    }
  }

  /// Lets nobody in any more and waits for those who are.
  func close() {
    state.bitwiseAnd(~Self.isOpen, ordering: .sequentiallyConsistent)
    var polls = Self.polls
    while polls > 0, state.load(ordering: .acquiring) & Self.workers > 0 { polls -= 1 }
    if polls == 0 {
      pthread_mutex_lock(mutex)
      callerBlocks.store(true, ordering: .sequentiallyConsistent)
      while state.load(ordering: .sequentiallyConsistent) & Self.workers > 0 { pthread_cond_wait(finished, mutex) }
      callerBlocks.store(false, ordering: .relaxed)
      pthread_mutex_unlock(mutex)
    }
    body = nil
  }

  func stop() {
    stopping.store(true, ordering: .sequentiallyConsistent)
    let next = Self.region(state.load(ordering: .relaxed)) &+ 1
    state.store(next << 32, ordering: .sequentiallyConsistent)
    wakeSleepers()
  }

  func workerLoop(thread: Int) {
    var seen: UInt64 = 0
    while true {
      var current = awaitRegion(after: seen)
      seen = Self.region(current)
      if stopping.load(ordering: .sequentiallyConsistent) { return }
      while current & Self.isOpen != 0, Self.region(current) == seen {
        let (joined, original) = state.compareExchange(
          expected: current, desired: current + 1, ordering: .acquiringAndReleasing)
        if joined {
          help(thread: thread)
          leave()
          break
        }
        current = original
      }
    }
  }

  /// The state once its region is another than `seen`: polled, then waited for.
  private func awaitRegion(after seen: UInt64) -> UInt64 {
    for _ in 0..<Self.polls {
      let current = state.load(ordering: .acquiring)
      if Self.region(current) != seen { return current }
    }
    pthread_mutex_lock(mutex)
    sleepers.add(1, ordering: .sequentiallyConsistent)
    var current = state.load(ordering: .sequentiallyConsistent)
    while Self.region(current) == seen {
      pthread_cond_wait(opened, mutex)
      current = state.load(ordering: .sequentiallyConsistent)
    }
    sleepers.subtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
    return current
  }

  private func wakeSleepers() {
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(opened)
    pthread_mutex_unlock(mutex)
  }

  private func leave() {
    let left = state.subtract(1, ordering: .sequentiallyConsistent).newValue
    guard left & (Self.workers | Self.isOpen) == 0, callerBlocks.load(ordering: .sequentiallyConsistent) else { return }
    pthread_mutex_lock(mutex)
    pthread_cond_signal(finished)
    pthread_mutex_unlock(mutex)
  }

  /// Works on the region this worker has joined. A function of its own, so that no reference to the body outlives it:
  /// the caller of `run` may be gone as soon as the worker has left.
  @inline(never) private func help(thread: Int) {
    if let body { work(items: items, thread: thread, body: body) }
  }
}
