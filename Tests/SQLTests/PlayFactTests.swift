import Domain
import EventLog
import Foundation
import Testing

@Suite("Facts read from the bodies of events")
struct PlayFactTests {
  private func recorded(_ type: String, _ body: String) -> RecordedEvent {
    RecordedEvent(
      position: Position(1), experiment: ExperimentID(UUID()), version: 1, type: type, schemaVersion: 1,
      iteration: nil, policyVersion: nil, cause: nil, recordedAt: Timestamp(microseconds: 0), body: Data(body.utf8))
  }

  @Test("are those of the decoded events, whatever a played experiment records")
  func played() throws {
    var player = Player(smallSettings { $0.play.batch = 5 })
    player.play()
    #expect(player.events.count > 200)
    for event in player.events {
      let body = String(decoding: event.body, as: UTF8.self)
      #expect(try PlayFact(recorded(event.type, body)) == PlayFact(event), "\(body)")
    }
  }

  @Test(
    "are those of the decoded events, however the JSON is written",
    arguments: [
      ("AttemptMade", #" { "problem" : "3.deduction.4" , "attempt":"12.solve.abduction.3.0" } "#),
      ("AttemptMade", #"{"attempt":"12.solve.ded\u0075ction.3.0","problem":"3.deduction.4"}"#),
      (
        "AttemptMade",
        #"{"extra":{"attempt":"x","a":["}","\""]},"attempt":"1.probe.induction.0.7","problem":"1.induction.0"}"#
      ),
      (
        "AttemptVerified",
        #"{"answer":"a \" b \\","attempt":"1.evaluate.induction.0.7","detail":"{","problem":"0.induction.0","verdict":"timed_out"}"#
      ),
      (
        "ProposalVerified",
        #"{"detail":"","problem":{"kind":"deduction","message":"}","pairs":[{"input":"]","output":"\\"}],"program":"def f"},"proposal":"1.deduction.2"}"#
      ),
      ("ProposalVerified", #"{"detail":"","problem":null,"proposal":"1.deduction.2","refusal":"too_large"}"#),
      ("ProposalMade", #"{"proposal":"1.deduction.2","references":["0.deduction.0"]}"#),
      ("ProblemAdmitted", #"{"problem":"1.deduction.2"}"#),
    ])
  func written(_ type: String, _ body: String) throws {
    let event = try EventCoding.event(type: type, schemaVersion: 1, body: Data(body.utf8))
    #expect(try PlayFact(recorded(type, body)) == PlayFact(event))
  }

  @Test(
    "a body that the decoder refuses is refused",
    arguments: [
      ("AttemptMade", #"{"attempt":"12.solve.deduction.3","problem":"3.deduction.4"}"#),
      ("AttemptMade", #"{"attempt":"12.solve.deduction.3.0"}"#),
      ("AttemptMade", #"{"attempt":"12.solve.deduction.3.0","problem":"3.deduction.4""#),
      ("AttemptVerified", #"{"attempt":"1.solve.deduction.0.0","problem":"1.deduction.0","verdict":"maybe"}"#),
      ("ProblemAdmitted", #"{"problem":"1.deduction.2."}"#), ("ProblemAdmitted", #"["problem"]"#),
      ("Unknown", "{}"),
    ])
  func refused(_ type: String, _ body: String) {
    #expect(throws: (any Error).self) { try PlayFact(recorded(type, body)) }
  }
}
