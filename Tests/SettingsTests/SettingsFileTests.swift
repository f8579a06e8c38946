import Domain
import Settings
import Testing

/// What is read from good settings.
struct SettingsFileTests {
  @Test func `nested and dotted keys mean the same`() throws {
    let nested = try SettingsFile.read("play:\n  batch: 8\n  probes: 4\nseed: 3", file: "x.yaml")
    let dotted = try SettingsFile.read("play.batch: 8\nplay.probes: 4\nseed: 3", file: "x.yaml")
    #expect(nested == dotted)
    #expect(nested.play.batch == 8)
    #expect(nested.play.probes == 4)
    #expect(nested.seed.value == 3)
  }

  @Test func `a key that is left out keeps its default`() throws {
    var expected = ExperimentSettings()
    expected.play.batch = 8
    #expect(try SettingsFile.read("play: {batch: 8}", file: "x.yaml") == expected)
  }

  @Test func `a group whose keys are all comments is empty`() throws {
    #expect(try SettingsFile.read("play:\n  # batch: 8\nseed: 1", file: "x.yaml") == ExperimentSettings())
  }

  @Test func `the largest seed of 64 bits is read`() throws {
    #expect(try SettingsFile.read("seed: 18446744073709551615", file: "x.yaml").seed.value == UInt64.max)
  }

  @Test(arguments: [("1e-6", 1e-6), ("1E-06", 1e-6), ("0.5", 0.5), (".5", 0.5), ("1", 1), ("5.e-1", 0.5)])
  func `numbers may have fractions and exponents`(text: String, value: Double) throws {
    #expect(try SettingsFile.read("learner.rate: \(text)", file: "x.yaml").learner.rate == value)
  }

  @Test(arguments: [("true", true), ("yes", true), ("On", true), ("FALSE", false), ("no", false), ("off", false)])
  func `truths are read as YAML 1.1 and 1.2 write them`(text: String, value: Bool) throws {
    #expect(try SettingsFile.read("play.train_proposer: \(text)", file: "x.yaml").play.trainProposer == value)
  }

  @Test func `yes and no are words where a word is asked for`() throws {
    #expect(try SettingsFile.read("model.name: no", file: "x.yaml").model.name == "no")
  }

  @Test func `lists are read in either style and keep their order`() throws {
    let flow = try SettingsFile.read("play: {kinds: [abduction, deduction]}", file: "x.yaml")
    let block = try SettingsFile.read("play:\n  kinds:\n  - abduction\n  - deduction", file: "x.yaml")
    #expect(flow.play.kinds == [.abduction, .deduction])
    #expect(flow == block)
  }

  @Test func `a byte order mark and Windows line ends are harmless`() throws {
    let settings = try SettingsFile.read("\u{FEFF}seed: 2\r\nplay:\r\n  batch: 8\r\n", file: "x.yaml")
    #expect(settings.seed.value == 2)
    #expect(settings.play.batch == 8)
  }

  // MARK: Overrides

  @Test func `an override replaces what the file says`() throws {
    let settings = try SettingsFile.read(
      "play: {batch: 8}", file: "x.yaml",
      overrides: ["play.batch=16", "play.kinds=[deduction,abduction]", "learner.rate=1e-5", "model.name=\"tiny\""])
    #expect(settings.play.batch == 16)
    #expect(settings.play.kinds == [.deduction, .abduction])
    #expect(settings.learner.rate == 1e-5)
    #expect(settings.model.name == "tiny")
  }

  @Test func `the last override of a key holds`() throws {
    let settings = try SettingsFile.read("seed: 1", file: "x.yaml", overrides: ["seed=2", "seed=3"])
    #expect(settings.seed.value == 3)
  }

  // MARK: Files

  @Test func `loading reads the prompts beside the settings`() throws {
    let files = ["configs/a.yaml": "prompts: prompts/p.yaml\nseed: 5", "configs/prompts/p.yaml": promptsText]
    try withFolder(files.mapValues { Array($0.utf8) }) { folder in
      let settings = try SettingsFile.load(path: folder + "/configs/a.yaml", overrides: ["iterations=2"])
      #expect(settings.seed.value == 5)
      #expect(settings.iterations == 2)
      #expect(settings.prompts.name == "prompts/p.yaml")
      #expect(settings.prompts.proposeDeduction.opening == "def f(")
      #expect(settings.prompts[.solver, .induction].item == "{{input}} {{output}}")
    }
  }

  @Test func `templates of kinds that are not played may be missing`() throws {
    let part = """
      propose_deduction: {text: "x", stops: [end]}
      solve_deduction: {text: "x", stops: [end]}
      """
    let files = ["a.yaml": "prompts: p.yaml\nplay.kinds: [deduction]", "p.yaml": part]
    try withFolder(files.mapValues { Array($0.utf8) }) { folder in
      let settings = try SettingsFile.load(path: folder + "/a.yaml")
      #expect(settings.prompts.solveDeduction.text == "x")
      let refused = loadProblems(folder + "/a.yaml", overrides: ["play.kinds=[deduction,abduction]"])
      #expect(refused.map(\.fault) == [.missing, .missing])
      #expect(refused.map(\.key) == ["propose_abduction", "solve_abduction"])
    }
  }
}
