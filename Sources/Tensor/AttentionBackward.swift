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
  fill(out: pages.gradient, value: 0, count: pages.count * shape.pageFloats, pool: pool)
  plan.pageTable.withUnsafeBufferPointer { tables in
    // SAFETY: read only, and the region ends before the closure does.
    nonisolated(unsafe) let tables = tables
    pool.run(plan.families.count * shape.keyValueHeads) { index, thread in
      let family = plan.families[index / shape.keyValueHeads]
      for segmentIndex in family {
        let segment = plan.segments[segmentIndex]
        let block = AttentionBackwardBlock(
          plan: plan, segment: segment, table: tables.baseAddress! + segment.tableStart,
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
  let shape: AttentionShape
  let segment: AttentionSegment
  let table: UnsafePointer<Int32>
  let keyValueHead: Int
  let gradient: Out
  let forward: AttentionRow
  let exchanged: AttentionRow
  let weights: Out  // (R, stride): softmax weights
  let dScores: Out  // (R, stride)
  let queries: Out  // (R, HS), copied together
  let dOuts: Out  // (R, HS)
  let dQueries: Out  // (R, HS)
  let stride: Int

  init(
    plan: AttentionPlan, segment: AttentionSegment, table: UnsafePointer<Int32>, keyValueHead: Int,
    pages: AttentionBackwardPages, scratch: Out
  ) {
    shape = plan.shape
    (self.segment, self.table, self.keyValueHead) = (segment, table, keyValueHead)
    gradient = pages.gradient
    stride = plan.scoreStride
    let R = AttentionPlan.itemRows * shape.group
    weights = scratch
    dScores = weights + R * stride
    queries = dScores + R * stride
    dOuts = queries + R * shape.headSize
    dQueries = dOuts + R * shape.headSize
    forward = AttentionRow(
      shape: shape, keyValueHead: keyValueHead, pages: pages.forward, table: table, scores: weights, stride: stride)
    exchanged = AttentionRow(
      shape: shape, keyValueHead: keyValueHead, pages: pages.exchanged, table: table, scores: dScores, stride: stride)
  }

  func run(dQuery: Out, dOut: In, query: In, first: Int, count: Int) {
    let (G, HS) = (shape.group, shape.headSize)
    let keysMax = segment.positionStart + first + count
    for token in 0..<count {
      let offset = (segment.rowStart + first + token) * shape.queryWidth + forward.queryOffset
      (queries + token * G * HS).update(from: query + offset, count: G * HS)
      (dOuts + token * G * HS).update(from: dOut + offset, count: G * HS)
      scoreGradients(token: token, keys: segment.positionStart + first + token + 1, keysMax: keysMax)
      exchanged.weightedRows(
        out: dQuery + offset, weights: dScores + token * G * stride, keys: segment.positionStart + first + token + 1)
    }
    pageGradients(rows: count * G, keys: keysMax)
  }

  /// weights and dScores (G, stride) of one token: p = softmax(q·k/√HS), dP = dOut·v, dS = p·(dP − Σ p·dP)/√HS;
  /// zero from `keys` to the end of the page that holds `keysMax`.
  private func scoreGradients(token: Int, keys: Int, keysMax: Int) {
    let (G, HS) = (shape.group, shape.headSize)
    let scale = 1 / Float(HS).squareRoot()
    let end = AttentionPage.count(positions: keysMax) * AttentionPage.positions
    let (w, d) = (weights + token * G * stride, dScores + token * G * stride)
    forward.panelProducts(out: w, rows: queries + token * G * HS, keys: keys)
    exchanged.panelProducts(out: d, rows: dOuts + token * G * HS, keys: keys)
    for g in 0..<G {
      let (p, dp) = (w + g * stride, d + g * stride)
      let inverse = 1 / forward.softmaxNumerators(p, keys: keys)
      for index in keys..<end { (p[index], dp[index]) = (0, 0) }
      for index in 0..<keys { p[index] *= inverse }
      let mean = dot(p, dp, count: (keys + 7) & ~7)
      for index in 0..<keys { dp[index] = p[index] * (dp[index] - mean) * scale }
    }
  }

  /// dKeys += dScoresᵀ·queries and dValues += weightsᵀ·dOuts, page by page.
  private func pageGradients(rows: Int, keys: Int) {
    let HS = shape.headSize
    for position in Swift.stride(from: 0, to: keys, by: AttentionPage.positions) {
      let page = Int(table[position / AttentionPage.positions])
      let dKeys = gradient + page * shape.pageFloats + keyValueHead * 2 * AttentionPage.positions * HS
      let slots = min(AttentionPage.positions, keys - position)
      for column in Swift.stride(from: 0, to: HS, by: 16) {
        multiplyRows(
          Tile(
            a: dScores + position, aRow: 1, aDepth: stride, b: queries + column, bDepth: HS, depth: rows,
            c: dKeys + column, cRow: HS), rows: slots, .add)
        multiplyRows(
          Tile(
            a: weights + position, aRow: 1, aDepth: stride, b: dOuts + column, bDepth: HS, depth: rows,
            c: dKeys + AttentionPage.rows(HS) + column, cRow: HS), rows: slots, .add)
      }
    }
  }
}

/// dKeys, dValues (M,KVH·HS) = for each row the sum over the slots it was stored in, in the order of `plan.stores`.
private func gatherKeyValueGradients(dKeys: Out, dValues: Out, gradient: In, plan: AttentionPlan, pool: ThreadPool) {
  let shape = plan.shape
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
      addInto(out: dKeys + Int(store.row) * width + head * HS, input: slot, count: HS)
      addInto(out: dValues + Int(store.row) * width + head * HS, input: slot + AttentionPage.rows(HS), count: HS)
    }
  }
}
