import Domain

/// The code-reasoning environment of Absolute Zero (arXiv 2505.03335 §3): triplets (program, input, output), three kinds
/// of problem, two roles.
///
/// Departures from the published code, each after a defect it has: answers are literals that are parsed and never
/// evaluated; values are compared by their typed canonical text, outside the process that made them; a value that is too
/// large refuses the problem instead of being cut; determinism is checked in two processes with different hash seeds.
package struct CodeReasoning: Environment {
  package init() {}
}

/// What of a completion is read, as the settings say.
struct Reading {
  /// False if the settings ask for thoughts and an answer, and the text is otherwise.
  let isFormatted: Bool
  let blocks: [FencedBlock]
  /// The whole answer.
  let answer: String

  /// - Parameters:
  ///   - text: with what the prompt has opened.
  ///   - isSeeding: seeding reads all of a text and asks for no form (published code).
  init(_ text: String, _ play: PlaySettings, isSeeding: Bool = false) {
    guard play.thinking, !isSeeding else {
      (isFormatted, blocks, answer) = (true, fencedBlocks(text), text)
      return
    }
    let thoughtful = ThoughtfulText(text)
    (isFormatted, blocks, answer) = (thoughtful.isFormatted, fencedBlocks(thoughtful.answer), thoughtful.answer)
  }

  /// The last block of a language. An answer between tags needs no fence.
  func last(_ language: String, _ play: PlaySettings) -> String? {
    let block = blocks.last { $0.language == language }?.content
    let found = block ?? (play.thinking && blocks.isEmpty ? answer : nil)
    return found.map(\.trimmed).flatMap { $0.isEmpty ? nil : $0 }
  }
}
