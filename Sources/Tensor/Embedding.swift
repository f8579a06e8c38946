import CKernels

/// out (M,C) = the rows `tokens` (M) of table (V,C).
package func embeddingForward(out: Out, tokens: UnsafePointer<Int32>, table: In, M: Int, C: Int, pool: ThreadPool) {
  pool.runChunks(M, chunk: 16) { rows, _ in
    for row in rows { (out + row * C).update(from: table + Int(tokens[row]) * C, count: C) }
  }
}

/// dTable (V,C) at the rows `tokens` += dOut (M,C), rows in order: each thread owns some of the columns.
package func embeddingBackward(
  dTable: Out, dOut: In, tokens: UnsafePointer<Int32>, M: Int, C: Int, pool: ThreadPool
) {
  let kernels = pool.kernels
  pool.runChunks(C, chunk: 144) { columns, _ in
    for row in 0..<M {
      kernels.pointee.add(
        dTable + Int(tokens[row]) * C + columns.lowerBound, dOut + row * C + columns.lowerBound, columns.count)
    }
  }
}

/// out (rows.count, C) = the rows `rows` of input (·,C): the rows whose logits are wanted.
package func gatherRows(out: Out, input: In, rows: [Int32], C: Int) {
  for (target, row) in rows.enumerated() { (out + target * C).update(from: input + Int(row) * C, count: C) }
}

/// out (·,C) at the rows `rows` += input (rows.count, C), in order: the transpose of `gatherRows`.
package func scatterAddRows(out: Out, input: In, rows: [Int32], C: Int) {
  for (source, row) in rows.enumerated() {
    for column in 0..<C { out[Int(row) * C + column] += input[source * C + column] }
  }
}
