import Domain
import Testing

/// The counter-based generator.
struct RandomnessTests {
  @Test func `philox equals the published vectors`() {
    #expect(
      philox(counter: SIMD4(repeating: 0), key: SIMD2(repeating: 0))
        == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      philox(counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max))
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      philox(
        counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: SIMD2(0xa409_3822, 0x299f_31d0))
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  private func key(
    _ purpose: RandomPurpose = .proposal, seed: UInt64 = 7, kind: Kind? = .deduction, iteration: Int = 3, slot: Int = 5,
    sample: Int = 2
  ) -> RandomKey {
    RandomKey(seed: seed, purpose: purpose, kind: kind, iteration: iteration, slot: slot, sample: sample)
  }

  @Test func `every field of a key changes its draws and its bytes`() {
    let keys =
      RandomPurpose.allCases.map { key($0) } + Kind.allCases.filter { $0 != .deduction }.map { key(kind: $0) }
      + [key(kind: nil), key(seed: 8), key(seed: 7 + 1 << 32), key(iteration: 4), key(slot: 6), key(sample: 3)]
    #expect(Set(keys.map { $0.block(0) }).count == keys.count)
    #expect(Set(keys.map(\.bytes)).count == keys.count)
    #expect(keys.allSatisfy { $0.bytes.count == 20 })
  }

  @Test func `uniform draws are in the unit interval and even`() {
    let draws = (0..<20_000).map { key().uniform(UInt32($0)) }
    #expect(draws.allSatisfy { $0 >= 0 && $0 < 1 })
    // Standard errors: mean 0.0020, variance 0.0005, a bin of sixteen 31 draws.
    let mean = draws.reduce(0, +) / 20_000
    #expect(abs(mean - 0.5) < 0.01)
    #expect(abs(draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000 - 1.0 / 12) < 0.0025)
    var bins = [Int](repeating: 0, count: 16)
    for draw in draws { bins[Int(draw * 16)] += 1 }
    #expect(bins.allSatisfy { abs($0 - 1250) < 175 })
  }

  @Test func `neighbouring keys are independent`() {
    // Correlation of 20 000 pairs has a standard error of 0.007.
    let neighbours = [key(slot: 6), key(sample: 3), key(iteration: 4), key(.probe), key(seed: 8)]
    for other in neighbours {
      let product = (0..<20_000).reduce(0.0) {
        $0 + (key().uniform(UInt32($1)) - 0.5) * (other.uniform(UInt32($1)) - 0.5)
      }
      #expect(abs(product / 20_000 * 12) < 0.035, "\(other)")
    }
  }

  @Test func `a stream repeats from its key and a copy repeats its rest`() {
    var first = RandomStream(key())
    var second = RandomStream(key())
    #expect((0..<10).map { _ in first.next() } == (0..<10).map { _ in second.next() })
    var copy = first
    #expect(first.next() == copy.next())
  }

  @Test func `integers below a bound are even`() {
    var stream = RandomStream(key())
    var counts = [Int](repeating: 0, count: 6)
    for _ in 0..<12_000 { counts[stream.below(6)] += 1 }
    // Standard error 41.
    #expect(counts.allSatisfy { abs($0 - 2000) < 200 }, "\(counts)")
  }

  @Test func `distinct indices are distinct, in range and all if more are asked for`() {
    var stream = RandomStream(key())
    for population in 0..<12 {
      for count in 0..<15 {
        let drawn = stream.distinct(count, of: population)
        #expect(drawn.count == min(count, population))
        #expect(Set(drawn).count == drawn.count)
        #expect(drawn.allSatisfy { (0..<population).contains($0) })
      }
    }
  }

  @Test func `a slot that does not fit the key is refused`() async {
    await #expect(processExitsWith: .failure) {
      _ = RandomKey(seed: 1, purpose: .proposal, iteration: 1, slot: 1 << 16)
    }
  }
}
