/// What a random draw is for. Each purpose has draws of its own, so that adding one never shifts another.
///
/// The raw values are part of the log's meaning (a random key is stored with each generation): never renumber.
package enum RandomPurpose: UInt8, Codable, Sendable, CaseIterable {
  /// Which references a proposer is shown.
  case references = 1
  /// Which program an induction proposal is made for.
  case program = 2
  /// The tokens of a proposal.
  case proposal = 3
  /// Which problems fill the solve batch.
  case problems = 4
  /// The tokens of a probe attempt.
  case probe = 5
  /// The tokens of a solve attempt.
  case solve = 6
  /// The tokens of a held-out attempt.
  case evaluate = 7
  /// The first values of LoRA's A matrices.
  case adapters = 16
  /// Which problem a full reservoir gives up.
  case eviction = 17
  /// Whether a proposal is given functions of earlier problems, and of which.
  case functions = 18
  /// Which archived problems an update is tried on.
  case archive = 19
  /// Rewards of the random control.
  case proposalReward = 32
  case probeReward = 33
  case solveReward = 34
}

/// The name of one stream of random numbers: what it is for, and nothing about when or where it is drawn.
///
/// Architecture §4.3: there is no generator state to save. The order of work, the number of workers and a crash change
/// nothing, because the n-th draw of a key is a pure function of the key and n.
package struct RandomKey: Hashable, Codable, Sendable {
  /// The experiment's root seed.
  package var seed: UInt64
  package var purpose: RandomPurpose
  /// The kind of problem, where the purpose is drawn per kind.
  package var kind: Kind?
  package var iteration: Int
  package var slot: Int
  package var sample: Int

  package init(
    seed: UInt64, purpose: RandomPurpose, kind: Kind? = nil, iteration: Int, slot: Int = 0, sample: Int = 0
  ) {
    precondition(iteration >= 0 && slot >= 0 && sample >= 0, "negative random key \(iteration) \(slot) \(sample)")
    precondition(slot < 1 << 16, "slot \(slot) does not fit the random key")
    self.seed = seed
    self.purpose = purpose
    self.kind = kind
    self.iteration = iteration
    self.slot = slot
    self.sample = sample
  }

  /// The four words of draw number `draw` of this key: one Philox block.
  package func block(_ draw: UInt32) -> SIMD4<UInt32> {
    let place = UInt32(purpose.rawValue) << 24 | UInt32(kind?.randomTag ?? 0) << 16 | UInt32(slot)
    return philox(
      counter: SIMD4(draw, place, UInt32(iteration), UInt32(sample)),
      key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
  }

  /// A uniform number in [0, 1) with 53 bits: draw number `draw`, at random access. The sampler uses the index of the
  /// token as the draw.
  package func uniform(_ draw: UInt32) -> Double {
    let words = block(draw)
    let bits = UInt64(words[0]) << 21 ^ UInt64(words[1]) >> 11
    return Double(bits & ((1 << 53) - 1)) * 0x1p-53
  }

  /// The key as it is stored beside a generation: seed, then place, iteration and sample as little-endian words.
  package var bytes: [UInt8] {
    let place = UInt32(purpose.rawValue) << 24 | UInt32(kind?.randomTag ?? 0) << 16 | UInt32(slot)
    var bytes: [UInt8] = []
    for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: seed >> UInt64(shift))) }
    for word in [place, UInt32(iteration), UInt32(sample)] {
      for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(shift))) }
    }
    return bytes
  }
}

/// Successive draws from one key, for choices that need several numbers. A value: copying it repeats the draws.
package struct RandomStream: RandomNumberGenerator, Sendable {
  private let key: RandomKey
  private var draw: UInt32 = 0

  package init(_ key: RandomKey) { self.key = key }

  package mutating func next() -> UInt64 {
    let words = key.block(draw)
    draw += 1
    return UInt64(words[0]) << 32 | UInt64(words[1])
  }

  /// A uniform integer in `0..<bound`, without bias (Lemire's method with rejection).
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "below(\(bound))")
    let bound = UInt64(bound)
    let threshold = (0 &- bound) % bound
    while true {
      let product = next().multipliedFullWidth(by: bound)
      if product.low >= threshold { return Int(product.high) }
    }
  }

  /// `count` distinct indices of `0..<population` in the order drawn; all of them, shuffled, if `count` is larger.
  package mutating func distinct(_ count: Int, of population: Int) -> [Int] {
    var indices = Array(0..<population)
    let count = min(count, population)
    for place in 0..<count { indices.swapAt(place, place + below(population - place)) }
    return Array(indices.prefix(count))
  }
}

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11).
///
/// A counter-based generator: a keyed bijection of the counter that passes BigCrush. Tested against the published vectors.
package func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
  var counter = counter
  var key = key
  for round in 0..<10 {
    if round > 0 { key = SIMD2(key[0] &+ 0x9E37_79B9, key[1] &+ 0xBB67_AE85) }
    let first = UInt64(0xD251_1F53) * UInt64(counter[0])
    let second = UInt64(0xCD9E_8D57) * UInt64(counter[2])
    counter = SIMD4(
      UInt32(truncatingIfNeeded: second >> 32) ^ counter[1] ^ key[0], UInt32(truncatingIfNeeded: second),
      UInt32(truncatingIfNeeded: first >> 32) ^ counter[3] ^ key[1], UInt32(truncatingIfNeeded: first))
  }
  return counter
}
