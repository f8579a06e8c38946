import Failpoints
import Testing

@Suite("Failpoints")
struct FailpointTests {
  @Test("a name alone kills at the first passage; number and action can be given")
  func specification() throws {
    let plain = try Armament.parse("append.before")
    #expect(plain.point == .appendBefore && plain.number == 1 && plain.action == .kill)
    let numbered = try Armament.parse("file.synced:12")
    #expect(numbered.point == .fileSynced && numbered.number == 12 && numbered.action == .kill)
    let full = try Armament.parse("learner.read:3:delay=250")
    #expect(full.number == 3 && full.action == .delay(milliseconds: 250))
    #expect(try Armament.parse("learner.read:stop").action == .stop)
  }

  @Test(
    "anything else is refused: a test that misspells a point must not pass",
    arguments: [
      "nowhere", "", "append.before:0", "append.before:1:explode", "append.before:1:kill:2", "file.synced:delay=",
    ])
  func refused(text: String) {
    #expect(throws: FailpointError.self) { try Armament.parse(text) }
  }

  @Test("an unarmed point does nothing", arguments: Failpoint.allCases)
  func unarmed(point: Failpoint) {
    #expect(throws: Never.self) { try point.pass() }
    #expect(!point.meaning.isEmpty)
  }
}
