import Domain
import Foundation
import Settings
import Testing

/// Prompts that show a proposer the functions it is given.
struct CompositePromptTests {
  private static let configs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("configs").path

  private func quickstart(_ overrides: [String]) throws -> ExperimentSettings {
    try SettingsFile.load(path: Self.configs + "/quickstart.yaml", overrides: overrides)
  }

  @Test func `functions are given only where the prompts show them`() throws {
    #expect(throws: SettingsError.self) { _ = try quickstart(["composite.probability=0.5"]) }
    do {
      _ = try quickstart(["composite.probability=0.5"])
    } catch let error as SettingsError {
      #expect("\(error)".contains("propose_deduction") && "\(error)".contains("{{functions}}"), "\(error)")
    }
    let settings = try quickstart([
      "composite.probability=0.5", "prompts=\(Self.configs)/prompts/completion-composite.yaml",
    ])
    #expect(settings.prompts.proposeDeduction.functions?.contains("{{programs}}") == true)
    // A fork inherits its prompts.
    #expect(throws: SettingsError.self) {
      _ = try SettingsFile.change(try quickstart([]), overrides: ["composite.probability=0.5"])
    }
    #expect(try SettingsFile.change(settings, overrides: ["composite.probability=0.7"]).composite.probability == 0.7)
  }

  @Test(arguments: [("completion.yaml", "completion-composite.yaml"), ("azr.yaml", "azr-composite.yaml")])
  func `prompts with functions are those without, but for the place and what it says`(
    plain: String, composite: String
  ) throws {
    let prompts = try PromptsFile.load(path: Self.configs + "/prompts/" + plain)
    var other = try PromptsFile.load(path: Self.configs + "/prompts/" + composite)
    for path in [\PromptTemplates.proposeDeduction, \PromptTemplates.proposeAbduction] {
      #expect(other[keyPath: path].functions != nil && other[keyPath: path].text.contains("{{functions}}"))
      other[keyPath: path].functions = nil
      other[keyPath: path].text.replace("{{functions}}", with: "")
    }
    other.name = prompts.name
    #expect(other == prompts)
  }

  @Test func `a text that says functions needs to know how they are shown, and a solver has none`() throws {
    let stops = "stops: [x]"
    func problems(_ templates: String) throws -> [String] {
      do {
        _ = try PromptsFile.read(templates, file: "p.yaml", kinds: [])
        return []
      } catch {
        return error.problems.map { "\($0)" }
      }
    }
    #expect(
      try problems("propose_deduction: {text: 'a {{functions}}', functions: '{{names}} {{programs}}', \(stops)}") == [])
    let missing = try problems("propose_deduction: {text: 'a {{functions}}', \(stops)}")
    #expect(missing.count == 1 && missing[0].contains("propose_deduction.functions"), "\(missing)")
    let solver = try problems("solve_deduction: {text: 'a', functions: 'b', \(stops)}")
    #expect(solver.count == 1 && solver[0].contains("functions"), "\(solver)")
  }
}
