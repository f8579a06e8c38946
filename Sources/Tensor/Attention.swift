/// Stores the keys (M,KVH·HS) and values (M,KVH·HS) of a batch in the pages of one layer, as `plan.stores` says.
/// The backward pass calls it a second time with keys and values exchanged.
package func storeKeysAndValues(pages: Out, keys: In, values: In, plan: AttentionPlan, pool: ThreadPool) {
  let shape = plan.shape
  let HS = shape.headSize
  pool.runChunks(plan.stores.count, chunk: 16) { range, _ in
    for index in range {
      let store = plan.stores[index]
      let slot = Int(store.slot)
      for head in 0..<shape.keyValueHeads {
        let part = pages + Int(store.page) * shape.pageFloats + head * 2 * AttentionPage.positions * HS
        let panel = part + AttentionPage.panel(slot, HS) + slot % 16
        let key = keys + Int(store.row) * shape.keyValueWidth + head * HS
        for d in 0..<HS { panel[d * 16] = key[d] }
        (part + AttentionPage.rows(HS) + slot * HS).update(
          from: values + Int(store.row) * shape.keyValueWidth + head * HS, count: HS)
      }
    }
  }
}

/// out (M,NH·HS) = softmax(query·keysᵀ/√HS)·values for each row over the positions before it and its own.
///
/// One path per query row for prefill, decoding and training: scores sum over HS in order, the softmax in blocks of eight
/// from position 0, the values over positions in order. A page only cuts these chains (`TileStore.resume`), so the bits
/// do not depend on how the cache was filled, on sharing, or on the rest of the batch.
/// - Parameter scratch: `plan.forwardScratch` floats for each thread of the pool.
package func attentionForward(
  out: Out, query: In, pages: In, plan: AttentionPlan, scratch: Out, pool: ThreadPool
) {
  let shape = plan.shape
  plan.pageTable.withUnsafeBufferPointer { tables in
    // SAFETY: read only, and the region ends before the closure does.
    nonisolated(unsafe) let tables = tables
    pool.run(plan.items.count * shape.keyValueHeads) { index, thread in
      let item = plan.items[index / shape.keyValueHeads]
      let segment = plan.segments[item.segment]
      let row = AttentionRow(
        shape: shape, keyValueHead: index % shape.keyValueHeads, pages: pages,
        table: tables.baseAddress! + segment.tableStart, scores: scratch + thread * plan.forwardScratch,
        stride: plan.scoreStride)
      for token in item.first..<item.first + item.count {
        let offset = (segment.rowStart + token) * shape.queryWidth + row.queryOffset
        row.attend(out: out + offset, query: query + offset, keys: segment.positionStart + token + 1)
      }
    }
  }
}

/// What is the same for all query rows of a segment under one key/value head.
struct AttentionRow {
  let shape: AttentionShape
  let keyValueHead: Int
  let pages: In
  let table: UnsafePointer<Int32>
  /// (G, stride), and after them G sums in the forward pass.
  let scores: Out
  let stride: Int

  @inline(__always) private var sums: Out { scores + shape.group * stride }

  /// From the start of a query row to the G heads of this group.
  @inline(__always) var queryOffset: Int { keyValueHead * shape.group * shape.headSize }

  /// This key/value head's part of the page that holds `position`.
  @inline(__always) func part(_ position: Int) -> In {
    let page = Int(table[position / AttentionPage.positions])
    return pages + page * shape.pageFloats + keyValueHead * 2 * AttentionPage.positions * shape.headSize
  }

  /// out (G,HS) from query (G,HS) over `keys` positions.
  func attend(out: Out, query: In, keys: Int) {
    let (G, HS) = (shape.group, shape.headSize)
    panelProducts(out: scores, rows: query, keys: keys)
    for g in 0..<G { sums[g] = softmaxNumerators(scores + g * stride, keys: keys) }
    weightedRows(out: out, weights: scores, keys: keys)
    for g in 0..<G {
      let scale = 1 / sums[g]
      for d in 0..<HS { out[g * HS + d] *= scale }
    }
  }

  /// out (G, stride) = rows (G,HS) · panelsᵀ (keys,HS); whole panels, so up to 15 entries past `keys` are noise.
  @inline(__always) func panelProducts(out: Out, rows: In, keys: Int) {
    let HS = shape.headSize
    var position = 0
    while position < keys {
      let panel = part(position) + AttentionPage.panel(position % AttentionPage.positions, HS)
      multiplyRows(
        Tile(a: rows, aRow: HS, aDepth: 1, b: panel, bDepth: 16, depth: HS, c: out + position, cRow: stride),
        rows: shape.group, .overwrite)
      position += 16
    }
  }

  /// out (G,HS) = weights (G, stride) · rows (keys,HS), positions in order.
  @inline(__always) func weightedRows(out: Out, weights: In, keys: Int) {
    let HS = shape.headSize
    var position = 0
    while position < keys {
      let values = part(position) + AttentionPage.rows(HS)
      let count = min(AttentionPage.positions, keys - position)
      for column in Swift.stride(from: 0, to: HS, by: 16) {
        multiplyRows(
          Tile(
            a: weights + position, aRow: stride, aDepth: 1, b: values + column, bDepth: HS, depth: count,
            c: out + column, cRow: HS),
          rows: shape.group, position == 0 ? .overwrite : .resume)
      }
      position += count
    }
  }

  /// row (keys), in place: scores → e^((score − max)/√HS), zero up to the next multiple of eight; returns their sum.
  @inline(__always) func softmaxNumerators(_ row: Out, keys: Int) -> Float {
    let scale = 1 / Float(shape.headSize).squareRoot()
    let padded = (keys + 7) & ~7
    for index in keys..<padded { row[index] = -.infinity }
    var peak = Vector(repeating: -.infinity)
    var index = 0
    while index < padded {
      peak = larger(load8(row + index), peak)
      index += 8
    }
    let highest = laneMax(peak)
    var sum = Vector(repeating: 0)
    index = 0
    while index < padded {
      let e = exp8((load8(row + index) - highest) * scale)
      sum += e
      store8(e, row + index)
      index += 8
    }
    return laneSum(sum)
  }
}
