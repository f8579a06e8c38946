/// A symmetric positive definite matrix, of which the lower triangle is held, and its Cholesky factor.
struct SymmetricMatrix {
  let count: Int
  /// Row by row; above the diagonal nothing is read.
  private var values: [Double]

  init(_ count: Int) {
    self.count = count
    values = [Double](repeating: 0, count: count * count)
  }

  /// - Precondition: `column ≤ row`.
  subscript(row: Int, column: Int) -> Double {
    get { values[row * count + column] }
    set {
      precondition(column <= row, "element \(row), \(column) is above the diagonal")
      values[row * count + column] = newValue
    }
  }

  /// Replaces the matrix by L with L·Lᵀ = matrix.
  mutating func factorise() {
    for row in 0..<count {
      for column in 0...row {
        var sum = self[row, column]
        for k in 0..<column { sum -= self[row, k] * self[column, k] }
        // Positive in exact arithmetic; rounding must not pass 0.
        self[row, column] = row == column ? max(sum, 1e-12).squareRoot() : sum / self[column, column]
      }
    }
  }

  /// The solution x of L·Lᵀ·x = right.
  ///
  /// - Precondition: it is factorised.
  func solve(_ right: [Double]) -> [Double] {
    precondition(right.count == count, "\(right.count) values for \(count) rows")
    var result = right
    for row in 0..<count {
      for k in 0..<row { result[row] -= self[row, k] * result[k] }
      result[row] /= self[row, row]
    }
    for row in stride(from: count - 1, through: 0, by: -1) {
      result[row] /= self[row, row]
      for k in 0..<row { result[k] -= self[row, k] * result[row] }
    }
    return result
  }

  /// The inverse of L·Lᵀ, row by row.
  ///
  /// - Precondition: it is factorised.
  func inverse() -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(count * count)
    for unit in 0..<count {
      var right = [Double](repeating: 0, count: count)
      right[unit] = 1
      result += solve(right)
    }
    return result
  }
}
