// The standard library has Unicode normalization only as an interface for the toolchain's own packages. It is the one
// that Foundation calls, and saves us Foundation with its locale data.
@_spi(_Unicode) import Swift

/// `text` in Unicode normal form C. Text below U+0300 (no combining characters) is returned as it is.
///
/// Hugging Face's tokenizers order some rare combining marks (U+1DF7 … U+1DFB and newer ones) by older Unicode tables; there the
/// ids can differ.
func normalFormC(_ text: Substring) -> Substring {
  guard text.unicodeScalars.contains(where: { $0.value >= 0x300 }) else { return text }
  var result = String.UnicodeScalarView()
  result.append(contentsOf: String(text)._nfc)
  return Substring(String(result))
}
