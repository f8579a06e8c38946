import Domain
import Foundation
import Settings
import Testing

/// Settings shown, explained and compared.
struct SettingsDocumentTests {
  @Test func `what is shown reads back to equal settings`() throws {
    var settings = ExperimentSettings()
    settings.prompts.name = "prompts/a b: \"c\" é.yaml"
    settings.seed = Seed(value: UInt64.max)
    settings.learner.rate = 1e-05 / 3
    settings.learner.epsilon = .leastNonzeroMagnitude
    settings.rewards.unlearnable = -0.5
    settings.model.name = "1e5"
    settings.play.kinds = [.abduction, .deduction]
    settings.play.trainProposer = false
    settings.verifier.bannedModules = ["on", "os.path"]
    #expect(try SettingsFile.read(SettingsDocument.show(settings), file: "x.yaml") == settings)
  }

  @Test func `the defaults are shown and read back`() throws {
    let shown = SettingsDocument.show(ExperimentSettings())
    #expect(try SettingsFile.read(shown, file: "x.yaml") == ExperimentSettings())
    for key in SettingKey.all { #expect(shown.contains("\(key.leaf): "), "\(key.name)") }
  }

  @Test func `a value that is not the default says so`() {
    var settings = ExperimentSettings()
    settings.play.batch = 8
    let shown = SettingsDocument.show(settings)
    #expect(shown.contains("Default: 64.\n  batch: 8\n"))
  }

  @Test func `a key is explained with meaning, bounds, default and value`() throws {
    var settings = ExperimentSettings()
    settings.play.probes = 4
    let text = try SettingsDocument.explain("play.probes", in: settings)
    #expect(
      text == """
        play.probes
          Probe attempts behind each estimate of learnability (paper: 8).
          allowed: a whole number from 1 to 256
          default: 8
          value:   4
        """)
  }

  @Test func `a group is explained key by key`() throws {
    let text = try SettingsDocument.explain("solver")
    #expect(text.contains("solver.temperature\n"))
    #expect(text.contains("\n\nsolver.tokens_max\n"))
  }

  @Test func `explaining an unknown key says which was meant`() {
    #expect {
      _ = try SettingsDocument.explain("play.prob")
    } throws: {
      ($0 as? SettingsError)?.problems.first?.suggestion == "play.probes"
    }
  }

  @Test func `differences name every setting and prompt that differs, in order`() {
    var left = ExperimentSettings()
    var right = left
    #expect(SettingsDocument.differences(left, right).isEmpty)
    left.seed = Seed(value: 2)
    right.play.kinds = [.deduction]
    right.model.digest = "abc"
    right.prompts.solveAbduction.text = "four"
    right.prompts.solveAbduction.stops = ["\n"]
    let found = SettingsDocument.differences(left, right)
    #expect(
      found.map(\.description) == [
        "seed: 2 → 1", "play.kinds: [deduction, abduction, induction] → [deduction]", "model.digest:  → abc",
        "prompts.solve_abduction.text: text of 0 bytes → text of 4 bytes",
        "prompts.solve_abduction.stops: [] → [\"\\n\"]",
      ])
  }

  @Test func `the committed page of settings is the generated one`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = root.appendingPathComponent("docs/settings.md")
    if ProcessInfo.processInfo.environment["AUTODIDACT_WRITE_DOCS"] == "1" {
      try Data(SettingsReference.page.utf8).write(to: file)
    }
    let committed = try String(contentsOf: file, encoding: .utf8)
    #expect(
      committed == SettingsReference.page, "write it again: AUTODIDACT_WRITE_DOCS=1 swift test --filter SettingsTests")
  }

  @Test func `edit distance counts slips`() {
    #expect(Suggestion.editDistance("batch", "bacth") == 1)
    #expect(Suggestion.editDistance("", "abc") == 3)
    #expect(Suggestion.editDistance("kitten", "sitting") == 3)
  }
}
