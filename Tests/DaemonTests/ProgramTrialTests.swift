import Daemon
import Domain
import Testing

/// `autodidact try`: one program through the real verifier.
@Suite("A program on trial")
struct ProgramTrialTests {
  private func call(
    _ program: String, input: String = "", answer: String? = nil, isScreened: Bool = false,
    _ change: (inout VerifierSettings) -> Void = { _ in }
  ) async throws -> ProgramTrial.Call {
    var settings = VerifierSettings()
    settings.seconds = 0.5
    change(&settings)
    let trial = ProgramTrial(
      program: program, inputs: [input], answer: answer, entry: "f", settings: settings, isScreened: isScreened)
    return try #require(try await trial.run().first)
  }

  @Test(
    "a refusal names what stopped the program",
    arguments: [
      ("def f():\n    return open('/etc/passwd').read()", "sandbox layer systemCallFilter"),
      ("def f():\n    return bytearray(10 ** 12)", "memory limit of 256 MiB"),
      ("def f():\n    return 'x' * 1000", "value limit of 400 bytes"),
      ("def f():\n    return id(object())", "determinism check"),
      ("import os\ndef f():\n    os._exit(0)", "the worker's own checks of the child"),
    ])
  func stoppedBy(program: String, layer: String) async throws {
    let call = try await call(program)
    #expect(call.value == nil)
    #expect(call.stoppedBy == layer, "\(call)")
  }

  @Test("an endless loop is stopped by the processor limit, except where a busy host starves it up to the deadline")
  func endlessLoop() async throws {
    var stoppedBy: [String?] = []
    for _ in 0..<10 where !stoppedBy.contains("processor limit of 0.1 s") {
      let call = try await call("def f():\n    while True: pass") { $0.seconds = 0.1 }
      #expect(call.outcome == "timedOut")
      stoppedBy.append(call.stoppedBy)
    }
    #expect(stoppedBy.last == "processor limit of 0.1 s", "\(stoppedBy)")
    #expect(stoppedBy.dropLast().allSatisfy { $0 == "wall-clock deadline" }, "\(stoppedBy)")
  }

  @Test("with screening on, screening is named before any layer")
  func screening() async throws {
    let call = try await call("def f():\n    return open('/etc/passwd').read()", isScreened: true)
    #expect(call.stoppedBy == "screening")
    #expect(call.detail == "the name 'open' is banned")
  }

  @Test("a value comes with its canonical text, its input, time and memory, and stopped by nothing")
  func value() async throws {
    let call = try await call("def f(a):\n    return {2, 1} | a", input: "{ 3 }", answer: "{3,2,1}")
    #expect(call.value == "{1, 2, 3}")
    #expect(call.canonicalInput == "{3}")
    #expect(call.stoppedBy == nil)
    #expect(call.isCorrect == true)
    #expect(call.wallSeconds > 0 && call.cpuSeconds > 0 && call.memoryPeakBytes > 1 << 20)
  }

  @Test("the equality of the settings decides whether the answer is right")
  func equality() async throws {
    let program = "def f():\n    return 1"
    #expect(try await call(program, answer: "1.0").isCorrect == false)
    #expect(try await call(program, answer: "1.0") { $0.equality = .python }.isCorrect == true)
  }
}
