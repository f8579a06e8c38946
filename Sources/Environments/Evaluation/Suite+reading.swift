import Domain
import Foundation

extension Suite {
  /// Reads a suite: one JSON object a line. The keys of the first line say which form it has; the others must have the same.
  ///
  /// - Parameters:
  ///   - content: of the file, uncompressed.
  ///   - file: for messages.
  /// - Throws: `SuiteError` with file, line and key.
  package static func read(_ content: Data, name: String, file: String) throws(SuiteError) -> Suite {
    guard content.count <= bytesMax else {
      throw SuiteError(file: file, reason: "it has \(content.count) bytes, allowed are \(bytesMax)")
    }
    guard let text = String(validating: content, as: UTF8.self) else {
      throw SuiteError(file: file, reason: "it is not UTF-8")
    }
    var form: Form?
    var problems: [SuiteProblem] = []
    var lines: [String: Int] = [:]
    for (index, part) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if part.allSatisfy(\.isWhitespace) { continue }
      let line = try SuiteLine(part, file: file, number: index + 1)
      let known: Form
      if let form { known = form } else { known = try line.form }
      form = known
      let problem: SuiteProblem
      if known == .functions { problem = try line.functionProblem() } else { problem = try line.reasoningProblem() }
      if let earlier = lines.updateValue(line.number, forKey: problem.id) {
        throw line.error(known == .functions ? "task_id" : "id", "'\(problem.id)' is on line \(earlier) too")
      }
      guard problems.count < problemsMax else {
        throw SuiteError(file: file, line: line.number, reason: "more than \(problemsMax) problems")
      }
      problems.append(problem)
    }
    guard let form else { throw SuiteError(file: file, reason: "it has no problem") }
    return Suite(name: name, digest: sha256(content), form: form, problems: problems)
  }
}

/// A suite that cannot be read.
package struct SuiteError: Error, Hashable, CustomStringConvertible {
  package var file: String
  package var line: Int?
  package var key: String?
  package var reason: String

  package init(file: String, line: Int? = nil, key: String? = nil, reason: String) {
    self.file = file
    self.line = line
    self.key = key
    self.reason = reason
  }

  package var description: String {
    file + (line.map { ":\($0)" } ?? "") + ": " + (key.map { "\($0): " } ?? "") + reason
  }
}

/// One line: a JSON object whose keys are asked for by type.
private struct SuiteLine {
  let file: String
  let number: Int
  private let object: [String: Any]

  init(_ text: Substring, file: String, number: Int) throws(SuiteError) {
    guard let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
      throw SuiteError(file: file, line: number, reason: "not a JSON object")
    }
    (self.file, self.number, self.object) = (file, number, object)
  }

  func error(_ key: String, _ reason: String) -> SuiteError {
    SuiteError(file: file, line: number, key: key, reason: reason)
  }

  var form: Suite.Form {
    get throws(SuiteError) {
      if object["task_id"] != nil { return .functions }
      if object["program"] != nil { return .reasoning }
      throw SuiteError(
        file: file, line: number,
        reason:
          "neither a problem of HumanEval's form (task_id, prompt, entry_point, test) nor of ours (id, kind, level, "
          + "program, pairs)")
    }
  }

  // MARK: Forms

  func functionProblem() throws(SuiteError) -> SuiteProblem {
    let entryPoint = try text("entry_point")
    let isName = entryPoint.utf8.enumerated().allSatisfy { index, byte in
      byte == 95 || (65...90 ~= byte) || (97...122 ~= byte) || (index > 0 && (48...57 ~= byte))
    }
    guard isName, !["check", "candidate_of_suite"].contains(entryPoint) else {
      throw error("entry_point", "'\(entryPoint)' cannot be tested: allowed is a name other than check")
    }
    let prompt = try text("prompt")
    guard prompt.contains("def \(entryPoint)(") else {
      throw error("prompt", "it does not define the entry_point \(entryPoint)")
    }
    let test = try text("test")
    guard test.contains("def check(") else { throw error("test", "it does not define check(candidate)") }
    let solution = object["canonical_solution"] == nil ? nil : try text("canonical_solution")
    return SuiteProblem(
      id: try text("task_id"), group: "function", level: nil,
      content: .function(FunctionProblem(prompt: prompt, entryPoint: entryPoint, test: test, solution: solution)))
  }

  func reasoningProblem() throws(SuiteError) -> SuiteProblem {
    let word = try text("kind")
    guard let kind = Kind(rawValue: word) else {
      throw error("kind", "'\(word)'; allowed are \(Kind.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard let level = object["level"] as? Int, (1...99).contains(level) else {
      throw error("level", "missing, or no number from 1 to 99")
    }
    let pairs = try pairs()
    let isFit = kind == .induction ? pairs.count >= 2 : pairs.count == 1
    guard isFit else {
      throw error("pairs", "\(pairs.count) of them; \(kind) has \(kind == .induction ? "two or more" : "one")")
    }
    let message = kind == .induction ? try text("message") : ""
    return SuiteProblem(
      id: try text("id"), group: kind.rawValue, level: level,
      content: .problem(Problem(kind: kind, program: try text("program"), pairs: pairs, message: message)))
  }

  private func pairs() throws(SuiteError) -> [Pair] {
    guard let items = object["pairs"] as? [[String: Any]] else {
      throw error("pairs", "missing, or no list of objects")
    }
    var pairs: [Pair] = []
    for (index, item) in items.enumerated() {
      guard let input = item["input"] as? String, let output = item["output"] as? String else {
        throw error("pairs", "number \(index + 1) lacks the text input or output")
      }
      pairs.append(Pair(input: input, output: output))
    }
    return pairs
  }

  private func text(_ key: String) throws(SuiteError) -> String {
    guard let value = object[key] else { throw error(key, "missing") }
    guard let text = value as? String else { throw error(key, "not a text") }
    guard !text.isEmpty, !text.utf8.contains(0) else { throw error(key, "empty, or with a null character") }
    return text
  }
}
