/// Finds what was probably meant where a name is unknown.
package enum Suggestion {
  /// The known name nearest to `name`, if any is near enough to be a slip of the hand.
  ///
  /// Names are compared without case, `_` and `-`, so that `tokensMax` finds `tokens_max`; a name without its group
  /// finds the key of that last part. Ties go to the first known name.
  package static func nearest(to name: String, in known: [String]) -> String? {
    let wanted = plain(name)
    guard !wanted.isEmpty, wanted.count <= 100 else { return nil }
    let wantedLeaf = leaf(wanted)
    let scored = known.map { candidate -> (name: String, distance: Int) in
      let plainCandidate = plain(candidate)
      let whole = editDistance(wanted, plainCandidate)
      // A right last part in the wrong group is one slip.
      let last = editDistance(wantedLeaf, leaf(plainCandidate)) + 1
      return (candidate, min(whole, wantedLeaf.count > 3 ? last : whole))
    }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(1, min(3, wanted.count / 3)) ? best.name : nil
  }

  /// Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other (optimal string
  /// alignment).
  package static func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left.unicodeScalars)
    let right = Array(right.unicodeScalars)
    var before: [Int] = []
    var last = Array(0...right.count)
    for i in left.indices {
      var row = [i + 1]
      for j in right.indices {
        var best = min(last[j + 1], row[j]) + 1
        best = min(best, last[j] + (left[i] == right[j] ? 0 : 1))
        if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { best = min(best, before[j - 1] + 1) }
        row.append(best)
      }
      before = last
      last = row
    }
    return last[right.count]
  }

  private static func plain(_ name: String) -> String { name.lowercased().filter { $0 != "_" && $0 != "-" } }

  private static func leaf(_ name: String) -> String { name.split(separator: ".").last.map(String.init) ?? name }
}
