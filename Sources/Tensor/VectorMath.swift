import Glibc

typealias Vector = SIMD8<Float>

@inline(__always) func load8(_ pointer: In) -> Vector {
  UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
}

@inline(__always) func store8(_ value: Vector, _ pointer: Out) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Vector.self)
}

/// Lanes of `a` where the mask is set, else of `b`. (`replacing` becomes one blend or maximum; selecting on bits or the
/// library's `pointwiseMax` fall apart into single lanes.)
@inline(__always) func select(_ mask: SIMDMask<SIMD8<Int32>>, _ a: Vector, _ b: Vector) -> Vector {
  b.replacing(with: a, where: mask)
}

@inline(__always) func larger(_ a: Vector, _ b: Vector) -> Vector { select(a .> b, a, b) }

/// Sum of the lanes in one fixed order: (0+4)+(2+6) + (1+5)+(3+7).
@inline(__always) func laneSum(_ v: Vector) -> Float {
  let half = v.lowHalf + v.highHalf
  let quarter = half.lowHalf + half.highHalf
  return quarter[0] + quarter[1]
}

@inline(__always) func laneMax(_ v: Vector) -> Float {
  var result = v[0]
  for lane in 1..<8 where v[lane] > result { result = v[lane] }
  return result
}

/// e^x on eight lanes, within 2 units in the last place for −87.33 ≤ x ≤ 88; exactly 0 below, e^88 above.
///
/// x = n·ln2 + r with |r| ≤ ln2/2; e^r by a polynomial of degree 7 (the coefficients of Cephes' expf), scaled by 2^n
/// through the exponent bits.
@inline(__always) func exp8(_ x: Vector) -> Vector {
  let limited = select(x .< 88, x, Vector(repeating: 88))
  let magic: Float = 12_582_912  // 1.5·2^23: adding it rounds to an integer, held in the low bits
  let shifted = Vector(repeating: magic).addingProduct(limited, Vector(repeating: 1.442_695_04))
  let n = shifted - magic
  let r = limited.addingProduct(n, Vector(repeating: -0.693_359_375)).addingProduct(
    n, Vector(repeating: 2.121_944_4e-4))
  var p = Vector(repeating: 1.987_569_15e-4)
  p = Vector(repeating: 1.398_199_950_7e-3).addingProduct(p, r)
  p = Vector(repeating: 8.333_451_907_3e-3).addingProduct(p, r)
  p = Vector(repeating: 4.166_579_589_4e-2).addingProduct(p, r)
  p = Vector(repeating: 1.666_666_545_9e-1).addingProduct(p, r)
  p = Vector(repeating: 5.000_000_120_1e-1).addingProduct(p, r)
  p = (r + 1).addingProduct(p, r * r)
  let exponent = (unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- Int32(bitPattern: magic.bitPattern) &+ 127) &<< 23
  let scaled = p * unsafeBitCast(exponent, to: Vector.self)
  return select(x .< -87.33, Vector(repeating: 0), scaled)
}

/// out (count) = e^input, by the vector path whatever the count. Used by tests of `exp8` and by kernels' tails.
package func expForward(out: Out, input: In, count: Int) {
  var index = 0
  while index + 8 <= count {
    store8(exp8(load8(input + index)), out + index)
    index += 8
  }
  while index < count {
    out[index] = exp8(Vector(repeating: input[index]))[0]
    index += 1
  }
}

/// out (count) += input.
func addInto(out: Out, input: In, count: Int) {
  var index = 0
  while index + 8 <= count {
    store8(load8(out + index) + load8(input + index), out + index)
    index += 8
  }
  while index < count {
    out[index] += input[index]
    index += 1
  }
}

/// out (count) += input, shared among the threads: residual connections and their gradients.
package func add(out: Out, input: In, count: Int, pool: ThreadPool) {
  pool.runChunks(count, chunk: 16_384) { range, _ in
    addInto(out: out + range.lowerBound, input: input + range.lowerBound, count: range.count)
  }
}

/// out (count) = value, shared among the threads.
package func fill(out: Out, value: Float, count: Int, pool: ThreadPool) {
  pool.runChunks(count, chunk: 1 << 18) { range, _ in
    (out + range.lowerBound).update(repeating: value, count: range.count)
  }
}

/// out (count) = input, shared among the threads.
package func copy(out: Out, input: In, count: Int, pool: ThreadPool) {
  pool.runChunks(count, chunk: 16_384) { range, _ in
    (out + range.lowerBound).update(from: input + range.lowerBound, count: range.count)
  }
}
