import CKernels

/// Pages the backward pass reads and writes, all indexed alike.
package struct AttentionBackwardPages {
  /// Keys in panels, values in rows: as in the forward pass.
  package var forward: In
  /// Values in panels, keys in rows.
  package var exchanged: In
  /// Their gradients: for each key/value head dKeys (32,HS), then dValues (32,HS).
  package var gradient: Out
  /// Pages in use; their gradients are zeroed first.
  package var count: Int

  package init(forward: In, exchanged: In, gradient: Out, count: Int) {
    (self.forward, self.exchanged, self.gradient, self.count) = (forward, exchanged, gradient, count)
  }
}

/// dQuery (M,NH·HS), dKeys and dValues (M,KVH·HS) from dOut (M,NH·HS); the weights are computed again from query and keys.
///
/// A family of segments and one key/value head is an item: its rows add to the gradients of its pages in order. Then each
/// row gathers the gradients of the slots it was stored in: a shared prefix receives from all who read it.
/// - Parameter scratch: `plan.backwardScratch` floats for each thread.
package func attentionBackward(
  dQuery: Out, dKeys: Out, dValues: Out, dOut: In, query: In, pages: AttentionBackwardPages, plan: AttentionPlan,
  scratch: Out, pool: ThreadPool
) {
  let shape = plan.shape
  let kernels = pool.kernels
  fill(out: pages.gradient, value: 0, count: pages.count * shape.pageFloats, pool: pool)
  plan.pageTable.withUnsafeBufferPointer { tables in
    // SAFETY: read only, and the region ends before the closure does.
    nonisolated(unsafe) let tables = tables
    pool.run(plan.families.count * shape.keyValueHeads) { index, thread in
      let family = plan.families[index / shape.keyValueHeads]
      for segmentIndex in family {
        let segment = plan.segments[segmentIndex]
        let block = AttentionBackwardBlock(
          kernels: kernels, plan: plan, segment: segment, table: tables.baseAddress! + segment.tableStart,
          keyValueHead: index % shape.keyValueHeads, pages: pages, scratch: scratch + thread * plan.backwardScratch)
        for first in stride(from: 0, to: segment.rowCount, by: AttentionPlan.itemRows) {
          block.run(
            dQuery: dQuery, dOut: dOut, query: query, first: first,
            count: min(AttentionPlan.itemRows, segment.rowCount - first))
        }
      }
    }
  }
  gatherKeyValueGradients(dKeys: dKeys, dValues: dValues, gradient: pages.gradient, plan: plan, pool: pool)
}

/// Up to 16 consecutive rows of a segment under one key/value head: R = 16·G query rows as one matrix.
private struct AttentionBackwardBlock {
  let kernels: Kernels
  let shape: AttentionShape
  let segment: AttentionSegment
  let keyValueHead: Int
  let table: UnsafePointer<Int32>
  let gradient: Out
  let forward: kernel_pages
  let exchanged: kernel_pages
  let weights: Out  // (R, stride): softmax weights
  let dScores: Out  // (R, stride)
  let queries: Out  // (R, HS), copied together
  let dOuts: Out  // (R, HS)
  let dQueries: Out  // (R, HS)
  let stride: Int

  init(
    kernels: Kernels, plan: AttentionPlan, segment: AttentionSegment, table: UnsafePointer<Int32>, keyValueHead: Int,
    pages: AttentionBackwardPages, scratch: Out
  ) {
    self.kernels = kernels
    shape = plan.shape
    (self.segment, self.keyValueHead, self.table) = (segment, keyValueHead, table)
    gradient = pages.gradient
    stride = plan.scoreStride
    let R = AttentionPlan.itemRows * shape.group
    weights = scratch
    dScores = weights + R * stride
    queries = dScores + R * stride
    dOuts = queries + R * shape.headSize
    dQueries = dOuts + R * shape.headSize
    forward = kernel_pages(base: pages.forward, table: table, shape: shape, keyValueHead: keyValueHead)
    exchanged = kernel_pages(base: pages.exchanged, table: table, shape: shape, keyValueHead: keyValueHead)
  }

  /// `count` rows from `first` of the segment.
  func run(dQuery: Out, dOut: In, query: In, first: Int, count: Int) {
    let width = shape.group * shape.headSize
    let keys = segment.positionStart + first + 1
    let keysMax = keys + count - 1
    let start = (segment.rowStart + first) * shape.queryWidth + keyValueHead * width
    for token in 0..<count {
      (queries + token * width).update(from: query + start + token * shape.queryWidth, count: width)
      (dOuts + token * width).update(from: dOut + start + token * shape.queryWidth, count: width)
    }
    scoreGradients(rows: count * shape.group, keys: keys, keysMax: keysMax)
    withUnsafePointer(to: exchanged) {
      kernels.pointee.weighted_rows(
        dQueries, shape.headSize, dScores, stride, count * shape.group, $0, 0, keysMax)
    }
    for token in 0..<count {
      (dQuery + start + token * shape.queryWidth).update(from: dQueries + token * width, count: width)
    }
    pageGradients(rows: count * shape.group, keys: keysMax)
  }

  /// weights and dScores (R, stride): p = softmax(q·k/√HS), dP = dOut·v, dS = p·(dP − Σ p·dP)/√HS. A row of token t has
  /// `keys` + t of them, and zeros from there to the end of the page that holds `keysMax`.
  private func scoreGradients(rows: Int, keys: Int, keysMax: Int) {
    let scale = 1 / Float(shape.headSize).squareRoot()
    let end = AttentionPage.count(positions: keysMax) * AttentionPage.positions
    withUnsafePointer(to: forward) {
      kernels.pointee.panel_products(weights, stride, queries, rows, $0, keysMax)
    }
    withUnsafePointer(to: exchanged) {
      kernels.pointee.panel_products(dScores, stride, dOuts, rows, $0, keysMax)
    }
    for row in 0..<rows {
      let (p, dp) = (weights + row * stride, dScores + row * stride)
      let own = keys + row / shape.group
      let sum = kernels.pointee.softmax_numerators(p, own, scale)
      kernels.pointee.softmax_gradient(p, dp, own, 1 / sum, scale)
      (p + own).update(repeating: 0, count: end - own)
      (dp + own).update(repeating: 0, count: end - own)
    }
  }

  /// dKeys += dScoresᵀ·queries and dValues += weightsᵀ·dOuts, page by page.
  private func pageGradients(rows: Int, keys: Int) {
    let HS = shape.headSize
    for position in Swift.stride(from: 0, to: keys, by: AttentionPage.positions) {
      let page = Int(table[position / AttentionPage.positions])
      let dKeys = gradient + page * shape.pageFloats + keyValueHead * 2 * AttentionPage.positions * HS
      let slots = min(AttentionPage.positions, keys - position)
      addTransposed(dKeys, dScores + position, queries, rows: rows, slots: slots)
      addTransposed(dKeys + AttentionPage.rows(HS), weights + position, dOuts, rows: rows, slots: slots)
    }
  }

  /// out (slots,HS) += a (rows, stride)ᵀ · b (rows,HS).
  private func addTransposed(_ out: Out, _ a: In, _ b: In, rows: Int, slots: Int) {
    let HS = shape.headSize
    var product = kernel_product(
      a: a, a_row: 1, a_depth: stride, b: b, b_depth: HS, b_panel: 16, depth: rows, c: out, c_row: HS, bias: nil,
      ahead: nil, ahead_step: 0)
    kernels.pointee.product(&product, slots, HS, KERNEL_ADD)
  }
}

/// dKeys, dValues (M,KVH·HS) = for each row the sum over the slots it was stored in, in the order of `plan.stores`.
private func gatherKeyValueGradients(dKeys: Out, dValues: Out, gradient: In, plan: AttentionPlan, pool: ThreadPool) {
  let shape = plan.shape
  let kernels = pool.kernels
  let (HS, width) = (shape.headSize, shape.keyValueWidth)
  pool.run(shape.keyValueHeads) { head, _ in
    for row in 0..<plan.rowCount {
      (dKeys + row * width + head * HS).update(repeating: 0, count: HS)
      (dValues + row * width + head * HS).update(repeating: 0, count: HS)
    }
    for store in plan.stores {
      let slot =
        gradient + Int(store.page) * shape.pageFloats + head * 2 * AttentionPage.positions * HS
        + Int(store.slot) * HS
      kernels.pointee.add(dKeys + Int(store.row) * width + head * HS, slot, HS)
      kernels.pointee.add(dValues + Int(store.row) * width + head * HS, slot + AttentionPage.rows(HS), HS)
    }
  }
}
