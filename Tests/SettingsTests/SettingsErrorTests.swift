import Domain
import Settings
import Testing

/// What is refused, where, and with which help.
struct SettingsErrorTests {
  @Test func `an unknown key is refused at its place with the one that was meant`() throws {
    let problem = try problem("seed: 1\nplay:\n  bacth: 8")
    #expect(problem.fault == .unknownKey)
    #expect((problem.file, problem.line, problem.column) == ("x.yaml", 3, 3))
    #expect(problem.key == "play.bacth")
    #expect(problem.suggestion == "play.batch")
    #expect(problem.description == "x.yaml:3:3: play.bacth: unknown key; did you mean 'play.batch'?")
  }

  @Test(arguments: [
    ("tokensMax: 3", "proposer.tokens_max"), ("batch: 8", "play.batch"), ("learner.learning_rat: 1", nil),
    ("plya: {batch: 8}", "play"), ("sede: 1", "seed"), ("zebra: 1", nil),
    ("proposer.temprature: 1", "proposer.temperature"),
    ("play.keep: 1", "checkpoints.keep"), ("model.digest: abc", nil),
  ])
  func `suggestions are near or absent`(text: String, suggestion: String?) throws {
    let problem = try problem(text)
    #expect(problem.fault == .unknownKey)
    #expect(problem.suggestion == suggestion)
    if suggestion == nil { #expect(problem.allowed?.isEmpty == false) }
  }

  @Test(arguments: [
    ("play.batch: \"8\"", "the text \"8\""), ("play.batch: eight", "eight"), ("play.batch: 8.0", "8.0"),
    ("play.batch: 010", "010"), ("play.batch: 0x10", "0x10"), ("play.batch: 1_000", "1_000"),
    ("play.batch: 1:30", "1:30"), ("play.batch: true", "true"), ("play.batch: [8]", "a list of 1"),
    ("play.batch: {a: 1}", "a mapping"), ("play.batch:", "nothing"), ("play.batch: ~", "nothing"),
    ("learner.rate: '1e-6'", "the text \"1e-6\""), ("learner.rate: fast", "fast"),
    ("play.train_proposer: 1", "1"), ("play.train_proposer: \"true\"", "the text \"true\""),
    ("play.kinds: deduction", "deduction"), ("play.eviction: [keep_last]", "a list of 1"),
    ("model.name:", "nothing"), ("verifier.banned_modules: os", "os"), ("play: 8", "8"),
  ])
  func `a wrong type is refused with what was found`(text: String, found: String) throws {
    let problem = try problem(text)
    #expect(problem.fault == .wrongType)
    #expect(problem.found == found)
    #expect(problem.allowed?.isEmpty == false)
  }

  @Test(arguments: [
    "seed: -1", "seed: 18446744073709551616", "iterations: 0", "play.batch: 0", "play.batch: 4097",
    "play.batch: 99999999999999999999", "play.references: -1", "play.references: 65", "play.probes: 0",
    "play.probes: 257", "play.inputs: 0", "play.kinds: []", "play.kinds: [deduction, deduction]",
    "play.kinds: [deduction, reduction]", "play.eviction: keep-last", "play.solve_from: Newest",
    "proposer.temperature: 0", "proposer.temperature: 10.5", "proposer.temperature: .nan",
    "solver.temperature: .inf", "solver.tokens_max: 0", "solver.tokens_max: 32769", "learner.rate: 0",
    "learner.rate: -1e-6", "learner.rate: 1e999", "learner.beta1: 1", "learner.beta2: 1.0", "learner.beta2: -0.1",
    "learner.ratio_clip: 1", "rewards.incorrect: 2", "rewards.formula: azr", "verifier.seconds: 0",
    "verifier.seconds: 601", "verifier.memory_mib: 31", "verifier.memory_mib: 65537", "verifier.value_bytes_max: 15",
    "verifier.value_bytes_max: 1048577", "verifier.banned_modules: [os, os]", "verifier.banned_modules: [os-path]",
    "verifier.banned_modules: [os..path]", "verifier.accepted_missing_layers: [landlok]",
    "verifier.accepted_missing_layers: [landlock, landlock]", "checkpoints.every: 0", "checkpoints.keep: 0",
    "model.name: ../x",
    "model.name: \"\"", "prompts: \"\"",
  ])
  func `an impossible value is refused with what is allowed`(text: String) throws {
    let problem = try problem(text)
    #expect(problem.fault == .impossibleValue)
    let name = String(text.prefix { $0 != ":" })
    #expect(problem.key == name)
    #expect(problem.allowed == SettingKey.named(name)?.allowed)
    #expect((problem.line, problem.column) == (1, name.count + 3))
  }

  @Test func `a misspelt word of a list is answered with the nearest`() throws {
    let problem = try problem("verifier.accepted_missing_layers: [emptyRoot, landlok]")
    #expect(problem.found == "landlok")
    #expect(problem.suggestion == "landlock")
  }

  @Test func `no missing layer is accepted unless it is named`() throws {
    #expect(ExperimentSettings().verifier.acceptedMissingLayers == [])
    let settings = try SettingsFile.read("verifier.accepted_missing_layers: []", file: "x.yaml")
    #expect(settings == ExperimentSettings())
  }

  @Test func `a value says what was found and what is allowed`() throws {
    let problem = try problem("play:\n  batch: 0")
    #expect(
      problem.description
        == "x.yaml:2:10: play.batch: impossible value; found 0; allowed: a whole number from 1 to 4096")
  }

  // MARK: Together

  @Test func `all problems are reported in the order of the lines`() {
    let found = problems(
      """
      seed: -1
      play:
        probes: many
        bacth: 8
        probes: 4
      nonsense: {a: 1}
      learner: {rate: 0, rate: 1, beta1: x}
      """, overrides: ["play.batch=0", "nope"])
    #expect(found.map(\.line) == [1, 3, 4, 5, 6, 7, 7, 7, 1, 2])
    #expect(
      found.map(\.fault) == [
        .impossibleValue, .wrongType, .unknownKey, .duplicateKey, .unknownKey, .impossibleValue, .duplicateKey,
        .wrongType, .impossibleValue, .syntax,
      ])
    #expect(found.map(\.column) == [7, 11, 3, 3, 1, 17, 20, 36, 12, 1])
    #expect(found.suffix(2).allSatisfy { $0.file == "--set" })
  }

  @Test func `a key written twice is refused at the second place, however often`() {
    let found = problems("seed: 1\n'seed': 2\nseed: 3\nplay: {batch: 1}\nplay.batch: 2")
    #expect(found.map(\.line) == [2, 3, 5])
    #expect(found.allSatisfy { $0.fault == .duplicateKey })
    #expect(found.first?.description == "x.yaml:2:1: seed: written twice, first in line 1")
    #expect(found.map(\.column) == [1, 1, 1])
  }

  // MARK: Overrides

  @Test(arguments: ["seed", "=1", ""])
  func `an override without key or value is refused`(override: String) throws {
    let problem = try problem("seed: 1", overrides: [override])
    #expect(problem.fault == .syntax)
    #expect((problem.file, problem.allowed) == ("--set", "key=value"))
  }

  @Test(arguments: [
    "seed=", "play=", "play=8", "seed=1\niterations: 3", "seed=[1", "seed=\"1\"", "seed={a: 1}", "sede=1",
  ])
  func `an override is read as strictly as a file`(override: String) throws {
    let problem = try problem("seed: 1", overrides: [override])
    #expect(problem.file == "--set")
    #expect(problem.line == 1)
  }

  @Test func `an override says which one it is and where its value stands`() throws {
    let problem = try problem("seed: 1", overrides: ["seed=2", "play.batch=0"])
    #expect((problem.line, problem.column) == (2, 12))
  }

  // MARK: YAML

  @Test(arguments: [
    ("play:\n  batch: [1\n  probes: 2", 3, 9), ("a: b: c", 1, 5), ("\tseed: 1", 1, 1), ("seed: 1\n---\nseed: 2", 2, 1),
    ("seed: 'x", 1, 9), ("seed: *other", 1, 7), ("seed: 1\u{7}", 1, 8), ("seed: 1\nplay: {batch: \u{E000}}", 2, 15),
  ])
  func `a syntax error has its place`(text: String, line: Int, column: Int) throws {
    let problem = try problem(text)
    #expect(problem.fault == .syntax, "\(problem)")
    #expect((problem.line, problem.column) == (line, column), "\(problem)")
  }

  @Test(arguments: [
    "a: &a {batch: 8}\nplay: *a", "play: &p\n  batch: 8", "seed: &s 1", "base: &b {x: 1}\nplay:\n  <<: *b",
    "seed: !!int 1", "play: !!set {batch: 8}", "seed: !!str 1", "play: !custom {batch: 8}",
  ])
  func `anchors, aliases, merge keys and tags are refused in plain words`(text: String) {
    let found = problems(text)
    #expect(found.contains { $0.fault == .syntax && $0.message.contains("not supported") }, "\(found)")
  }

  @Test func `a bomb of aliases is refused without growing`() {
    var lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in 1...30 {
      let alias = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      lines.append("a\(level): &a\(level) [\(alias)]")
    }
    lines.append("play: [*a30, *a30]")
    #expect(problems(lines.joined(separator: "\n")).count >= 31)
  }

  @Test func `deep nesting is refused`() throws {
    let text = "seed: " + String(repeating: "[", count: 400) + String(repeating: "]", count: 400)
    #expect(problems(text).contains { $0.message.contains("nested too deeply") })
  }

  @Test(arguments: ["[1]: 2", "{a: 1}: 2", "~: 3"])
  func `a key that is not a name is refused`(text: String) throws {
    #expect(try problem(text).fault == .wrongType)
  }

  @Test(arguments: ["", "\n\n", "# only a comment\n", "---\n"])
  func `an empty file is refused`(text: String) throws {
    #expect(try problem(text).fault == .wrongType)
  }

  @Test(arguments: ["[1, 2]", "words", "8"])
  func `a file that is not a mapping is refused`(text: String) throws {
    let problem = try problem(text)
    #expect(problem.fault == .wrongType)
    #expect(problem.message == "the file is not a mapping")
  }

  // MARK: Files

  @Test func `a missing file, a folder and an endless device are refused`() throws {
    try withFolder([:]) { folder in
      for path in [folder + "/none.yaml", folder, "/dev/zero"] {
        let found = loadProblems(path)
        #expect(found.count == 1)
        #expect(found.first?.fault == .unreadable)
        #expect(found.first?.file == path)
      }
      #expect(loadProblems(folder + "/none.yaml").first?.message.contains("No such file") == true)
    }
  }

  @Test func `text that is not UTF-8 is refused at its place`() throws {
    try withFolder(["a.yaml": Array("seed: 1\nplay: ".utf8) + [0xFF, 0x0A]]) { folder in
      let found = loadProblems(folder + "/a.yaml")
      #expect(found.map(\.fault) == [.unreadable])
      #expect(found.map(\.line) == [2])
      #expect(found.map(\.column) == [7])
    }
  }

  @Test func `a file above the limit is refused and one at the limit is read`() throws {
    let limit = 256 * 1024
    let head = Array("seed: 1\n".utf8)
    let full = head + [UInt8](repeating: UInt8(ascii: "#"), count: limit - head.count)
    try withFolder(["large.yaml": full + [10], "full.yaml": full]) { folder in
      #expect(loadProblems(folder + "/large.yaml").map(\.fault) == [.unreadable])
      #expect(loadProblems(folder + "/full.yaml").map(\.key) == ["prompts"])
    }
  }

  @Test func `settings without prompts, or with prompts that are not there, are refused`() throws {
    let files = ["none.yaml": "seed: 1", "gone.yaml": "seed: 1\nprompts: gone/p.yaml"]
    try withFolder(files.mapValues { Array($0.utf8) }) { folder in
      let none = loadProblems(folder + "/none.yaml")
      #expect(none.map(\.fault) == [.missing])
      let gone = loadProblems(folder + "/gone.yaml")
      #expect(gone.map(\.fault) == [.unreadable])
      #expect(gone.map(\.file) == [folder + "/gone.yaml"])
      #expect(gone.map(\.line) == [2])
      #expect(gone.first?.message.contains("gone/p.yaml") == true)
    }
  }

  @Test func `templates are not missed for kinds that could not be read`() throws {
    let files = ["a.yaml": "prompts: p.yaml\nplay.kinds: all", "p.yaml": "solve_deduction: {text: x, stops: [end]}"]
    try withFolder(files.mapValues { Array($0.utf8) }) { folder in
      #expect(loadProblems(folder + "/a.yaml").map(\.key) == ["play.kinds"])
    }
  }

  @Test func `problems of settings, overrides and prompts come together`() throws {
    let files = [
      "a.yaml": "prompts: p.yaml\nseed: x", "p.yaml": promptsText.replacing("{{message}}", with: "{{mesage}}"),
    ]
    try withFolder(files.mapValues { Array($0.utf8) }) { folder in
      let found = loadProblems(folder + "/a.yaml", overrides: ["play.batch=0"])
      #expect(found.map(\.file) == [folder + "/a.yaml", "--set", folder + "/p.yaml"])
      #expect(found.map(\.fault) == [.wrongType, .impossibleValue, .unknownPlace])
    }
  }
}
