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
  private let shared = Shared()
  private var workers: [pthread_t] = []

  /// Starts `threads - 1` workers.
  package init(threads: Int) {
    precondition((1...256).contains(threads), "ThreadPool of \(threads) threads")
    self.threads = threads
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

/// What caller and workers share. `generation` counts regions; `body` is set while a region is open. A worker joins an
/// open region under the mutex, so a worker that never woke up is not waited for.
private final class Shared {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let opened = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let finished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let generation = Atomic<Int>(0)
  private let nextItem = Atomic<Int>(0)
  private let active = Atomic<Int>(0)
  // Below: written under the mutex and while no worker is active; a worker reads body and items while it is.
  private var body: ((Int, Int) -> Void)?
  private var items = 0
  private var stopping = false

  /// Polls before blocking: tens of microseconds, short enough beside a busy neighbour.
  private static let spins = 8_000

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
    pthread_mutex_lock(mutex)
    precondition(self.body == nil, "a parallel region inside another, or two callers at once")
    self.body = body
    self.items = items
    nextItem.store(0, ordering: .relaxed)
    generation.add(1, ordering: .releasing)
    pthread_cond_broadcast(opened)
    pthread_mutex_unlock(mutex)
  }

  func work(items: Int, thread: Int, body: (Int, Int) -> Void) {
    while true {
      let item = nextItem.add(1, ordering: .relaxed).oldValue
      if item >= items { return }
      body(item, thread)
    }
  }

  func close() {
    var polls = Self.spins
    while polls > 0, active.load(ordering: .acquiring) > 0 { polls -= 1 }
    pthread_mutex_lock(mutex)
    while active.load(ordering: .acquiring) > 0 { pthread_cond_wait(finished, mutex) }
    body = nil
    pthread_mutex_unlock(mutex)
  }

  func stop() {
    pthread_mutex_lock(mutex)
    stopping = true
    generation.add(1, ordering: .releasing)
    pthread_cond_broadcast(opened)
    pthread_mutex_unlock(mutex)
  }

  func workerLoop(thread: Int) {
    var seen = 0
    while true {
      var open = true
      var polls = Self.spins
      while polls > 0, generation.load(ordering: .acquiring) == seen { polls -= 1 }
      pthread_mutex_lock(mutex)
      while generation.load(ordering: .acquiring) == seen { pthread_cond_wait(opened, mutex) }
      seen = generation.load(ordering: .acquiring)
      let stop = stopping
      if !stop, body != nil { active.add(1, ordering: .acquiringAndReleasing) } else { open = false }
      pthread_mutex_unlock(mutex)
      if stop { return }
      guard open else { continue }
      help(thread: thread)
      pthread_mutex_lock(mutex)
      if active.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { pthread_cond_signal(finished) }
      pthread_mutex_unlock(mutex)
    }
  }

  /// Works on the region this worker has joined. A function of its own, so that no reference to the body outlives it:
  /// the caller of `run` may be gone as soon as `active` falls.
  @inline(never) private func help(thread: Int) {
    if let body { work(items: items, thread: thread, body: body) }
  }
}
