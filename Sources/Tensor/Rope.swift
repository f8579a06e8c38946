import CKernels
import Glibc

/// Which two elements of a head rotate together.
package enum RotaryOrder: String, Sendable, Codable {
  /// Elements 2i and 2i+1: llama-architecture GGUF files permute the rows of attn_q and attn_k for this.
  case interleavedPairs
  /// Elements i and i + size/2: qwen2 GGUF files, and Hugging Face checkpoints.
  case halves
}

/// cos and sin of position·theta^(−2i/HS), in double precision before rounding. Su et al. 2021.
package final class RopeTable {
  package let positionsMax: Int
  let headSize: Int
  let cosines: FloatBuffer  // (positionsMax, HS/2)
  let sines: FloatBuffer

  package init(positionsMax: Int, headSize: Int, theta: Double) {
    precondition(headSize % 2 == 0, "rotary head size \(headSize) is odd")
    (self.positionsMax, self.headSize) = (positionsMax, headSize)
    let half = headSize / 2
    cosines = FloatBuffer(count: positionsMax * half)
    sines = FloatBuffer(count: positionsMax * half)
    for i in 0..<half {
      let frequency = pow(theta, -2 * Double(i) / Double(headSize))
      for position in 0..<positionsMax {
        cosines[position * half + i] = Float(cos(Double(position) * frequency))
        sines[position * half + i] = Float(sin(Double(position) * frequency))
      }
    }
  }
}

/// x (M, heads·HS), in place: rotates each pair by the angle of its row's position (`positions`, M).
package func ropeForward(
  x: Out, positions: UnsafePointer<Int32>, table: RopeTable, order: RotaryOrder, M: Int, heads: Int, pool: ThreadPool
) {
  rotate(x: x, positions: positions, table: table, order: order, direction: 1, M: M, heads: heads, pool: pool)
}

/// dx (M, heads·HS), in place: the transpose of a rotation is the rotation back.
package func ropeBackward(
  dx: Out, positions: UnsafePointer<Int32>, table: RopeTable, order: RotaryOrder, M: Int, heads: Int, pool: ThreadPool
) {
  rotate(x: dx, positions: positions, table: table, order: order, direction: -1, M: M, heads: heads, pool: pool)
}

private func rotate(
  x: Out, positions: UnsafePointer<Int32>, table: RopeTable, order: RotaryOrder, direction: Float, M: Int, heads: Int,
  pool: ThreadPool
) {
  let kernels = pool.kernels
  let (size, half) = (table.headSize, table.headSize / 2)
  pool.runChunks(M, chunk: 8) { rows, _ in
    for row in rows {
      let angle = Int(positions[row]) * half
      kernels.pointee.rope(
        x + row * heads * size, table.cosines.pointer + angle, table.sines.pointer + angle, direction,
        order == .interleavedPairs, heads, size)
    }
  }
}
