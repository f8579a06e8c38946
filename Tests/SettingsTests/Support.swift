import Domain
import Foundation
import Settings
import Testing

/// The problems of a settings text; empty if it is accepted.
func problems(_ text: String, overrides: [String] = []) -> [SettingsProblem] {
  do throws(SettingsError) {
    _ = try SettingsFile.read(text, file: "x.yaml", overrides: overrides)
    return []
  } catch {
    return error.problems
  }
}

/// The only problem of a settings text.
func problem(
  _ text: String, overrides: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
) throws -> SettingsProblem {
  let found = problems(text, overrides: overrides)
  try #require(found.count == 1, "\(found)", sourceLocation: sourceLocation)
  return found[0]
}

/// The problems of a prompts text; empty if it is accepted.
func promptProblems(_ text: String, kinds: [Kind] = [.deduction]) -> [SettingsProblem] {
  do throws(SettingsError) {
    _ = try PromptsFile.read(text, file: "p.yaml", kinds: kinds)
    return []
  } catch {
    return error.problems
  }
}

/// Files in a new folder that is removed afterwards.
func withFolder(_ files: [String: [UInt8]], _ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("settings-tests-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  for (name, bytes) in files {
    let file = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }
  try body(folder.path)
}

/// The problems of a settings file with its prompts.
func loadProblems(_ path: String, overrides: [String] = []) -> [SettingsProblem] {
  do throws(SettingsError) {
    _ = try SettingsFile.load(path: path, overrides: overrides)
    return []
  } catch {
    return error.problems
  }
}

/// A small whole prompts file.
let promptsText = """
  propose_deduction:
    text: |
      # Programs
      {{references}}
      def f(
    item: |
      {{program}}
      f({{input}}) == {{output}}
    opening: "def f("
    stops: ["\\n\\n"]
  propose_abduction: {text: "{{references}}", item: "{{program}}", stops: [end]}
  propose_induction: {text: "{{program}} {{inputs}}", stops: [end]}
  solve_deduction: {text: "{{program}} {{input}}", stops: ["\\n"]}
  solve_abduction: {text: "{{program}} {{output}}", stops: ["\\n"]}
  solve_induction: {text: "{{message}} {{pairs}}", item: "{{input}} {{output}}", stops: ["\\n"]}

  """
