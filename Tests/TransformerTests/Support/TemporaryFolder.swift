import Foundation

/// Runs `body` with the path of a new folder, which is removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let template = FileManager.default.temporaryDirectory.appendingPathComponent("autodidact-XXXXXX").path
  var bytes = Array(template.utf8CString)
  guard mkdtemp(&bytes) != nil else { throw CocoaError(.fileWriteUnknown) }
  let path = String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try body(path)
}

/// A seeded generator for tests (the 64-bit linear congruential generator of Knuth's MMIX; the high byte is used).
struct SeededBytes {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state
  }

  mutating func byte() -> UInt8 { UInt8(next() >> 56) }

  /// A number in 0..<bound, from the high bits.
  mutating func below(_ bound: Int) -> Int { Int((next() >> 33) % UInt64(bound)) }
}
