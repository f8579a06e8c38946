import Foundation
import Testing

/// Where the tests find a real model and the reference outputs that are too large to keep beside the source.
///
/// A test that needs one carries `.enabled(if: ReferenceFiles.smolLM2.isUsable, ReferenceFiles.smolLM2.reason)`: without
/// the file it is skipped with the reason, except under `CI`, where it runs and fails on the missing file.
enum ReferenceFiles {
  /// SmolLM2-135M-Instruct as `ops/fetch-model` leaves it; `AUTODIDACT_MODEL_SMOLLM2` overrides the path.
  static let smolLM2 = model(
    "SmolLM2-135M-Instruct.Q4_1.gguf", variable: "AUTODIDACT_MODEL_SMOLLM2", fetch: "smollm2-135m-instruct")
  /// Qwen2.5-Coder-0.5B-Instruct; `AUTODIDACT_MODEL_QWEN` overrides the path.
  static let qwen = model(
    "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", variable: "AUTODIDACT_MODEL_QWEN", fetch: "qwen2.5-coder-0.5b-instruct")

  /// A file of the reference folder (`AUTODIDACT_REFERENCE`, else `../shared/reference` beside the package).
  static func reference(_ name: String) -> ReferenceFile {
    let folder = environment("AUTODIDACT_REFERENCE") ?? packageRoot + "/../shared/reference"
    return ReferenceFile(path: folder + "/" + name, hint: "set AUTODIDACT_REFERENCE to the folder that has it")
  }

  /// The folder of Package.swift.
  static let packageRoot: String = {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { url.deleteLastPathComponent() }
    return url.path
  }()

  private static func model(_ name: String, variable: String, fetch: String) -> ReferenceFile {
    let home = environment("AUTODIDACT_HOME") ?? packageRoot + "/.autodidact"
    return ReferenceFile(
      path: environment(variable) ?? home + "/models/" + name, hint: "run ops/fetch-model \(fetch) or set \(variable)")
  }

  private static func environment(_ name: String) -> String? {
    guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { return nil }
    return value
  }
}

/// A file that a test needs and that may be absent on a developer's machine.
struct ReferenceFile: Sendable {
  let path: String
  let hint: String

  /// True when the file exists, and always under `CI`: there a missing file is a failure, not a skip.
  var isUsable: Bool {
    FileManager.default.fileExists(atPath: path) || ProcessInfo.processInfo.environment["CI"] != nil
  }

  /// The reason shown for a skipped test.
  var reason: Comment { "\(path) is missing; \(hint)" }

  /// Decodes a JSON file.
  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }
}
