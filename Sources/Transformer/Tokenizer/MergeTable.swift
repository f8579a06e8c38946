/// The merges of a byte-pair encoding: for two neighbouring tokens, the rank of their merge and the token it gives.
///
/// An open-addressing hash table, because encoding looks up several pairs per byte and the standard dictionary's
/// hashing would dominate. Built once by `Tokenizer`, then only read.
struct MergeTable: Sendable {
  struct Merge: Equatable {
    /// Lower ranks merge first.
    let rank: UInt32
    let token: Int32
  }

  /// Left token in the high half, right token in the low half; `empty` where no pair is.
  private var keys: [UInt64]
  private var merges: [Merge]
  private let shift: UInt64

  /// Token ids are never negative, so this is no pair.
  private static var empty: UInt64 { .max }

  /// An empty table with room for `count` merges at a load of at most one half.
  init(capacity count: Int) {
    var bits: UInt64 = 4
    while 1 << bits < 2 * count { bits += 1 }
    keys = Array(repeating: Self.empty, count: 1 << bits)
    merges = Array(repeating: Merge(rank: 0, token: 0), count: 1 << bits)
    shift = 64 - bits
  }

  /// Adds a merge; false when the pair is already there.
  mutating func insert(_ left: Int32, _ right: Int32, _ merge: Merge) -> Bool {
    let key = Self.key(left, right)
    let slot = slot(of: key)
    guard keys[slot] == Self.empty else { return false }
    keys[slot] = key
    merges[slot] = merge
    return true
  }

  /// The merge of two tokens, if they have one.
  func merge(_ left: Int32, _ right: Int32) -> Merge? {
    let slot = slot(of: Self.key(left, right))
    return keys[slot] == Self.empty ? nil : merges[slot]
  }

  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Where `key` is, or the free slot where it would be. There always is one: the table is at most half full.
  private func slot(of key: UInt64) -> Int {
    var slot = Int((key &* 0x9E37_79B9_7F4A_7C15) >> shift)
    while keys[slot] != key && keys[slot] != Self.empty { slot = (slot + 1) & (keys.count - 1) }
    return slot
  }
}
