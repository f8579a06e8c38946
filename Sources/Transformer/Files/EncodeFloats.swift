// Narrowing float32 to the encodings that exports are written in; the inverse of `Dequantize.swift`.

/// Appends `values` in the encoding of `type` (F32, F16 or BF16), little-endian, rounded to nearest, ties to even.
/// Returns the index of the first finite value that F16 cannot hold; what was appended is then not to be used.
func encode(_ values: UnsafeBufferPointer<Float>, as type: TensorType, into output: inout [UInt8]) -> Int? {
  switch type {
  case .f32: output += UnsafeRawBufferPointer(values)
  case .f16:
    for (index, value) in values.enumerated() {
      guard let bits = halfBits(value) else { return index }
      append(bits, to: &output)
    }
  case .bf16: for value in values { append(brainBits(value), to: &output) }
  default: preconditionFailure("exports are not written as \(type.name)")
  }
  return nil
}

private func append(_ bits: UInt16, to output: inout [UInt8]) {
  output.append(UInt8(truncatingIfNeeded: bits))
  output.append(UInt8(truncatingIfNeeded: bits >> 8))
}

/// The nearest bfloat16. A NaN stays one.
func brainBits(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  if value.isNaN { return UInt16(bits >> 16) | 0x40 }
  return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
}

/// The nearest float16, or nil for a finite value beyond its largest, 65504.
func halfBits(_ value: Float) -> UInt16? {
  let bits = value.bitPattern
  let sign = UInt16(bits >> 16) & 0x8000
  let magnitude = bits & 0x7FFF_FFFF
  if magnitude >= 0x7F80_0000 {
    return sign | 0x7C00 | (magnitude > 0x7F80_0000 ? 0x200 | UInt16(magnitude >> 13 & 0x3FF) : 0)
  }
  // From 65520 on the nearest would be infinity.
  if magnitude >= 0x477F_F000 { return nil }
  if magnitude < 0x3880_0000 {
    // Below the smallest normal number: adding 0.5 leaves the multiple of 2⁻²⁴ in the last bits, rounded by the addition.
    let shifted = Float(bitPattern: magnitude) + 0.5
    return sign | UInt16(truncatingIfNeeded: shifted.bitPattern - 0x3F00_0000)
  }
  let rounded = magnitude - 0x3800_0000 + 0xFFF + (magnitude >> 13 & 1)
  return sign | UInt16(truncatingIfNeeded: rounded >> 13)
}
