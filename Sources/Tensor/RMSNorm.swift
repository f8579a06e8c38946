/// out (M,C) = input · scale · weight (C), where scale = 1/√(mean(input²) + epsilon) of the row is also kept in
/// `scales` (M) for the backward pass. Zhang & Sennrich 2019. Sums in one order for every row.
package func rmsNormForward(
  out: Out, scales: Out, input: In, weight: In, epsilon: Float, M: Int, C: Int, pool: ThreadPool
) {
  pool.runChunks(M, chunk: 8) { rows, _ in
    for row in rows {
      let x = input + row * C
      let scale = 1 / (dot(x, x, count: C) / Float(C) + epsilon).squareRoot()
      scales[row] = scale
      let y = out + row * C
      var c = 0
      while c + 8 <= C {
        store8(load8(x + c) * scale * load8(weight + c), y + c)
        c += 8
      }
      while c < C {
        y[c] = x[c] * scale * weight[c]
        c += 1
      }
    }
  }
}

/// dInput (M,C) = gradient through the norm, plus dInput itself with `adding`; dWeight (C) += Σ over rows, in order.
///
/// With g = dOut·weight: dInput = scale·g − input·scale³/C·Σ(g·input).
package func rmsNormBackward(
  dInput: Out, dWeight: Out, dOut: In, input: In, weight: In, scales: In, adding: Bool, M: Int, C: Int,
  pool: ThreadPool
) {
  pool.runChunks(C, chunk: 48) { columns, _ in
    for row in 0..<M {
      let (x, dy) = (input + row * C, dOut + row * C)
      let scale = scales[row]
      for c in columns { dWeight[c] += dy[c] * x[c] * scale }
    }
  }
  pool.runChunks(M, chunk: 8) { rows, _ in
    for row in rows {
      let (x, dy, dx) = (input + row * C, dOut + row * C, dInput + row * C)
      let scale = scales[row]
      let shrink = scale * scale * scale / Float(C) * dot3(dy, weight, x, count: C)
      var c = 0
      while c + 8 <= C {
        let gradient = load8(dy + c) * load8(weight + c) * scale - load8(x + c) * shrink
        store8(adding ? load8(dx + c) + gradient : gradient, dx + c)
        c += 8
      }
      while c < C {
        let gradient = dy[c] * weight[c] * scale - x[c] * shrink
        dx[c] = adding ? dx[c] + gradient : gradient
        c += 1
      }
    }
  }
}

/// Σ a·b in one order: four vectors of running sums, then their lanes, then the tail.
func dot(_ a: In, _ b: In, count: Int) -> Float {
  var s0 = Vector(repeating: 0)
  var s1 = s0
  var s2 = s0
  var s3 = s0
  var c = 0
  while c + 32 <= count {
    s0.addProduct(load8(a + c), load8(b + c))
    s1.addProduct(load8(a + c + 8), load8(b + c + 8))
    s2.addProduct(load8(a + c + 16), load8(b + c + 16))
    s3.addProduct(load8(a + c + 24), load8(b + c + 24))
    c += 32
  }
  while c + 8 <= count {
    s0.addProduct(load8(a + c), load8(b + c))
    c += 8
  }
  var sum = laneSum((s0 + s1) + (s2 + s3))
  while c < count {
    sum += a[c] * b[c]
    c += 1
  }
  return sum
}

/// Σ a·b·c in one order.
private func dot3(_ a: In, _ b: In, _ x: In, count: Int) -> Float {
  var s0 = Vector(repeating: 0)
  var s1 = s0
  var c = 0
  while c + 16 <= count {
    s0.addProduct(load8(a + c) * load8(b + c), load8(x + c))
    s1.addProduct(load8(a + c + 8) * load8(b + c + 8), load8(x + c + 8))
    c += 16
  }
  var sum = laneSum(s0 + s1)
  while c < count {
    sum += a[c] * b[c] * x[c]
    c += 1
  }
  return sum
}
