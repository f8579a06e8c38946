/// Merges the bytes of one word into tokens: always the pair of lowest rank, the leftmost of equals, until none is left.
///
/// A linked list of symbols and a heap of candidate pairs make it n log n, so that a word of a hundred thousand
/// characters is no denial of service. Holds scratch memory; one per encoding call.
struct PairMerger {
  private let table: MergeTable
  private var tokens: [Int32] = []
  private var next: [Int] = []
  private var previous: [Int] = []
  /// The rank of the merge of symbol i with its successor; `noRank` without one, or when symbol i is merged away.
  private var ranks: [UInt32] = []
  /// Rank in the high half, position in the low half: the smallest is the next merge. Stale entries stay until popped.
  private var heap = MinimumHeap()

  private static var noRank: UInt32 { .max }

  init(table: MergeTable) { self.table = table }

  /// Appends the tokens of a word, given as the tokens of its single bytes, to `output`.
  mutating func merge(_ symbols: [Int32], into output: inout [Int32]) {
    guard symbols.count > 1 else {
      output += symbols
      return
    }
    begin(symbols)
    while let top = heap.popMinimum() {
      let position = Int(top & 0xFFFF_FFFF)
      if ranks[position] == UInt32(top >> 32) { mergeWithNext(position) }
    }
    var position = 0
    while position < tokens.count {
      output.append(tokens[position])
      position = next[position]
    }
  }

  private mutating func begin(_ symbols: [Int32]) {
    precondition(symbols.count < Int(UInt32.max), "a word of \(symbols.count) bytes")
    tokens = symbols
    next = Array(1...symbols.count)
    previous = Array(-1..<symbols.count - 1)
    ranks = Array(repeating: Self.noRank, count: symbols.count)
    for position in 0..<symbols.count - 1 { updateRank(position) }
  }

  private mutating func mergeWithNext(_ position: Int) {
    let second = next[position]
    guard let merge = table.merge(tokens[position], tokens[second]) else {
      preconditionFailure("no merge for tokens \(tokens[position]) and \(tokens[second])")
    }
    tokens[position] = merge.token
    ranks[second] = Self.noRank
    next[position] = next[second]
    if next[second] < tokens.count { previous[next[second]] = position }
    updateRank(position)
    if previous[position] >= 0 { updateRank(previous[position]) }
  }

  private mutating func updateRank(_ position: Int) {
    ranks[position] = Self.noRank
    guard next[position] < tokens.count, let merge = table.merge(tokens[position], tokens[next[position]]) else {
      return
    }
    ranks[position] = merge.rank
    heap.push(UInt64(merge.rank) << 32 | UInt64(position))
  }
}

/// A binary heap of integers, smallest first.
private struct MinimumHeap {
  private var items: [UInt64] = []

  mutating func push(_ item: UInt64) {
    items.append(item)
    var child = items.count - 1
    while child > 0, items[(child - 1) / 2] > item {
      items[child] = items[(child - 1) / 2]
      child = (child - 1) / 2
    }
    items[child] = item
  }

  mutating func popMinimum() -> UInt64? {
    guard let top = items.first, let last = items.popLast() else { return nil }
    guard !items.isEmpty else { return top }
    var hole = 0
    while 2 * hole + 1 < items.count {
      var child = 2 * hole + 1
      if child + 1 < items.count && items[child + 1] < items[child] { child += 1 }
      guard items[child] < last else { break }
      items[hole] = items[child]
      hole = child
    }
    items[hole] = last
    return top
  }
}
