import Domain
import Settings
import Testing

/// Reading the texts of the prompts.
struct PromptsFileTests {
  private let solve = "solve_deduction: {text: x, stops: [end]}\n"

  @Test func `blocks are kept byte for byte`() throws {
    let text = """
      propose_deduction:
        text: |2

            indented first, trailing spaces:  \("")
          # not a comment: "quotes" \\n {{references}}

          tab\there é

        item: |-
          no line end
        opening: >-
          folded
          text
        stops: ["\\n```", "\\n\\n"]
      solve_deduction: {text: x, stops: [end]}
      """
    let templates = try PromptsFile.read(text, file: "dir/p.yaml", kinds: [.deduction])
    let template = templates.proposeDeduction
    #expect(
      template.text
        == "\n  indented first, trailing spaces:  \n# not a comment: \"quotes\" \\n {{references}}\n\ntab\there é\n"
    )
    #expect(template.item == "no line end")
    #expect(template.opening == "folded text")
    #expect(template.stops == ["\n```", "\n\n"])
    #expect(templates.name == "p.yaml")
    #expect(templates.proposeInduction == PromptTemplate())
  }

  @Test func `each of the six templates is read into its own place`() throws {
    let names = [
      "propose_deduction", "propose_abduction", "propose_induction", "solve_deduction", "solve_abduction",
      "solve_induction",
    ]
    let text = names.map { "\($0): {text: the \($0), stops: [end]}" }.joined(separator: "\n")
    let templates = try PromptsFile.read(text, file: "p.yaml")
    for role in Role.allCases {
      for kind in Kind.allCases {
        #expect(templates[role, kind].text == "the \(PromptsFile.name(role, kind))")
      }
    }
  }

  @Test func `an unknown place is refused where it stands`() throws {
    let found = promptProblems(
      """
      propose_deduction:
        text: |
          first
          say {{refrences}} and {{output}}
        stops: [end]
      \(solve)
      """)
    #expect(found.map(\.fault) == [.unknownPlace, .unknownPlace])
    #expect(found.map(\.line) == [4, 4])
    #expect(found.map(\.column) == [9, 27])
    #expect(found[0].key == "propose_deduction.text")
    #expect(found[0].found == "{{refrences}}")
    #expect(found[0].suggestion == "references")
    #expect(found[0].allowed == "{{references}}, {{functions}}, {{program}}, {{input}} and {{inputs}}")
  }

  @Test(arguments: ["{{ program }}", "{{Program}}", "{{seed}}"])
  func `a place is written exactly`(place: String) {
    let found = promptProblems("propose_deduction: {text: \"\(place)\", stops: [end]}\n\(solve)")
    #expect(found.map(\.fault) == [.unknownPlace])
  }

  @Test(arguments: ["{{1: 2}}", "{{'a': {1}}}", "{x}", "{{", "}} {{}}"])
  func `braces around anything but a word are text`(text: String) throws {
    let yaml = "propose_deduction: {text: \"\(text)\", stops: [end]}\n\(solve)"
    #expect(try PromptsFile.read(yaml, file: "p.yaml", kinds: [.deduction]).proposeDeduction.text == text)
  }

  @Test func `openings and stops have no places`() {
    let found = promptProblems(
      "propose_deduction: {text: x, opening: \"{{program}}\", stops: [\"{{input}}\"]}\n\(solve)")
    #expect(found.map(\.key) == ["propose_deduction.opening", "propose_deduction.stops"])
    #expect(found.allSatisfy { $0.allowed == "no places here" })
  }

  @Test func `an item has the places of its role`() {
    let good = "{text: \"{{references}}\", item: \"{{program}} {{inputs}}\", stops: [end]}"
    #expect(promptProblems("propose_deduction: \(good)\n\(solve)").isEmpty)
    let bad = "solve_deduction: {text: \"{{pairs}}\", item: \"{{program}}\", stops: [end]}"
    #expect(promptProblems("propose_deduction: \(good)\n\(bad)").map(\.key) == ["solve_deduction.item"])
  }

  @Test func `a text that lists references needs an item`() {
    let found = promptProblems("propose_deduction: {text: \"{{references}}\", stops: [end]}\n\(solve)")
    #expect(found.map(\.fault) == [.missing])
    #expect(found.map(\.key) == ["propose_deduction.item"])
  }

  @Test(arguments: [
    ("{stops: [end]}", "text", SettingsProblem.Fault.missing), ("{text: x}", "stops", .missing),
    ("{text: x, stops: []}", "stops", .impossibleValue), ("{text: x, stops: end}", "stops", .wrongType),
    ("{text: x, stops: [\"\"]}", "stops", .impossibleValue), ("{text: x, stops: [a, a]}", "stops", .impossibleValue),
    ("{text: x, stops: [[a]]}", "stops", .wrongType), ("{text: [x], stops: [a]}", "text", .wrongType),
    ("{text: \" \", stops: [a]}", "text", .impossibleValue), ("{text: , stops: [a]}", "text", .wrongType),
    ("{text: x, stop: [a], stops: [b]}", "stop", .unknownKey),
    ("{text: x, text: y, stops: [b]}", "text", .duplicateKey),
  ])
  func `a template that is not whole is refused`(template: String, part: String, fault: SettingsProblem.Fault) throws {
    let found = promptProblems("propose_deduction: \(template)\n\(solve)")
    try #require(found.count == 1, "\(found)")
    #expect(found[0].fault == fault)
    #expect(found[0].key == "propose_deduction.\(part)")
    #expect(found[0].line == 1)
  }

  @Test func `unknown, missing and mistyped templates are refused together in line order`() {
    let found = promptProblems(
      "propose_reduction: {text: x, stops: [a]}\nsolve_deduction: words", kinds: [.deduction])
    #expect(found.map(\.fault) == [.unknownKey, .missing, .wrongType])
    #expect(found[0].suggestion == "propose_deduction")
    #expect(found[2].line == 2)
  }

  @Test(arguments: ["", "[a]", "text"])
  func `a file without templates is refused`(text: String) {
    #expect(promptProblems(text).map(\.fault) == [.wrongType])
  }
}
