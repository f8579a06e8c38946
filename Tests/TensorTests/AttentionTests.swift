import Tensor
import Testing

/// Sequences that share a prefix, laid out in pages as a training batch does it.
struct AttentionCase {
  let shape = AttentionShape(heads: 6, keyValueHeads: 2, headSize: 16)
  var plan: AttentionPlan
  var pageCount = 0
  /// The rows of each sequence by position, and which positions are its own queries.
  var sequences: [(rows: [Int], queries: Range<Int>)] = []
  let query, key, value, dOut: [Float]

  init(prefix: Int, branches: [Int], seed: UInt64 = 7) {
    plan = AttentionPlan(shape: shape)
    let M = prefix + branches.reduce(0, +)
    var random = TestRandom(seed: seed)
    query = random.floats(M * shape.queryWidth, scale: 2)
    key = random.floats(M * shape.keyValueWidth, scale: 2)
    value = random.floats(M * shape.keyValueWidth)
    dOut = random.floats(M * shape.queryWidth)
    append(rows: Array(0..<prefix), from: 0, sharedPages: [])
    let prefixPages = plan.pageTable
    for length in branches {
      let start = plan.rowCount
      append(
        rows: Array(0..<prefix) + Array(start..<start + length), from: prefix,
        sharedPages: Array(prefixPages.prefix(prefix / AttentionPage.positions)))
    }
  }

  private mutating func append(rows: [Int], from first: Int, sharedPages: [Int32]) {
    let pages = AttentionPage.count(positions: rows.count) - sharedPages.count
    let table = sharedPages + (pageCount..<pageCount + pages).map { Int32($0) }
    pageCount += pages
    for position in sharedPages.count * AttentionPage.positions..<rows.count {
      plan.store(
        row: rows[position], page: table[position / AttentionPage.positions], slot: position % AttentionPage.positions)
    }
    plan.append(rowCount: rows.count - first, positionStart: first, pages: table)
    sequences.append((rows, first..<rows.count))
  }

  func forward(pool: ThreadPool) -> [Float] {
    let pages = FloatBuffer(count: pageCount * shape.pageFloats)
    for index in 0..<pages.count { pages[index] = .nan }  // what is not stored must not matter
    let scratch = FloatBuffer(count: pool.threads * plan.forwardScratch)
    defer { withExtendedLifetime((pages, scratch)) {} }
    var out = [Float](repeating: .nan, count: query.count)
    storeKeysAndValues(pages: pages.pointer, keys: key, values: value, plan: plan, pool: pool)
    attentionForward(
      out: &out, query: query, pages: pages.pointer, plan: plan, scratch: scratch.pointer, pool: pool)
    return out
  }

  func backward(pool: ThreadPool) -> (dQuery: [Float], dKey: [Float], dValue: [Float]) {
    let floats = pageCount * shape.pageFloats
    let pages = FloatBuffer(count: 3 * floats)
    let scratch = FloatBuffer(count: pool.threads * plan.backwardScratch)
    defer { withExtendedLifetime((pages, scratch)) {} }
    storeKeysAndValues(pages: pages.pointer, keys: key, values: value, plan: plan, pool: pool)
    storeKeysAndValues(pages: pages.pointer + floats, keys: value, values: key, plan: plan, pool: pool)
    var dQuery = [Float](repeating: .nan, count: query.count)
    var (dKey, dValue) = ([Float](repeating: .nan, count: key.count), [Float](repeating: .nan, count: key.count))
    attentionBackward(
      dQuery: &dQuery, dKeys: &dKey, dValues: &dValue, dOut: dOut, query: query,
      pages: AttentionBackwardPages(
        forward: pages.pointer, exchanged: pages.pointer + floats, gradient: pages.pointer + 2 * floats,
        count: pageCount),
      plan: plan, scratch: scratch.pointer, pool: pool)
    return (dQuery, dKey, dValue)
  }

  func naive(_ query: [Double], _ key: [Double], _ value: [Double]) -> [Double] {
    Naive.attention(
      query: query, key: key, value: value, sequences: sequences, NH: shape.heads, KVH: shape.keyValueHeads,
      HS: shape.headSize)
  }
}

@Suite("Attention")
struct AttentionTests {
  @Test(
    "grouped causal attention equals the naive one, with and without a shared prefix",
    arguments: [(1, []), (33, []), (100, []), (32, [4, 9]), (37, [1, 40]), (5, [3, 30, 2])], KernelPath.supported)
  func forward(lengths: (prefix: Int, branches: [Int]), path: KernelPath) {
    let (prefix, branches) = lengths
    let pool = ThreadPool(threads: 2, path: path)
    let test = AttentionCase(prefix: prefix, branches: branches)
    expectClose(test.forward(pool: pool), test.naive(test.query.doubles, test.key.doubles, test.value.doubles))
  }

  @Test("a shared prefix gives the same bits as a prefix of one's own", arguments: KernelPath.supported)
  func sharing(path: KernelPath) {
    let pool = ThreadPool(threads: 2, path: path)
    let shared = AttentionCase(prefix: 45, branches: [30])
    let out = shared.forward(pool: pool)
    // The same rows as one sequence of 75 positions.
    var whole = AttentionPlan(shape: shared.shape)
    for position in 0..<75 { whole.store(row: position, page: Int32(2 - position / 32), slot: position % 32) }
    whole.append(rowCount: 75, positionStart: 0, pages: [2, 1, 0])
    var alone = shared
    (alone.plan, alone.pageCount) = (whole, 3)
    expectSameBits(out, alone.forward(pool: ThreadPool(threads: 1, path: path)))
  }

  @Test(
    "a row has the same bits alone, as in decoding, and among the rows of its sequence", arguments: KernelPath.supported
  )
  func rowsAlone(path: KernelPath) {
    let whole = AttentionCase(prefix: 90, branches: [])
    let together = whole.forward(pool: ThreadPool(threads: 2, path: path))
    // Every row a segment of its own over the same pages.
    var plan = AttentionPlan(shape: whole.shape)
    for position in 0..<90 {
      plan.store(row: position, page: Int32(position / 32), slot: position % 32)
      plan.append(rowCount: 1, positionStart: position, pages: [0, 1, 2])
    }
    var alone = whole
    alone.plan = plan
    expectSameBits(together, alone.forward(pool: ThreadPool(threads: 1, path: path)))
  }

  @Test(
    "gradients equal finite differences, those of a shared prefix from all its readers",
    arguments: [(5, [3, 30]), (34, [2])], KernelPath.supported)
  func backward(lengths: (prefix: Int, branches: [Int]), path: KernelPath) {
    let (prefix, branches) = lengths
    let pool = ThreadPool(threads: 2, path: path)
    let test = AttentionCase(prefix: prefix, branches: branches)
    let (q, k, v) = (test.query.doubles, test.key.doubles, test.value.doubles)
    let (dQuery, dKey, dValue) = test.backward(pool: pool)
    expectClose(dQuery, numericalGradient(q) { weighted(test.dOut, test.naive($0, k, v)) })
    expectClose(dKey, numericalGradient(k) { weighted(test.dOut, test.naive(q, $0, v)) })
    expectClose(dValue, numericalGradient(v) { weighted(test.dOut, test.naive(q, k, $0)) })
  }

  @Test("gradients have the same bits on one thread and on two", arguments: KernelPath.supported)
  func threads(path: KernelPath) {
    let test = AttentionCase(prefix: 70, branches: [20, 33, 8])
    let (one, two) = (
      test.backward(pool: ThreadPool(threads: 1, path: path)), test.backward(pool: ThreadPool(threads: 2, path: path))
    )
    expectSameBits(one.dQuery, two.dQuery)
    expectSameBits(one.dKey, two.dKey)
    expectSameBits(one.dValue, two.dValue)
  }
}
