import CKernels

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
/// One path per query row for prefill, decoding and training: scores sum over HS in order, the softmax in sixteen lanes
/// from position 0, the values over positions in order. A page only cuts these chains, so the bits do not depend on how
/// the cache was filled, on sharing, or on the rest of the batch.
/// - Parameter scratch: `plan.forwardScratch` floats for each thread of the pool.
package func attentionForward(
  out: Out, query: In, pages: In, plan: AttentionPlan, scratch: Out, pool: ThreadPool
) {
  let shape = plan.shape
  let kernels = pool.kernels
  let (stride, scratchOfThread) = (plan.scoreStride, plan.forwardScratch)
  plan.pageTable.withUnsafeBufferPointer { tables in
    // SAFETY: read only, and the region ends before the closure does.
    nonisolated(unsafe) let tables = tables
    pool.run(plan.items.count * shape.keyValueHeads) { index, thread in
      let item = plan.items[index / shape.keyValueHeads]
      let segment = plan.segments[item.segment]
      let head = index % shape.keyValueHeads
      let offset = (segment.rowStart + item.first) * shape.queryWidth + head * shape.group * shape.headSize
      var work = kernel_attention(
        pages: kernel_pages(
          base: pages, table: tables.baseAddress! + segment.tableStart, shape: shape, keyValueHead: head),
        query: query + offset, out: out + offset, token: shape.queryWidth, tokens: item.count, G: shape.group,
        keys: segment.positionStart + item.first + 1, scratch: scratch + thread * scratchOfThread, stride: stride)
      kernels.pointee.attend(&work)
    }
  }
}

extension kernel_pages {
  /// The pages of a sequence as one key/value head sees them.
  init(base: In, table: UnsafePointer<Int32>, shape: AttentionShape, keyValueHead: Int) {
    self.init(
      base: base, table: table, page: shape.pageFloats,
      head: keyValueHead * 2 * AttentionPage.positions * shape.headSize, HS: shape.headSize)
  }
}
