/// Holds one caller until a test lets it go on, and tells the test that it has come: no sleeps.
struct Turnstile: Sendable {
  private let arrival = Latch()
  private let opening = Latch()

  /// Called inside what is to be held. Throws `CancellationError` when the task is cancelled meanwhile.
  func hold() async throws {
    arrival.open()
    await opening.wait()
    try Task.checkCancellation()
  }

  /// Returns when somebody is held.
  func arrived() async { await arrival.wait() }

  func open() { opening.open() }
}

/// Closed until it is opened, once, for one waiter.
struct Latch: Sendable {
  private let stream: AsyncStream<Never>
  private let continuation: AsyncStream<Never>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream() }

  func open() { continuation.finish() }
  func wait() async { for await _ in stream {} }
}
