import Foundation
import HTTPTypes

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
    let end = ContinuousClock.now + life
    let gate = gate
    return Answer(events: try hub.join(experiment, missed: missed)) { item in
      guard ContinuousClock.now < end else { return nil }
      switch item {
      case .hello: return "retry: 2000\n\n"
      case .change(let change):
        return "id: \(change.position)\nevent: change\ndata: \(JSONText.of(change))\n\n"
      // A token that was revoked ends the stream here.
      case .beat: return gate.isStillKnown(caller) ? ": still here\n\n" : nil
      }
    }
  }
}
