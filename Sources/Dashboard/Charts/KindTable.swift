/// What was counted by iteration and kind, turned to curves.
struct KindTable: Sendable {
  let x: [Int]
  /// The kinds that are played, in their usual order.
  let kinds: [String]
  private let rows: [[String: KindRow]]
  private let window: Int

  init(_ rows: [KindRow], window: Int) {
    self.window = window
    let played = rows.filter { $0.iteration > 0 || $0.probes > 0 || $0.solves > 0 }
    var x: [Int] = []
    var byIteration: [[String: KindRow]] = []
    for row in played {
      if x.last != row.iteration {
        x.append(row.iteration)
        byIteration.append([:])
      }
      byIteration[byIteration.count - 1][row.kind] = row
    }
    self.x = x
    self.rows = byIteration
    let found = Set(played.map(\.kind))
    kinds = Parts.kinds.filter(found.contains) + found.subtracting(Parts.kinds).sorted()
  }

  /// A share for each kind.
  func curves(dashed: Bool = false, _ share: (KindRow) -> Share) -> [Chart.Series] {
    kinds.map { kind in
      Chart.Series(
        name: kind, color: Parts.color(ofKind: kind), dashed: dashed,
        values: Smoothing.shares(
          rows.map { row in row[kind].map(share).flatMap { $0.whole > 0 ? $0 : nil } }, window: window))
    }
  }

  /// The same of all kinds together.
  func curve(_ name: String, color: Int, _ share: (KindRow) -> Share) -> Chart.Series {
    Chart.Series(name: name, color: color, values: Smoothing.shares(total(share), window: window))
  }

  /// All kinds together, by iteration; nil where there was nothing.
  func total(_ share: (KindRow) -> Share) -> [Share?] {
    rows.map { row in
      let sum = kinds.compactMap { row[$0] }.map(share).reduce(Share(part: 0, whole: 0), +)
      return sum.whole > 0 ? sum : nil
    }
  }
}

/// The figures of the updates, turned to curves.
struct UpdateTable: Sendable {
  let entropy, loss, gradient, proposer, solver: Envelope
  /// Of the rest there is one value a bucket: the largest, the sum.
  let x: [Int]
  let ratioDistance, clipped, mixed: [Double?]
  let mismatches: Int64

  init(_ rows: [UpdateRow], width: Int, window: Int) {
    let iterations = rows.map(\.iteration)
    func envelope(_ low: (UpdateRow) -> Double?, _ high: (UpdateRow) -> Double?) -> Envelope {
      Envelope(iterations: iterations, low: rows.map(low), high: rows.map(high), width: width, window: window)
    }
    entropy = envelope(\.entropyMin, \.entropyMax)
    loss = envelope(\.lossMin, \.lossMax)
    gradient = envelope(\.gradientMin, \.gradientMax)
    proposer = envelope(\.proposerMin, \.proposerMax)
    solver = envelope(\.solverMin, \.solverMax)
    x = iterations
    ratioDistance = rows.map(\.ratioDistance)
    clipped = rows.map(\.clippedShare)
    mixed = Smoothing.shares(rows.map { Share(part: Int($0.groupsMixed), whole: Int($0.groups)) }, window: window)
    mismatches = rows.reduce(0) { $0 + $1.mismatches }
  }
}

/// Seconds and tokens by phase.
struct PhaseTable: Sendable {
  static let phases = ["propose", "probe", "solve", "verify", "update", "checkpoint", "other"]

  let x: [Int]
  private let byIteration: [[String: PhaseRow]]
  private let totals: [(phase: String, seconds: Double, tokens: Int64)]

  init(_ rows: [PhaseRow]) {
    var x: [Int] = []
    var byIteration: [[String: PhaseRow]] = []
    for row in rows {
      if x.last != row.iteration {
        x.append(row.iteration)
        byIteration.append([:])
      }
      byIteration[byIteration.count - 1][row.phase] = row
    }
    self.x = x
    self.byIteration = byIteration
    totals = Self.phases.map { phase in
      let found = rows.filter { $0.phase == phase }
      return (phase, found.reduce(0) { $0 + $1.seconds }, found.reduce(0) { $0 + $1.tokens })
    }
  }

  var seconds: Double { totals.reduce(0) { $0 + $1.seconds } }

  func seconds(_ phase: String) -> [Double?] { byIteration.map { $0[phase]?.seconds ?? 0 } }

  func speed(_ phases: [String]) -> [Double?] {
    byIteration.map { row in
      let found = phases.compactMap { row[$0] }
      let seconds = found.reduce(0) { $0 + $1.seconds }
      return seconds > 0 ? Double(found.reduce(0) { $0 + $1.tokens }) / seconds : nil
    }
  }

  /// All of it in figures.
  var html: HTML {
    guard seconds > 0 else { return .nothing }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="Time by phase"><table class="narrow"><thead><tr><th scope="col">Phase</th><th scope="col" class="figure">Time</th>
      <th scope="col" class="figure">Share</th><th scope="col" class="figure">Tokens</th><th scope="col" class="figure">Tokens/s</th></tr></thead>
      <tbody>\(totals.filter { $0.seconds > 0 }.html { total in
        """
        <tr><th scope="row">\(total.phase)</th><td class="figure">\(Format.duration(seconds: total.seconds))</td>\
        <td class="figure">\(Format.percent(total.seconds / seconds))</td><td class="figure">\(total.tokens > 0 ? Format.count(Int(total.tokens)) : Format.none)</td>\
        <td class="figure">\(total.tokens > 0 ? Format.short(Double(total.tokens) / total.seconds) : Format.none)</td></tr>
        """
      })</tbody></table></div>
      """
  }
}
