import Domain
import Foundation
import Projections

/// A picture as lines of text: exactly as high as the screen and nowhere wider. The same picture gives the same frame.
package struct TopFrame {
  private let picture: TopPicture
  private let width: Int
  private let style: Style

  /// Narrower or lower screens are drawn as if they had this size, and cut off.
  package static let widthMin = 40
  package static let heightMin = 10

  package init(_ picture: TopPicture, width: Int, style: Style) {
    self.picture = picture
    self.width = max(Self.widthMin, width)
    self.style = style
  }

  /// As many lines as there is something to say: without a terminal.
  package var lines: [String] {
    let detail = picture.detail.map { body($0, problems: 5) } ?? []
    return ([head] + table(rowsMax: Int.max) + detail + (picture.message.isEmpty ? [] : [fit(picture.message)]))
      .map { $0.text(style) }
  }

  /// Exactly `height` lines.
  package func screen(height: Int) -> [String] {
    let height = max(Self.heightMin, height)
    let fixed = picture.detail.map { body($0, problems: 0).count } ?? 0
    // Head, table's head, the blank line before the detail, message and keys.
    let free = height - fixed - 4
    let rowsMax = max(1, min(picture.rows.count, max(3, free / 2)))
    let problems = max(0, free - min(rowsMax, picture.rows.count) - 1)
    var lines = [head] + table(rowsMax: rowsMax)
    if let detail = picture.detail { lines += body(detail, problems: problems) }
    lines = Array(lines.prefix(height - 2))
    lines += Array(repeating: Painted(""), count: height - 2 - lines.count)
    lines.append(fit(picture.message, .warn))
    lines.append(fit(Self.keys, .dim))
    return lines.map { $0.text(style) }
  }

  private static let keys = "q quit   ↑↓ choose   p pause   r resume"

  // MARK: Parts

  private var head: Painted {
    let held = picture.rows.count { $0.heldBy != nil }
    return fit(
      "autodidact top   \(count(picture.rows.count, "experiment")), \(held) held   log at \(picture.position)", .bold)
  }

  private func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }

  /// The list, scrolled so that the chosen experiment is seen.
  private func table(rowsMax: Int) -> [Painted] {
    guard !picture.rows.isEmpty else { return [fit("no experiments; autodidact create SETTINGS.yaml --name NAME")] }
    let chosen = picture.rows.firstIndex { $0.name == picture.detail?.name } ?? 0
    let first = max(0, min(chosen - rowsMax / 2, picture.rows.count - rowsMax))
    let shown = Array(picture.rows[first..<min(picture.rows.count, first + min(rowsMax, picture.rows.count))])
    let cells =
      [["  name", "state", "prio", "events", "held by", "tags"]]
      + shown.map { row in
        [
          (row.name == picture.detail?.name ? "> " : "  ") + String(row.name.prefix(24)), row.state, "\(row.priority)",
          "\(row.events)", row.heldBy ?? "–", row.tags.joined(separator: " "),
        ]
      }
    let lines = TextTable(rows: cells, words: [1, 4, 5]).lines
    return lines.enumerated().map { number, line in
      if number == 0 { return fit(line, .dim) }
      return fit(line, shown[number - 1].name == picture.detail?.name ? .inverse : .state(shown[number - 1].state))
    }
  }

  private func body(_ detail: TopPicture.Detail, problems: Int) -> [Painted] {
    var lines = [fit(""), title(detail)]
    if let summary = detail.summary { lines += time(summary, detail) + rates(summary) }
    lines += rewards(detail.rewards)
    if let summary = detail.summary, !summary.refusals.isEmpty {
      lines.append(
        fit("refused   " + summary.refusals.map { "\($0.refusal.rawValue) \($0.count)" }.joined(separator: ", ")))
    }
    for condition in detail.conditions { lines.append(fit("health    \(condition)", .warn)) }
    if !detail.note.isEmpty { lines.append(fit("note      " + Self.oneLine(detail.note))) }
    return lines + invented(detail.problems.suffix(max(0, problems)))
  }

  private func title(_ detail: TopPicture.Detail) -> Painted {
    var text =
      "\(detail.name): \(detail.state), iteration \(detail.iteration) of \(detail.iterationsMax), policy version "
      + "\(detail.policyVersion)"
    if let step = detail.nextStep { text += ", next \(step)" }
    if let reason = detail.reason { text += " (\(Self.oneLine(reason)))" }
    return fit(text, .bold)
  }

  private func time(_ summary: IterationSummary, _ detail: TopPicture.Detail) -> [Painted] {
    let which = detail.isInWork ? "iteration in work" : "last iteration"
    let tokens = summary.phases.reduce(0) { $0 + $1.tokens }
    let rate = summary.seconds > 0 && tokens > 0 ? "\(Int(Double(tokens) / summary.seconds)) tokens/s" : "–"
    let timed = summary.phases.filter { $0.tokens > 0 && $0.seconds > 0 }
      .map { "\($0.name) \(Int(Double($0.tokens) / $0.seconds))" }
    var lines = [
      fit(
        "speed     \(rate), \(tokens) tokens in \(Format.decimal(summary.seconds, 1)) s (\(which))"
          + (timed.isEmpty ? "" : ": " + timed.joined(separator: ", ")))
    ]
    let all = max(summary.seconds, 1e-9)
    let phases = summary.phases.filter { $0.seconds / all >= 0.005 }.map {
      "\($0.name) \(Sparkline.bar($0.seconds / all, width: 5)) \(Int(($0.seconds / all * 100).rounded())) %"
    }
    if !phases.isEmpty { lines.append(fit("phases    " + phases.joined(separator: "  "))) }
    return lines
  }

  private func rates(_ summary: IterationSummary) -> [Painted] {
    guard !summary.kinds.isEmpty else { return [] }
    var rows = [["rates", "accepted", "learnable", "probes solved", "solved"]]
    rows += summary.kinds.map { kind in
      [
        "  " + kind.kind.rawValue, Format.share(kind.accepted, kind.proposed), "\(kind.learnable)",
        Format.share(kind.probes.correct, kind.probes.attempts),
        Format.share(kind.solves.correct, kind.solves.attempts),
      ]
    }
    return TextTable(rows: rows).lines.enumerated().map { fit($1, $0 == 0 ? .dim : .plain) }
  }

  private func rewards(_ rewards: [TopPicture.Reward]) -> [Painted] {
    guard !rewards.isEmpty else { return [] }
    func line(_ name: String, _ values: [Double?]) -> Painted {
      let last = values.last { $0 != nil } ?? nil
      return fit("\(name)  \(Sparkline.text(values, width: width - 26)) \(Format.signed(last))")
    }
    return [line("reward    proposer", rewards.map(\.proposer)), line("          solver  ", rewards.map(\.solver))]
  }

  private func invented(_ problems: ArraySlice<TopPicture.Invented>) -> [Painted] {
    problems.reversed().enumerated().map { number, problem in
      let solved = problem.attempts > 0 ? "\(problem.solved)/\(problem.attempts)" : "–"
      return fit((number == 0 ? "problems  " : "          ") + "\(problem.id) \(solved)  \(Self.oneLine(problem.text))")
    }
  }

  // MARK: Fitting

  /// Cut to the width before it is coloured, because colour has none.
  private func fit(_ text: String, _ paint: Painted.Paint = .plain) -> Painted {
    let flat = String(Self.oneLine(text))
    return Painted(flat.count > width ? flat.prefix(width - 1) + "…" : flat, paint)
  }

  private static func oneLine(_ text: String) -> String {
    String(
      text.unicodeScalars.map { scalar -> Character in
        scalar == "\n" ? "⏎" : scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? "·" : Character(scalar)
      })
  }
}

/// A line and how it is painted.
private struct Painted {
  enum Paint { case plain, dim, bold, inverse, warn, state(String) }

  var content: String
  var paint: Paint

  init(_ content: some StringProtocol, _ paint: Paint = .plain) {
    self.content = String(content)
    self.paint = paint
  }

  func text(_ style: Style) -> String {
    switch paint {
    case .plain: content
    case .dim: style.dim(content)
    case .bold: style.bold(content)
    case .inverse: style.inverse(content)
    case .warn: style.yellow(content)
    case .state(let state):
      switch state {
      case "running", "resuming": style.green(content)
      case "failed": style.red(content)
      case "paused", "pausing", "stopping", "importing": style.yellow(content)
      default: content
      }
    }
  }
}
