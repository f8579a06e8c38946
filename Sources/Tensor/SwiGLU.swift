/// out (count) = silu(gate)·up, silu(x) = x/(1 + e^−x). Shazeer 2020.
package func swigluForward(out: Out, gate: In, up: In, count: Int, pool: ThreadPool) {
  pool.runChunks(count, chunk: 8_192) { range, _ in
    forEachVector(range) { index, width in
      let g = loadPartial(gate + index, width)
      storePartial(g * sigmoid(g) * loadPartial(up + index, width), out + index, width)
    }
  }
}

/// dGate, dUp (count) from dOut; may overwrite `gate` and `up` themselves.
package func swigluBackward(dGate: Out, dUp: Out, dOut: In, gate: In, up: In, count: Int, pool: ThreadPool) {
  pool.runChunks(count, chunk: 8_192) { range, _ in
    forEachVector(range) { index, width in
      let (g, u, d) = (
        loadPartial(gate + index, width), loadPartial(up + index, width), loadPartial(dOut + index, width)
      )
      let s = sigmoid(g)
      storePartial(d * u * s * (1 + g * (1 - s)), dGate + index, width)
      storePartial(d * g * s, dUp + index, width)
    }
  }
}

@inline(__always) private func sigmoid(_ x: Vector) -> Vector { 1 / (1 + exp8(0 - x)) }

/// Calls `body(index, width)` for each run of eight in `range`, the last one shorter.
@inline(__always) func forEachVector(_ range: Range<Int>, _ body: (_ index: Int, _ width: Int) -> Void) {
  var index = range.lowerBound
  while index + 8 <= range.upperBound {
    body(index, 8)
    index += 8
  }
  if index < range.upperBound { body(index, range.upperBound - index) }
}

/// The first `width` of eight floats, the other lanes `filler`.
@inline(__always) func loadPartial(_ pointer: In, _ width: Int, filler: Float = 0) -> Vector {
  if width == 8 { return load8(pointer) }
  var v = Vector(repeating: filler)
  for lane in 0..<width { v[lane] = pointer[lane] }
  return v
}

@inline(__always) func storePartial(_ v: Vector, _ pointer: Out, _ width: Int) {
  if width == 8 { return store8(v, pointer) }
  for lane in 0..<width { pointer[lane] = v[lane] }
}
