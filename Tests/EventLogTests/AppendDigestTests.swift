import EventLog
import Foundation
import Testing

@Suite("The digest of an append")
struct AppendDigestTests {
  private func digest(_ events: [NewEvent], _ experiment: UInt8 = 1, version: Int64 = 5) -> Data {
    AppendDigest.of(events, experiment: .numbered(experiment), firstVersion: version)
  }

  @Test("every field of an event and of its generation counts")
  func everyField() throws {
    let base = NewEvent.full(3)
    let generation = try #require(base.generation)
    func changed(_ change: (inout NewEvent) -> Void) -> Data {
      var event = base
      change(&event)
      return digest([event])
    }
    func generated(
      tokens: [Int32]? = nil, logProbabilities: [Float]? = nil, prompt: String? = nil, completion: String? = nil,
      sampling: Data? = nil, randomKey: Data? = nil, finish: String? = nil
    ) -> Data {
      changed {
        $0.generation = GenerationRecord(
          tokens: tokens ?? generation.tokens, logProbabilities: logProbabilities ?? generation.logProbabilities,
          prompt: prompt ?? generation.prompt, completion: completion ?? generation.completion,
          sampling: sampling ?? generation.sampling, randomKey: randomKey ?? generation.randomKey,
          finish: finish ?? generation.finish)
      }
    }
    let digests = [
      digest([base]), digest([base], 2), digest([base], version: 6), digest([base, base]),
      changed { $0.type = "Other" }, changed { $0.schemaVersion = 3 }, changed { $0.iteration = nil },
      changed { $0.iteration = 0 }, changed { $0.policyVersion = 0 }, changed { $0.cause = .recorded(Position(1)) },
      changed { $0.cause = .sibling(1) }, changed { $0.body = Data("{}".utf8) }, changed { $0.generation = nil },
      generated(tokens: [3, -1, .max, 1]), generated(logProbabilities: [-0.1, -.infinity, -1e-30, -0.0]),
      generated(prompt: "p"), generated(completion: "c"), generated(sampling: Data("{ }".utf8)),
      generated(randomKey: Data()), generated(finish: "length"),
    ]
    #expect(Set(digests).count == digests.count)
    #expect(digests.allSatisfy { $0.count == 32 })
  }

  @Test("bytes cannot move from one field to the next")
  func lengthPrefixed() {
    let one = digest([NewEvent(type: "ab", body: Data("c".utf8))])
    let other = digest([NewEvent(type: "a", body: Data("bc".utf8))])
    #expect(one != other)
  }

  @Test("the format is the one that existing logs were written with")
  func knownValue() {
    let hex = digest([.full(3), .named("Other", cause: .sibling(0))]).map { String($0, radix: 16) }.joined(
      separator: " ")
    #expect(
      hex == "f9 11 4c 98 cd 7b a4 1 d5 da b0 b7 b6 1 77 19 78 4 65 c5 a2 d4 96 bc 5 a6 ab 22 bc 80 18 fa")
  }

  @Test("words keep their bits in little-endian bytes")
  func words() throws {
    let floats: [Float] = [0, -0.0, -1.5, .infinity, .leastNonzeroMagnitude, Float(bitPattern: 0x7FC0_1234)]
    #expect([Float(-1.5)].littleEndianBytes == [0, 0, 0xC0, 0xBF])
    let back = try [Float](littleEndianBytes: floats.littleEndianBytes)
    #expect(back.map(\.bitPattern) == floats.map(\.bitPattern))
    #expect(try [Int32](littleEndianBytes: [Int32.min, -2, 7].littleEndianBytes) == [.min, -2, 7])
    #expect(throws: EventLogError.self) { try [Int32](littleEndianBytes: [1, 2, 3] as [UInt8]) }
  }
}
