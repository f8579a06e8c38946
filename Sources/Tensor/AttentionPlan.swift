/// Heads of an attention layer: NH query heads in groups that share one of KVH key/value heads, each of HS elements.
package struct AttentionShape: Sendable, Equatable {
  package let heads: Int
  package let keyValueHeads: Int
  package let headSize: Int

  package init(heads: Int, keyValueHeads: Int, headSize: Int) {
    precondition(heads % keyValueHeads == 0, "\(heads) heads do not divide among \(keyValueHeads) key/value heads")
    precondition(headSize % 16 == 0, "head size \(headSize) is not a multiple of 16")
    (self.heads, self.keyValueHeads, self.headSize) = (heads, keyValueHeads, headSize)
  }

  /// G: query heads per key/value head.
  package var group: Int { heads / keyValueHeads }
  /// NH·HS, the width of a query row.
  package var queryWidth: Int { heads * headSize }
  /// KVH·HS, the width of a key or value row.
  package var keyValueWidth: Int { keyValueHeads * headSize }
  /// Floats of one page of one layer: 32 positions of keys and of values.
  package var pageFloats: Int { 2 * AttentionPage.positions * keyValueWidth }
}

/// A page holds 32 positions of one layer: for each key/value head first a part in panels, (2,HS,16), then a part in rows,
/// (32,HS). Keys lie in panels so that scores are tiles of 16 keys, values in rows so that their weighted sum is one; the
/// backward pass also needs the two the other way round and stores a second set of pages with keys and values exchanged.
package enum AttentionPage {
  package static let positions = 32

  /// Pages that hold `count` positions.
  package static func count(positions count: Int) -> Int { (count + positions - 1) / positions }

  /// From the start of a key/value head's part of a page to the panel of `slot`.
  @inline(__always) static func panel(_ slot: Int, _ HS: Int) -> Int { slot / 16 * 16 * HS }

  /// From the start of a key/value head's part of a page to its rows.
  @inline(__always) static func rows(_ HS: Int) -> Int { positions * HS }
}

/// Consecutive rows of a batch that belong to one sequence.
package struct AttentionSegment: Sendable {
  package var rowStart: Int
  package var rowCount: Int
  /// The position in its sequence of the first row; the row at position t attends to positions 0…t.
  package var positionStart: Int
  /// Where the segment's page table begins in `AttentionPlan.pageTable`.
  package var tableStart: Int

  package init(rowStart: Int, rowCount: Int, positionStart: Int, tableStart: Int) {
    (self.rowStart, self.rowCount) = (rowStart, rowCount)
    (self.positionStart, self.tableStart) = (positionStart, tableStart)
  }
}

/// A row whose key and value go to a slot of a page.
package struct KeyValueStore: Sendable {
  package var row: Int32
  package var page: Int32
  package var slot: Int32
  package init(row: Int32, page: Int32, slot: Int32) { (self.row, self.page, self.slot) = (row, page, slot) }
}

/// Who attends to what in a ragged batch: rows without padding, segments, the pages their keys and values lie in.
package struct AttentionPlan: Sendable {
  package let shape: AttentionShape
  package private(set) var segments: [AttentionSegment] = []
  /// For each segment the pages of positions 0, 32, 64 … of its sequence, one table after the other.
  package private(set) var pageTable: [Int32] = []
  /// Rows to store before attention. A row may go to several pages: sequences that part within a page each have a copy.
  package private(set) var stores: [KeyValueStore] = []
  /// Segments that share pages, in order: the unit of parallel work in the backward pass.
  package private(set) var families: [Range<Int>] = []
  /// Rows of all segments.
  package private(set) var rowCount = 0
  /// The longest row's keys.
  package private(set) var keysMax = 0
  private(set) var items: [Item] = []
  /// Rows of the largest item: 1 in a plan that only decodes.
  private var itemRowsMax = 0

  /// A few consecutive rows of a segment.
  struct Item: Sendable {
    var segment: Int
    var first: Int
    var count: Int
  }

  static let itemRows = 16

  package init(shape: AttentionShape) { self.shape = shape }

  /// Begins a new family; segments appended next belong to it.
  package mutating func beginFamily() { families.append(segments.count..<segments.count) }

  /// Appends `rowCount` rows at `positionStart` of a sequence whose positions lie in `pages`.
  package mutating func append(rowCount count: Int, positionStart: Int, pages: some Collection<Int32>) {
    precondition(
      count > 0 && pages.count >= AttentionPage.count(positions: positionStart + count),
      "\(pages.count) pages for \(positionStart + count) positions")
    if families.isEmpty { beginFamily() }
    let index = segments.count
    segments.append(
      AttentionSegment(rowStart: rowCount, rowCount: count, positionStart: positionStart, tableStart: pageTable.count))
    pageTable.append(contentsOf: pages)
    families[families.count - 1] = families[families.count - 1].lowerBound..<index + 1
    for first in stride(from: 0, to: count, by: Self.itemRows) {
      items.append(Item(segment: index, first: first, count: min(Self.itemRows, count - first)))
    }
    itemRowsMax = max(itemRowsMax, min(Self.itemRows, count))
    rowCount += count
    keysMax = max(keysMax, positionStart + count)
  }

  /// Row `row` goes to `slot` of `page`.
  package mutating func store(row: Int, page: Int32, slot: Int) {
    stores.append(KeyValueStore(row: Int32(row), page: page, slot: Int32(slot)))
  }

  /// Floats between rows of scores.
  var scoreStride: Int { AttentionPage.count(positions: keysMax) * AttentionPage.positions }

  /// Floats of scratch a thread needs for the forward pass: scores, copies of the queries and sums of the values.
  package var forwardScratch: Int { itemRowsMax * shape.group * (scoreStride + 2 * shape.headSize + 1) + 64 }

  /// Floats of scratch a thread needs for the backward pass: weights, their gradients, and copies of the rows.
  package var backwardScratch: Int { Self.itemRows * shape.group * (2 * scoreStride + 3 * shape.headSize) }
}
