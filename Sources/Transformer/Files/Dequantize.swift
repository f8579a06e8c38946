// Expanding ggml's tensor encodings to float32, one function per encoding. Each has ggml's definition to the bit:
// products and sums are rounded separately (Swift never contracts them into a fused multiply-add).
// `input` holds whole blocks, `output` the same number of values; `TensorInfo` guarantees both.

/// Expands `input` to `output`. Called by the file readers after they checked sizes; traps when they disagree.
func dequantize(_ type: TensorType, _ input: UnsafeRawBufferPointer, into output: UnsafeMutableBufferPointer<Float>) {
  let blocks = output.count / type.blockElements
  precondition(
    blocks * type.blockElements == output.count && blocks * type.blockBytes == input.count,
    "\(type.name): \(input.count) bytes for \(output.count) values")
  guard let source = input.baseAddress, let target = output.baseAddress else { return }
  // Every machine we run on is little-endian, as the files are.
  if type == .f32 { return UnsafeMutableRawBufferPointer(output).copyMemory(from: input) }
  let decode = blockDecoder(for: type)
  for block in 0..<blocks {
    decode(source + block * type.blockBytes, target + block * type.blockElements)
  }
}

private typealias BlockDecoder = (UnsafeRawPointer, UnsafeMutablePointer<Float>) -> Void

private func blockDecoder(for type: TensorType) -> BlockDecoder {
  switch type {
  case .f32: { input, output in output[0] = Float(bitPattern: word(input)) }
  case .f16: { input, output in output[0] = half(input) }
  case .bf16: { input, output in output[0] = Float(bitPattern: UInt32(short(input)) << 16) }
  case .q8_0: q8_0
  case .q4_0: q4_0
  case .q4_1: q4_1
  case .q5_0: q5_0
  case .q5_1: q5_1
  case .q4_K: q4_K
  case .q5_K: q5_K
  case .q6_K: q6_K
  }
}

// MARK: Scalars

private func byte(_ input: UnsafeRawPointer, _ index: Int) -> UInt8 {
  input.load(fromByteOffset: index, as: UInt8.self)
}

private func short(_ input: UnsafeRawPointer, _ offset: Int = 0) -> UInt16 {
  UInt16(littleEndian: input.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
}

private func word(_ input: UnsafeRawPointer, _ offset: Int = 0) -> UInt32 {
  UInt32(littleEndian: input.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
}

/// The float16 at `offset`, widened exactly. By hand, because without the F16C instructions a conversion of the
/// standard library is a call per value.
private func half(_ input: UnsafeRawPointer, _ offset: Int = 0) -> Float {
  let bits = short(input, offset)
  let sign = UInt32(bits & 0x8000) << 16
  let exponent = UInt32(bits >> 10) & 0x1F
  let fraction = UInt32(bits) & 0x3FF
  switch exponent {
  case 0: return Float(bitPattern: sign | (Float(fraction) * 0x1p-24).bitPattern)
  case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
  default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }
}

// MARK: Blocks of 32

/// d (f16), 32 × int8: x = q · d
private func q8_0(_ input: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
  let d = half(input)
  for i in 0..<32 { output[i] = Float(Int8(bitPattern: byte(input, 2 + i))) * d }
}

/// d (f16), 16 bytes of two nibbles, low ones first: x = (q − 8) · d
private func q4_0(_ input: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
  let d = half(input)
  for i in 0..<16 {
    let pair = byte(input, 2 + i)
    output[i] = Float(Int32(pair & 15) - 8) * d
    output[i + 16] = Float(Int32(pair >> 4) - 8) * d
  }
}

/// d, m (f16), 16 bytes of two nibbles: x = q · d + m
private func q4_1(_ input: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
  let d = half(input)
  let m = half(input, 2)
  for i in 0..<16 {
    let pair = byte(input, 4 + i)
    output[i] = Float(pair & 15) * d + m
    output[i + 16] = Float(pair >> 4) * d + m
  }
}

/// d (f16), 32 fifth bits, 16 bytes of two nibbles: x = (q − 16) · d
private func q5_0(_ input: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
  let d = half(input)
  let high = word(input, 2)
  for i in 0..<16 {
    let pair = UInt32(byte(input, 6 + i))
    let low = pair & 15 | (high >> UInt32(i) & 1) << 4
    let upper = pair >> 4 | (high >> UInt32(i + 16) & 1) << 4
    output[i] = Float(Int32(low) - 16) * d
    output[i + 16] = Float(Int32(upper) - 16) * d
  }
}

/// d, m (f16), 32 fifth bits, 16 bytes of two nibbles: x = q · d + m
private func q5_1(_ input: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
  let d = half(input)
  let m = half(input, 2)
  let high = word(input, 4)
  for i in 0..<16 {
    let pair = UInt32(byte(input, 8 + i))
    output[i] = Float(pair & 15 | (high >> UInt32(i) & 1) << 4) * d + m
    output[i + 16] = Float(pair >> 4 | (high >> UInt32(i + 16) & 1) << 4) * d + m
  }
}

// MARK: Super-blocks of 256

/// The 6-bit scale and minimum of sub-block `index` (0..<8) from the 12 packed bytes of Q4_K and Q5_K.
private func scaleAndMinimum(_ scales: UnsafeRawPointer, _ index: Int) -> (scale: Float, minimum: Float) {
  guard index >= 4 else { return (Float(byte(scales, index) & 63), Float(byte(scales, index + 4) & 63)) }
  let low = byte(scales, index + 4)
  let scale = low & 15 | (byte(scales, index - 4) >> 6) << 4
  let minimum = low >> 4 | (byte(scales, index) >> 6) << 4
  return (Float(scale), Float(minimum))
}

/// d, dmin (f16), 12 bytes of scales, 128 bytes of two nibbles: x = (d · scale) · q − dmin · minimum
private func q4_K(_ input: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
  let d = half(input)
  let dmin = half(input, 2)
  for sub in 0..<8 {
    let (scale, minimum) = scaleAndMinimum(input + 4, sub)
    let factor = d * scale
    let shift = dmin * minimum
    let quants = input + 16 + sub / 2 * 32
    for i in 0..<32 {
      let q = byte(quants, i) >> UInt8(sub % 2 * 4) & 15
      output[sub * 32 + i] = factor * Float(q) - shift
    }
  }
}

/// As Q4_K with 32 bytes of fifth bits (bit `sub` of byte `i`) before the nibbles.
private func q5_K(_ input: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
  let d = half(input)
  let dmin = half(input, 2)
  for sub in 0..<8 {
    let (scale, minimum) = scaleAndMinimum(input + 4, sub)
    let factor = d * scale
    let shift = dmin * minimum
    let quants = input + 48 + sub / 2 * 32
    for i in 0..<32 {
      let low = byte(quants, i) >> UInt8(sub % 2 * 4) & 15
      let high = byte(input, 16 + i) >> UInt8(sub) & 1
      output[sub * 32 + i] = factor * Float(low | high << 4) - shift
    }
  }
}

/// 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 × int8 scales, d (f16): x = (d · scale) · (q − 32)
private func q6_K(_ input: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
  let d = half(input, 208)
  for i in 0..<256 {
    let (part, within) = (i / 128, i % 128)
    let (group, column) = (within / 32, within % 32)
    let low = byte(input, part * 64 + group % 2 * 32 + column) >> UInt8(group / 2 * 4) & 15
    let high = byte(input, 128 + part * 32 + column) >> UInt8(group * 2) & 3
    let scale = Float(Int8(bitPattern: byte(input, 192 + i / 16)))
    output[i] = (d * scale) * Float(Int32(low | high << 4) - 32)
  }
}
