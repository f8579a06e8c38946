/// How learnable the problems of each iteration are: a column an iteration, a row for each number of right probes, darker where more of
/// the iteration's problems lie. Drawn on the server; its table is the same in figures.
struct HeatMap: Sendable {
  /// A column.
  struct Column: Sendable {
    let iteration: Int
    /// Problems by row, from none right to all right.
    var problems: [Int]
    var total: Int { problems.reduce(0, +) }
  }

  let columns: [Column]
  let labels: [String]
  private let width: Int

  /// Not more columns than a reader can tell apart.
  static let columnsMax = 60
  private static let rowsMax = 10

  /// - Parameter width: iterations a column.
  init(_ rows: [ProbeRow], width: Int) {
    self.width = width
    let probes = rows.map(\.probes).max() ?? 0
    let isWhole = probes <= Self.rowsMax && rows.allSatisfy { $0.probes == probes }
    let count = isWhole ? probes + 1 : Self.rowsMax + 1
    labels = (0..<max(count, 1)).map { row in
      if isWhole { return "\(row) of \(probes)" }
      return row == 0 ? "none" : row == Self.rowsMax ? "all" : "≤ \(row * 10 + (row == Self.rowsMax - 1 ? 9 : 0)) %"
    }
    var columns: [Column] = []
    for row in rows {
      if columns.last?.iteration != row.iteration {
        columns.append(Column(iteration: row.iteration, problems: Array(repeating: 0, count: count)))
      }
      columns[columns.count - 1].problems[Self.place(row, isWhole: isWhole)] += row.problems
    }
    self.columns = columns
  }

  private static func place(_ row: ProbeRow, isWhole: Bool) -> Int {
    if isWhole || row.correct == 0 { return row.correct }
    if row.correct == row.probes { return rowsMax }
    return min(rowsMax - 1, max(1, (row.correct * rowsMax + row.probes - 1) / row.probes))
  }

  var html: HTML {
    guard !columns.isEmpty else { return "<p class=\"empty\">No problem has been probed yet.</p>" }
    return """
      <div class="heat" role="img" aria-label="\("Heat map. " + summary)">
      <div class="heat-rows">\(labels.indices.reversed().html { "<span>\(labels[$0])</span>" })</div>
      <svg viewBox="0 0 \(columns.count) \(labels.count)" preserveAspectRatio="none" aria-hidden="true">\(cells)</svg>
      <div class="heat-columns"><span>\(columns[0].iteration)</span><span>iteration</span><span>\(columns[columns.count - 1].iteration)</span></div>
      </div>
      <p class="heat-scale" aria-hidden="true"><span>share of the iteration’s problems</span> 0 %\((0...8).html {
        "<i class=\"h\($0)\"></i>"
      })100 %</p>
      <details><summary>In words and figures</summary><p>\(summary)</p>\(table)</details>
      """
  }

  private var cells: HTML {
    columns.indices.html { index in
      let column = columns[index]
      return column.problems.indices.html { row in
        """
        <rect class="h\(Self.step(column.problems[row], of: column.total))" x="\(index)" y="\(labels.count - 1 - row)" width="1" height="1">\
        <title>\(title(column)): \(column.problems[row]) of \(column.total) problems solved by \(labels[row]) probes</title></rect>
        """
      }
    }
  }

  private func title(_ column: Column) -> String {
    width == 1 ? "iteration \(column.iteration)" : "iterations \(column.iteration) to \(column.iteration + width - 1)"
  }

  /// 0 for nothing, 1 to 8 by the square root of the share, so that small shares are seen.
  private static func step(_ part: Int, of whole: Int) -> Int {
    guard part > 0, whole > 0 else { return 0 }
    return max(1, min(8, Int(((Double(part) / Double(whole)).squareRoot() * 8).rounded())))
  }

  private var summary: String {
    let first = columns[0]
    let last = columns[columns.count - 1]
    func words(_ column: Column) -> String {
      let learnable = column.total - column.problems[0] - column.problems[column.problems.count - 1]
      return "\(title(column)): \(column.total) problems, \(learnable) solved by some probes and not by others, "
        + "\(column.problems[0]) by none"
    }
    return columns.count == 1 ? words(first) + "." : words(first) + "; " + words(last) + "."
  }

  private var table: HTML {
    """
    <div class="scroll" tabindex="0" role="region" aria-label="Problems by right probes"><table><thead><tr><th scope="col">iteration</th>\(labels.html {
      "<th scope=\"col\" class=\"figure\">\($0)</th>"
    })</tr></thead><tbody>\(columns.html { column in
      "<tr><th scope=\"row\">\(column.iteration)</th>\(column.problems.html { "<td class=\"figure\">\($0)</td>" })</tr>"
    })</tbody></table></div>
    """
  }
}
