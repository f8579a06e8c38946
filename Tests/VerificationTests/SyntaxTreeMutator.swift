import Foundation

/// Programs mutated by their syntax trees, so that each is a program still: subtrees swapped and grafted from one attack to
/// another, constants and operators changed, statements wrapped in loops, handlers, threads, generators, finalisers.
///
/// Made by `Tests/Reference/mutate_programs.py` under the distribution's Python, which parses them and runs none.
enum SyntaxTreeMutator {
  private struct Request: Encodable {
    var seed: UInt64
    var count: Int
    var programs: [String]
  }

  private struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// `count` programs that compile and define `f`; the same ones for the same arguments.
  static func programs(count: Int, seed: UInt64, from programs: [String]) throws -> [String] {
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Reference/mutate_programs.py")
    let process = Process()
    let (input, output) = (Pipe(), Pipe())
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = ["-I", script.standardizedFileURL.path]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let request = try JSONEncoder().encode(Request(seed: seed, count: count, programs: programs))
    try input.fileHandleForWriting.write(contentsOf: request)
    try input.fileHandleForWriting.close()
    let answer = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "\(script.path) ended with status \(process.terminationStatus)")
    }
    return try JSONDecoder().decode([String].self, from: answer)
  }
}

/// What the fuzz test runs: one program in eight changed as text, the others by their syntax trees.
struct FuzzPrograms {
  private var generator: ProgramGenerator
  private var mutants: ArraySlice<String>
  private var drawn = 0

  /// - Parameter count: how many will be drawn at most.
  init(seed: UInt64, count: Int) throws {
    var generator = ProgramGenerator(seed: seed)
    let grown = (0..<150).map { _ in generator.grown() }
    self.generator = generator
    mutants = try SyntaxTreeMutator.programs(count: count, seed: seed, from: Attack.all.map(\.program) + grown)[...]
  }

  /// The next program and an argument list for it.
  mutating func next() -> (program: String, input: String) {
    drawn += 1
    if drawn % 8 == 0 { return generator.next() }
    return (mutants.removeFirst(), generator.input())
  }
}
