import Terminal
import Testing

/// What `top` draws, as text.
@Suite("The frame of top")
struct FrameTests {
  private static func rows(_ count: Int) -> [TopPicture.Row] {
    (0..<count).map { number in
      TopPicture.Row(
        name: "experiment-\(number)", state: number % 2 == 0 ? "running" : "paused", priority: number, events: 1000,
        tags: ["one"], heldBy: number == 0 ? "host:42" : nil)
    }
  }

  private static func detail(problems: Int = 30) -> TopPicture.Detail {
    TopPicture.Detail(
      name: "experiment-0", state: "running", reason: nil, iteration: 12, iterationsMax: 100, policyVersion: 11,
      nextStep: "propose", summary: nil, isInWork: false,
      rewards: (1...60).map {
        TopPicture.Reward(iteration: $0, proposer: Double($0) / 60, solver: $0 % 3 == 0 ? nil : -0.5)
      },
      problems: (0..<problems).map {
        TopPicture.Invented(id: "12.deduction.\($0)", text: "return x\n+ \($0)", solved: $0 % 4, attempts: 4)
      },
      conditions: ["duplicates since iteration 9: many"], note: "a\u{1B}[31mnote\nin two lines")
  }

  @Test(
    "a screen of 80 columns and 24 rows is filled exactly, and nothing is wider",
    arguments: [(80, 24), (40, 10), (200, 60)])
  func fits(width: Int, height: Int) {
    for count in [0, 1, 3, 40] {
      let picture = TopPicture(
        position: 77, rows: Self.rows(count), detail: count == 0 ? nil : Self.detail(),
        message: "experiment-0: pause requested")
      let lines = TopFrame(picture, width: width, style: Style(isColored: false)).screen(height: height)
      #expect(lines.count == height)
      #expect(lines.allSatisfy { $0.count <= width }, "\(lines)")
      #expect(lines.last?.hasPrefix("q quit") == true)
      #expect(lines[height - 2].hasPrefix("experiment-0: pause"))
    }
  }

  @Test("the frame names experiments, holder, iteration, rewards, health, note and the newest problem first")
  func says() {
    let picture = TopPicture(position: 77, rows: Self.rows(3), detail: Self.detail())
    let text = TopFrame(picture, width: 80, style: Style(isColored: false)).screen(height: 24).joined(separator: "\n")
    for wanted in [
      "3 experiments, 1 held   log at 77", "> experiment-0", "host:42",
      "iteration 12 of 100, policy version 11, next propose",
      "reward    proposer", "+1.00", "solver", "-0.50", "health    duplicates",
      "problems  12.deduction.29 1/4  return x⏎+ 29",
    ] { #expect(text.contains(wanted), "\(wanted) is not in\n\(text)") }
  }

  @Test("no control character of a note, a name or a problem reaches the terminal")
  func harmless() {
    var detail = Self.detail()
    detail.problems = [TopPicture.Invented(id: "1", text: "\u{1B}]0;title\u{7}\u{9B}31m", solved: 0, attempts: 0)]
    let picture = TopPicture(position: 1, rows: Self.rows(1), detail: detail, message: "\u{1B}c")
    let lines = TopFrame(picture, width: 80, style: Style(isColored: false)).screen(height: 24)
    #expect(lines.joined().unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) })
    #expect(lines.joined().contains("note      a·[31mnote⏎in two lines"))
  }

  @Test("the chosen experiment is in sight however long the list is")
  func scrolls() {
    for chosen in [0, 1, 20, 38, 39] {
      var detail = Self.detail()
      detail.name = "experiment-\(chosen)"
      let picture = TopPicture(position: 1, rows: Self.rows(40), detail: detail)
      let lines = TopFrame(picture, width: 80, style: Style(isColored: false)).screen(height: 24)
      #expect(lines.contains { $0.hasPrefix("> experiment-\(chosen) ") }, "\(chosen): \(lines)")
    }
  }

  @Test("colour adds codes and no text")
  func painted() {
    let picture = TopPicture(position: 77, rows: Self.rows(3), detail: Self.detail())
    let plain = TopFrame(picture, width: 80, style: Style(isColored: false)).screen(height: 24)
    let colored = TopFrame(picture, width: 80, style: Style(isColored: true)).screen(height: 24)
    #expect(plain != colored)
    #expect(colored.map { $0.replacing(/\u{1B}\[[0-9]+m/, with: "") } == plain)
  }

  @Test("a sparkline goes from its lowest to its highest value, with gaps")
  func sparkline() {
    #expect(Sparkline.text([0, 0.5, nil, 1], width: 10) == "▁▅ █")
    #expect(Sparkline.text([0, 1, 2, 3], width: 2) == "▁█")
    #expect(Sparkline.text([2, 2], width: 5) == "▄▄")
    #expect(Sparkline.text([nil, .nan], width: 5) == "  ")
    #expect(Sparkline.text([], width: 5) == "")
    #expect(
      Sparkline.bar(0.5, width: 4) == "██░░" && Sparkline.bar(7, width: 2) == "██"
        && Sparkline.bar(.nan, width: 2) == "░░")
  }

  @Test("keys are what a terminal sends for them")
  func keys() {
    #expect(RawTerminal.key([0x1B, 0x5B, 0x41]) == .up && RawTerminal.key([0x1B, 0x4F, 0x42]) == .down)
    #expect(RawTerminal.key([3]) == .quit && RawTerminal.key(Array("q".utf8)) == .quit)
    #expect(RawTerminal.key(Array("p".utf8)) == .pause && RawTerminal.key(Array("r".utf8)) == .resume)
    #expect(RawTerminal.key([0x1B]) == .other && RawTerminal.key([]) == .other)
  }

  @Test("colours are for terminals that want them")
  func choice() {
    func isColored(_ choice: ColorChoice, _ isTerminal: Bool, _ environment: [String: String] = [:]) -> Bool {
      Style(choice, isTerminal: isTerminal, environment: environment).isColored
    }
    #expect(isColored(.auto, true) && !isColored(.auto, false))
    #expect(!isColored(.auto, true, ["NO_COLOR": "1"]) && isColored(.auto, true, ["NO_COLOR": ""]))
    #expect(!isColored(.auto, true, ["TERM": "dumb"]))
    #expect(isColored(.always, false, ["NO_COLOR": "1"]) && !isColored(.never, true))
  }
}
