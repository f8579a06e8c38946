import Domain
import Foundation
import Testing

/// The admitted problems of one kind.
struct ProblemBufferTests {
  private func id(_ slot: Int, iteration: Int = 1) -> ProposalID {
    ProposalID(iteration: iteration, kind: .deduction, slot: slot)
  }

  private func stream(_ slot: Int = 0, seed: UInt64 = 1) -> RandomStream {
    RandomStream(RandomKey(seed: seed, purpose: .references, iteration: 1, slot: slot))
  }

  /// A buffer of `count` different problems, in iterations of four.
  private func buffer(_ count: Int, capacity: Int = 100, eviction: PlaySettings.Eviction = .keepLast) -> ProblemBuffer {
    var buffer = ProblemBuffer(capacity: capacity, eviction: eviction)
    for number in 0..<count { buffer.admit(id(number % 4, iteration: number / 4), problem(number), seed: 1) }
    return buffer
  }

  @Test func `references are distinct and the same for the same key`() {
    let buffer = buffer(20)
    for slot in 0..<50 {
      var (first, second) = (stream(slot), stream(slot))
      let drawn = buffer.references(6, stream: &first)
      #expect(Set(drawn).count == 6)
      #expect(drawn == buffer.references(6, stream: &second))
    }
  }

  @Test func `references are uniform over the buffer`() {
    let buffer = buffer(20)
    var counts: [ProposalID: Int] = [:]
    for slot in 0..<4000 {
      var stream = stream(slot)
      for entry in buffer.references(2, stream: &stream) { counts[entry.id, default: 0] += 1 }
    }
    // 400 expected each, standard error 19.
    #expect(counts.count == 20)
    #expect(counts.values.allSatisfy { abs($0 - 400) < 95 }, "\(counts)")
  }

  @Test func `a small buffer gives all it has`() {
    var stream = stream()
    #expect(Set(buffer(3).references(6, stream: &stream).map(\.problem)).count == 3)
    #expect(ProblemBuffer(capacity: 1, eviction: .keepLast).references(6, stream: &stream).isEmpty)
  }

  @Test func `the solve batch is newest first and filled up from the rest`() {
    let buffer = buffer(12)
    var stream = stream()
    let batch = buffer.solveBatch(7, iteration: 2, from: .newest, stream: &stream)
    #expect(batch.prefix(4).map(\.id) == (0..<4).map { id($0, iteration: 2) })
    #expect(batch.count == 7)
    #expect(Set(batch).count == 7)
    #expect(batch.dropFirst(4).allSatisfy { $0.id.iteration < 2 })
  }

  @Test func `more new problems than the batch holds are taken in order`() {
    var stream = stream()
    let batch = buffer(12).solveBatch(3, iteration: 2, from: .newest, stream: &stream)
    #expect(batch.map(\.id) == (0..<3).map { id($0, iteration: 2) })
  }

  @Test func `a solve batch of the previous iteration holds nothing of this one`() {
    var (first, second) = (stream(), stream())
    let batch = buffer(12).solveBatch(6, iteration: 2, from: .previous, stream: &first)
    #expect(Set(batch.prefix(4).map(\.id)) == Set((0..<4).map { id($0, iteration: 1) }))
    #expect(batch.dropFirst(4).map(\.id.iteration) == [0, 0])
    #expect(batch == buffer(12).solveBatch(6, iteration: 2, from: .previous, stream: &second))
    var many = stream()
    let few = buffer(12).solveBatch(3, iteration: 2, from: .previous, stream: &many)
    #expect(Set(few).count == 3 && few.allSatisfy { $0.id.iteration == 1 })
  }

  @Test func `a full reservoir keeps every problem ever admitted with the same probability`() {
    var kept = Array(repeating: 0, count: 12)
    for seed in UInt64(1)...2000 {
      var buffer = ProblemBuffer(capacity: 4, eviction: .reservoir)
      for number in 0..<12 { buffer.admit(id(number), problem(number), seed: seed) }
      #expect(buffer.count == 4)
      for entry in buffer.entries { kept[entry.id.slot] += 1 }
      #expect(buffer.entries.map(\.id) == buffer.entries.map(\.id).sorted(), "seed \(seed)")
    }
    // A third of 2000, standard error 21.
    #expect(kept.allSatisfy { abs($0 - 667) < 105 }, "\(kept)")
  }

  @Test func `a reservoir read from a snapshot goes on as it would have`() throws {
    var buffer = buffer(30, capacity: 5, eviction: .reservoir)
    var restored = try JSONDecoder().decode(ProblemBuffer.self, from: JSONEncoder().encode(buffer))
    for number in 30..<60 {
      buffer.admit(id(number), problem(number), seed: 7)
      restored.admit(id(number), problem(number), seed: 7)
    }
    #expect(buffer == restored)
    #expect(buffer.entries.contains { $0.id.slot >= 30 })
  }

  @Test func `a uniform solve batch prefers nothing`() {
    let buffer = buffer(12)
    var newest = 0
    for slot in 0..<1000 {
      var stream = stream(slot)
      let batch = buffer.solveBatch(3, iteration: 2, from: .uniform, stream: &stream)
      #expect(Set(batch).count == 3)
      newest += batch.count { $0.id.iteration == 2 }
    }
    // A third of 3000, standard error 26.
    #expect(abs(newest - 1000) < 130)
  }

  @Test func `a full buffer drops its oldest`() {
    let buffer = buffer(7, capacity: 5, eviction: .keepLast)
    #expect(buffer.entries.map(\.problem) == (2..<7).map { problem($0) })
    #expect(buffer.duplicate(of: problem(1)) == nil)
    #expect(buffer.duplicate(of: problem(2)) != nil)
  }

  @Test func `a full buffer that keeps its first refuses the newcomer`() {
    let buffer = buffer(7, capacity: 5, eviction: .keepFirst)
    #expect(buffer.entries.map(\.problem) == (0..<5).map { problem($0) })
    #expect(buffer.duplicate(of: problem(6)) == nil)
  }

  @Test func `dropping one of two equal problems leaves the other known`() {
    var buffer = ProblemBuffer(capacity: 2, eviction: .keepLast)
    buffer.admit(id(0), problem(1), seed: 1)
    buffer.admit(id(1), problem(1), seed: 1)
    buffer.admit(id(2), problem(2), seed: 1)
    #expect(buffer.duplicate(of: problem(1)) == id(1))
  }

  @Test func `space at the ends of lines and the message do not make a new problem`() {
    var buffer = ProblemBuffer(capacity: 4, eviction: .keepLast)
    let pair = Pair(input: "1", output: "2")
    buffer.admit(id(0), Problem(kind: .deduction, program: "def f(x):\n    return x + 1", pairs: [pair]), seed: 1)
    let spaced = Problem(
      kind: .deduction, program: "def f(x):  \n\n    return x + 1\t\n", pairs: [pair], message: "other")
    #expect(buffer.duplicate(of: spaced) == id(0))
    let indented = Problem(kind: .deduction, program: "def f(x):\n  return x + 1", pairs: [pair])
    #expect(buffer.duplicate(of: indented) == nil)
    let other = Problem(
      kind: .deduction, program: spaced.program, pairs: [Pair(input: "2", output: "3")])
    #expect(buffer.duplicate(of: other) == nil)
  }

  @Test func `Windows line ends do not make a new problem`() {
    var buffer = ProblemBuffer(capacity: 4, eviction: .keepLast)
    buffer.admit(id(0), problem(1), seed: 1)
    var windows = problem(1)
    windows.program = windows.program.replacing("\n", with: "\r\n")
    #expect(buffer.duplicate(of: windows) == id(0))
  }
}
