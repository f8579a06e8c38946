import Tensor

/// A sequence of a `KVCache`. Handles are reused after `release`.
package struct CachedSequence: Hashable, Sendable {
  let index: Int
}

/// Keys and values of past positions, in pages of 32 positions that sequences may share.
///
/// `fork` is how the samples of a group share one prefill: full pages are referenced, a page that is partly filled is
/// copied. The memory is reserved once and costs nothing until it is touched; low pages are used first. One owner.
package final class KVCache {
  private struct Sequence {
    var length = 0
    var pages: [Int32] = []
    var live = true
  }

  package let configuration: ModelConfiguration
  package let pagesMax: Int
  private let buffer: FloatBuffer  // (layers, pagesMax, page)
  private var sequences: [Sequence] = []
  private var vacant: [Int] = []
  private var references: [Int32]
  private var freePages: [Int32]

  /// Room for `positionsMax` positions in all, in pages of 32.
  package init(configuration: ModelConfiguration, positionsMax: Int) {
    self.configuration = configuration
    pagesMax = AttentionPage.count(positions: positionsMax)
    buffer = FloatBuffer(count: configuration.layers * pagesMax * configuration.attention.pageFloats)
    references = Array(repeating: 0, count: pagesMax)
    freePages = (0..<Int32(pagesMax)).reversed()
  }

  /// Free pages: each holds 32 positions of one sequence.
  package var pagesFree: Int { freePages.count }

  /// A new sequence without positions.
  package func makeSequence() -> CachedSequence {
    if let index = vacant.popLast() {
      sequences[index] = Sequence()
      return CachedSequence(index: index)
    }
    sequences.append(Sequence())
    return CachedSequence(index: sequences.count - 1)
  }

  /// Positions of a sequence that are filled.
  package func length(_ sequence: CachedSequence) -> Int { self[sequence].length }

  /// A sequence that continues `sequence` on its own. Throws `.cacheFull` when a page must be copied and none is free.
  package func fork(_ sequence: CachedSequence) throws(TransformerError) -> CachedSequence {
    let parent = self[sequence]
    let shared = parent.length / AttentionPage.positions
    let partial = parent.length % AttentionPage.positions > 0
    if partial, freePages.isEmpty { throw .cacheFull(pagesNeeded: 1, pagesFree: 0) }
    let child = makeSequence()
    sequences[child.index].length = parent.length
    for page in parent.pages.prefix(shared) {
      references[Int(page)] += 1
      sequences[child.index].pages.append(page)
    }
    if partial {
      let page = takePage()
      copyPage(from: parent.pages[shared], to: page)
      sequences[child.index].pages.append(page)
    }
    return child
  }

  /// A sequence that begins with the first `positions` of `sequence` and shares their pages. Nothing is copied.
  ///
  /// - Precondition: `positions` is a whole number of pages and not beyond its length.
  package func fork(_ sequence: CachedSequence, first positions: Int) -> CachedSequence {
    let parent = self[sequence]
    precondition(
      positions.isMultiple(of: AttentionPage.positions) && positions <= parent.length,
      "the first \(positions) of \(parent.length) positions")
    let child = makeSequence()
    sequences[child.index].length = positions
    sequences[child.index].pages = Array(parent.pages.prefix(positions / AttentionPage.positions))
    for page in sequences[child.index].pages { references[Int(page)] += 1 }
    return child
  }

  /// Ends a sequence; pages nobody else reads become free.
  package func release(_ sequence: CachedSequence) {
    for page in self[sequence].pages {
      references[Int(page)] -= 1
      if references[Int(page)] == 0 { freePages.append(page) }
    }
    sequences[sequence.index] = Sequence(live: false)
    vacant.append(sequence.index)
  }

  /// Pages still to be taken before `count` more positions fit.
  func pagesNeeded(_ sequence: CachedSequence, adding count: Int) -> Int {
    AttentionPage.count(positions: self[sequence].length + count) - self[sequence].pages.count
  }

  /// Takes pages for `count` more positions, counts them as filled, and returns all pages of the sequence.
  func extend(_ sequence: CachedSequence, by count: Int) -> [Int32] {
    for _ in 0..<pagesNeeded(sequence, adding: count) { sequences[sequence.index].pages.append(takePage()) }
    sequences[sequence.index].length += count
    return sequences[sequence.index].pages
  }

  func pages(layer: Int) -> Out { buffer.pointer + layer * pagesMax * configuration.attention.pageFloats }

  private subscript(sequence: CachedSequence) -> Sequence {
    precondition(
      sequences.indices.contains(sequence.index) && sequences[sequence.index].live, "\(sequence) was released")
    return sequences[sequence.index]
  }

  private func takePage() -> Int32 {
    let page = freePages.removeLast()
    references[Int(page)] = 1
    return page
  }

  private func copyPage(from source: Int32, to target: Int32) {
    let floats = configuration.attention.pageFloats
    for layer in 0..<configuration.layers {
      (pages(layer: layer) + Int(target) * floats).update(
        from: pages(layer: layer) + Int(source) * floats, count: floats)
    }
  }
}
