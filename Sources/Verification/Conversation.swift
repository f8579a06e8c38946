import Subprocess
import VerifierProtocol

/// Why a conversation with a worker broke off; it becomes a lost worker, never a verdict.
struct ConversationError: Error, CustomStringConvertible {
  var reason: String
  var description: String { reason }
}

/// The messages to and from one worker process. Every wait has an end: a worker that misses it is killed, which ends the
/// wait. Confined to its slot's task.
final class Conversation {
  typealias Worker = Execution<CustomWriteInput, SequenceOutput, DiscardedOutput>

  private let execution: Worker
  private let clock: any Clock<Duration>
  private var chunks: SubprocessOutputSequence.Iterator
  private var buffer = FrameBuffer()

  init(execution: Worker, clock: any Clock<Duration>) {
    self.execution = execution
    self.clock = clock
    chunks = execution.standardOutput.makeAsyncIterator()
  }

  /// Sends a request.
  func send(_ request: WorkerRequest) async throws {
    let frame = try Frame.encode(request)
    let written = try await execution.standardInputWriter.write(frame)
    guard written == frame.count else { throw ConversationError(reason: "the worker does not read its input") }
  }

  /// The next message.
  /// - Throws: `ConversationError` if the worker ends, is silent for `limit`, or says that it failed.
  func next(within limit: Duration) async throws -> WorkerMessage {
    let body = try await killing(after: limit) { try await self.nextBody() }
    guard let body else { throw ConversationError(reason: "the worker ended, or was silent for \(limit)") }
    let message = try Frame.decode(WorkerMessage.self, from: body)
    if case .failed(let reason) = message { throw ConversationError(reason: reason) }
    return message
  }

  /// Closes the worker's input and waits until it has ended.
  func finish(within limit: Duration) async throws {
    try await execution.standardInputWriter.finish()
    _ = try await killing(after: limit) { try await self.nextBody() }
  }

  private func nextBody() async throws -> [UInt8]? {
    while true {
      if let body = try buffer.next() { return body }
      guard let chunk = try await chunks.next() else { return nil }
      chunk.withUnsafeBytes { buffer.append($0) }
    }
  }

  private func killing<Result>(after limit: Duration, _ read: () async throws -> Result) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { [execution, clock] group in
      group.addTask {
        try await clock.sleep(for: limit)
        try? execution.send(signal: .kill)
      }
      defer { group.cancelAll() }
      return try await read()
    }
  }
}
