import Verification
import VerifierProtocol

/// The verifier: its interpreter, and each layer of its sandbox as a worker proves it when it starts.
struct VerifierExamination {
  typealias Finding = Examination.Finding

  func findings() async -> [Finding] {
    let executable = VerifierConfiguration.executable(beside: Workshop.program)
    do {
      let description = try await withVerifierPool(
        // Whatever is missing is to be shown; no program of a model is run here.
        configuration: VerifierConfiguration(
          executable: executable, workersMax: 1, acceptedMissingLayers: Set(SandboxLayer.allCases))
      ) { try await $0.hello() }
      let python = Finding(
        "verifier", .ok,
        "Python \(description.pythonVersion), \(description.modules.count) modules, \(description.libraryVersion)")
      return [python]
        + description.layers.map {
          Finding(
            "sandbox \($0.layer.rawValue)", isGood: $0.isOn, $0.isOn ? "on" : "off: \($0.detail)",
            cure: "see docs/sandbox.md, or accept it: verifier.accepted_missing_layers: [\($0.layer.rawValue)]")
        }
    } catch {
      return [
        Finding(
          "verifier", .fail, "\(error)",
          cure: "build it (ops/build) or install it (ops/install) beside the other programs; see docs/sandbox.md")
      ]
    }
  }
}
