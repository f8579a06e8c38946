import Foundation
import HTTPTypes
import NIOCore

/// `GET /live`: server-sent events, one `change` for each append that a client wants to hear of.
struct LiveEndpoint: Sendable {
  let hub: LiveHub
  let reading: Reading
  let gate: Gate
  /// After which a stream ends.
  let life: Duration

  func answer(_ call: Call, _ caller: Caller) async throws(WebError) -> Answer {
    let parameters: [QueryParameter] = [.text("experiment")]
    _ = try QueryParameter.values(parameters, of: call.query)
    let experiment = call.query.first?.value
    if let experiment { try await reading.requireExperiment(experiment) }
    var missed: [LiveChange] = []
    if let last = call.headers[HTTPField.Name("Last-Event-ID")!] {
      guard let position = Int64(last), position >= 0 else {
        throw WebError(
          .badRequest, "Last-Event-ID is '\(last.prefix(40))', allowed is the id of an event of this stream")
      }
      missed = try await hub.changes(after: position, experiment: experiment)
    }
    if call.method == .head { return Answer(200, "text/event-stream; charset=utf-8", []) }
    let items = try hub.join(experiment, missed: missed)
    return Answer(events: { writer in try await self.write(items, caller, to: writer) })
  }

  /// Written as the client reads: what it does not read stays in the hub's limited queue.
  private func write(
    _ items: AsyncStream<LiveHub.Item>, _ caller: Caller, to writer: (ByteBuffer) async throws -> Void
  ) async throws {
    let end = ContinuousClock.now + life
    try await writer(ByteBuffer(string: "retry: 2000\n\n"))
    for await item in items {
      guard ContinuousClock.now < end else { return }
      switch item {
      case .change(let change):
        let text = "id: \(change.position)\nevent: change\ndata: \(JSONText.of(change))\n\n"
        try await writer(ByteBuffer(string: text))
      case .beat:
        // A token that was revoked ends the stream here.
        guard gate.isStillKnown(caller) else { return }
        try await writer(ByteBuffer(string: ": still here\n\n"))
      }
    }
  }
}
