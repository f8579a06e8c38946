import Foundation
import Testing
import Transformer

/// Damages files at random, from a seed: bit flips, extremes, cuts, insertions, pieces copied elsewhere, digits changed.
struct Mutation {
  private var random: SeededBytes

  init(seed: UInt64) { random = SeededBytes(state: seed) }

  /// One to three damages. Never empty.
  mutating func damage(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0...random.below(3) {
      damageOnce(&bytes)
      if bytes.isEmpty { bytes = [0] }
    }
    return bytes
  }

  private mutating func damageOnce(_ bytes: inout [UInt8]) {
    let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF]
    let at = random.below(bytes.count)
    switch random.below(8) {
    case 0: bytes[at] = random.byte()
    case 1: bytes[at] ^= 1 << UInt8(random.below(8))
    case 2: for index in at..<min(at + 8, bytes.count) { bytes[index] = extremes[random.below(extremes.count)] }
    case 3: bytes.removeSubrange(at..<min(at + 1 + random.below(16), bytes.count))
    case 4: bytes.insert(contentsOf: (0..<1 + random.below(16)).map { _ in random.byte() }, at: at)
    case 5: bytes.insert(contentsOf: slice(bytes), at: at)
    case 6: changeNumber(&bytes, from: at)
    default: bytes = Array(bytes.prefix(max(1, at)))
    }
  }

  private mutating func slice(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
    let start = random.below(bytes.count)
    return bytes[start..<min(bytes.count, start + 1 + random.below(64))]
  }

  /// Another number where text has one: JSON stays JSON, and says something else.
  private mutating func changeNumber(_ bytes: inout [UInt8], from start: Int) {
    func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
    guard let first = bytes[start...].firstIndex(where: isDigit) else { return }
    let end = bytes[first...].firstIndex { !isDigit($0) } ?? bytes.count
    let numbers = ["0", "1", "7", "16", "48", "-1", "65536", "4194304", "9223372036854775807", "1e300", "null", "0.5"]
    bytes.replaceSubrange(first..<end, with: Array(numbers[random.below(numbers.count)].utf8))
  }
}

/// Writes damaged copies of `original`, each followed by `rest`, to `path` and has `read` read them, which must return or
/// throw `ModelFileError`; a trap would end the test process. Returns how many were refused. A failure names the seed and
/// the case.
func fuzz(
  _ original: [UInt8], rest: [UInt8] = [], at path: String, cases: Int, seed: UInt64,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ read: () throws -> Void
) throws -> Int {
  var refused = 0
  for number in 0..<cases {
    // A mutation of its own for each case, so that the last one named in a crash can be repeated alone.
    var mutation = Mutation(seed: seed &* 1_000_003 &+ UInt64(number))
    try Data(mutation.damage(original) + rest).write(to: URL(fileURLWithPath: path))
    do {
      try read()
    } catch is ModelFileError {
      refused += 1
    } catch {
      Issue.record("seed \(seed), case \(number): \(error)", sourceLocation: sourceLocation)
    }
  }
  return refused
}
