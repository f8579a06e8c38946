import Foundation

/// Numbers as people read them. Locale-independent.
package enum Format {
  /// `0:07`, `12:30`, `1:02:03`.
  package static func duration(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
    let padded = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
    return hours > 0 ? "\(hours):\(padded(minutes)):\(padded(rest))" : "\(minutes):\(padded(rest))"
  }

  /// A fixed number of decimals.
  package static func decimal(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  /// With sign, for rewards; a dash where there is none.
  package static func signed(_ value: Double?) -> String {
    value.map { String(format: "%+.2f", $0) } ?? "–"
  }

  /// `3/8 38 %`; a dash for none of none.
  package static func share(_ part: Int, _ whole: Int) -> String {
    whole == 0 ? "–" : "\(part)/\(whole) \(Int((100 * Double(part) / Double(whole)).rounded())) %"
  }
}

/// Aligned columns: the first left, the others right.
package struct TextTable {
  package var rows: [[String]]
  /// Columns besides the first that are aligned left: words, not numbers.
  package var words: Set<Int> = []
  /// Colours a padded cell: row, column, text. Colour has no width.
  package var paint: (Int, Int, String) -> String = { $2 }

  package init(rows: [[String]], words: Set<Int> = [], paint: @escaping (Int, Int, String) -> String = { $2 }) {
    self.rows = rows
    self.words = words
    self.paint = paint
  }

  package var lines: [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.enumerated().map { number, row in
      row.enumerated().map { column, text in
        let space = String(repeating: " ", count: widths[column] - text.count)
        return paint(number, column, column == 0 || words.contains(column) ? text + space : space + text)
      }.joined(separator: "  ")
    }
  }
}
