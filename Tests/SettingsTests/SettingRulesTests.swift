import Domain
import Settings
import Testing

/// What two keys may not be together.
struct SettingRulesTests {
  @Test(arguments: [
    ("play:\n  inputs: 1", "play.inputs", 2), ("play:\n  kinds: [induction]", "play.kinds", 2),
    ("seed: 1\nplay:\n  buffer_max: 256", "play.buffer_max", 3),
    ("play.batch: 4096\nplay.buffer_max: 20000\nplay.seeding_rounds_max: 16", "play.seeding_rounds_max", 3),
    ("play.seeding_rounds_max: 1024", "play.seeding_rounds_max", 1),
    ("seed: 1\ncurriculum: {band_low: 0.5, band_high: 0.5}", "curriculum.band_low", 2),
    ("seed: 1\nacceptance: {problems: 4, attempts: 3}", "acceptance.attempts", 2),
    ("seed: 1\nacceptance: {problems: 4, gained_min: 5}", "acceptance.gained_min", 2),
  ])
  func `a conflict is refused at a key that was written`(text: String, key: String, line: Int) throws {
    let problem = try problem(text)
    #expect(problem.fault == .conflict)
    #expect(problem.key == key)
    #expect(problem.line == line)
  }

  @Test(arguments: [
    "play: {inputs: 1, kinds: [deduction, abduction]}", "play: {inputs: 2}", "play: {buffer_max: 257}",
    "play: {buffer_max: 1, seeding_factor: 0}", "play: {seeding_rounds_max: 1023}",
  ])
  func `what is just possible is accepted`(text: String) {
    #expect(problems(text).isEmpty)
  }

  @Test func `an override can cause a conflict and is named`() throws {
    let problem = try problem("play: {kinds: [deduction, induction]}", overrides: ["seed=1", "play.inputs=1"])
    #expect((problem.file, problem.line) == ("--set", 2))
    #expect(problem.fault == .conflict)
  }

  @Test func `a key that could not be read is not held against another`() throws {
    #expect(try problem("play: {inputs: one}").fault == .wrongType)
  }
}
