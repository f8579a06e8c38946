import EventLog
import Foundation

extension ExperimentID {
  /// A fixed id for each number.
  static func numbered(_ number: UInt8) -> ExperimentID {
    ExperimentID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, number)))
  }
}

extension NewEvent {
  static func named(_ type: String, body: String = "{}", cause: Cause? = nil) -> NewEvent {
    NewEvent(type: type, cause: cause, body: Data(body.utf8))
  }

  /// An event with everything set, its figures made from `number`.
  static func full(_ number: Int) -> NewEvent {
    NewEvent(
      type: "AttemptMade", schemaVersion: 2, iteration: number, policyVersion: number + 1, cause: nil,
      body: Data(#"{"a":1.50,"kind":"deduction","text":"Zoë \"quoted\" ✓","z":[]}"#.utf8),
      generation: .numbered(number))
  }
}

extension GenerationRecord {
  static func numbered(_ number: Int) -> GenerationRecord {
    GenerationRecord(
      tokens: [Int32(number), -1, .max, 0], logProbabilities: [-0.1, -.infinity, -1e-30, 0],
      prompt: "prompt \(number) ✓", completion: "completion\nwith lines", sampling: Data(#"{"temperature":0.7}"#.utf8),
      randomKey: Data([0, 1, 2, UInt8(truncatingIfNeeded: number)]), finish: "stop")
  }
}

extension Append {
  /// A control append of one event.
  static func control(
    _ key: String, _ experiment: ExperimentID, at version: Int64, _ type: String = "Happened"
  ) -> Append {
    Append(key: key, experiment: experiment, expectedVersion: version, epoch: nil, events: [.named(type)])
  }
}
