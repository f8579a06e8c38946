import Domain
import Testing

@Suite("Reading fenced blocks")
struct FenceTests {
  /// The program and the input that a deduction proposal is understood to have; nil if it is malformed.
  private func understood(_ completion: String) -> (program: String, input: String)? {
    guard case .run(let program, let inputs) = check(.deduction, proposal: completion).jobs.first else { return nil }
    return (program, inputs[0])
  }

  @Test("a program and an input, with any text before, between and after")
  func plain() throws {
    let found = try #require(
      understood("Sure!\n```python\n\(identity)\n```\nand\n```input\n  3, 'a' \n```\nDone. `x` is back."))
    #expect(found.program == identity)
    #expect(found.input == "3, 'a'")
  }

  @Test("carriage returns end lines like in any other text")
  func carriageReturns() throws {
    let completion = "```python\ndef f(x):\n    return x\n```\n```input\n3\n```\n"
    let found = try #require(understood(completion.split(separator: "\n").joined(separator: "\r\n") + "\r\n"))
    #expect(found.program == "def f(x):\r\n    return x")
    #expect(found.input == "3")
  }

  @Test("a block whose closing fence is missing is not a block: the completion was cut")
  func unclosed() {
    #expect(understood("```python\n\(identity)\n```\n```input\n3\n") == nil)
    #expect(understood("```python\n\(identity)\n") == nil)
    #expect(understood("```python") == nil)
    #expect(understood("") == nil)
  }

  @Test("the closing fence may follow the content on its line")
  func closedOnTheLine() throws {
    let found = try #require(understood("```python\n\(identity)```\n```input\n3```"))
    #expect(found.program == identity)
    #expect(found.input == "3")
  }

  @Test("code between backticks inside a line opens no block")
  func inline() throws {
    let found = try #require(
      understood("With ```f(x)``` I mean:\n```python\n\(identity)\n```\n```input\n3\n```"))
    #expect(found.program == identity)
  }

  @Test("of several programs and inputs the first of each counts")
  func several() throws {
    let found = try #require(
      understood("```input\n1\n```\n```python\n\(modulo)\n```\n```python\n\(identity)\n```\n```input\n2\n```"))
    #expect(found.program == modulo)
    #expect(found.input == "1")
  }

  @Test("languages are read without regard to case, and a block without one is a program")
  func languages() throws {
    #expect(try #require(understood("``` Python \n\(identity)\n```\n```INPUT\n3\n```")).program == identity)
    #expect(try #require(understood("```\n\(identity)\n```\n```input\n3\n```")).program == identity)
    #expect(understood("```ruby\n\(identity)\n```\n```input\n3\n```") == nil)
  }

  @Test("what the prompt opened belongs to the completion")
  func opening() throws {
    var opened = settings
    opened.prompts.proposeDeduction.opening = "```python\ndef f("
    let check = check(.deduction, proposal: "x):\n    return x\n```\n```input\n3\n```", opened)
    #expect(check.jobs == [.run(program: identity, inputs: ["3"])])
  }

  @Test("blank lines after a program are dropped, its indentation is kept")
  func whitespace() throws {
    let found = try #require(understood("```python\n\n  # head\n\(identity)  \n\n\n```\n```input\n3\n```"))
    #expect(found.program == "\n  # head\n\(identity)")
  }
}
