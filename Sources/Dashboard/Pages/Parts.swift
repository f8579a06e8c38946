/// Small parts that several pages have.
enum Parts {
  /// An experiment's state: a word with a mark whose form says it too.
  static func state(_ state: String) -> HTML {
    let kind =
      switch state {
      case "running", "created": "going"
      case "paused", "pausing", "resuming", "stopping": "waiting"
      case "failed": "failed"
      default: "over"
      }
    return "<span class=\"state \(kind)\">\(state)</span>"
  }

  static func verdict(_ verdict: String?) -> HTML {
    guard let verdict else { return "<span class=\"verdict open\">not verified</span>" }
    let kind = verdict == "correct" ? "right" : verdict == "malformed" ? "malformed" : "wrong"
    return "<span class=\"verdict \(kind)\">\(verdict.replacing("_", with: " "))</span>"
  }

  static func kind(_ kind: String) -> HTML {
    "<span class=\"kind c\(color(ofKind: kind))\"><span class=\"swatch\"></span>\(kind)</span>"
  }

  static func color(ofKind kind: String) -> Int {
    switch kind {
    case "deduction": 1
    case "abduction": 2
    case "induction": 3
    default: 4
    }
  }

  /// k of n as a small bar and in figures.
  static func solved(_ correct: Int, of attempts: Int) -> HTML {
    guard attempts > 0 else { return "<span class=\"quiet\">–</span>" }
    return """
      <span class="solved"><svg viewBox="0 0 40 6" aria-hidden="true"><rect class="rest" width="40" height="6" rx="1"/>\
      <rect class="done" width="\(correct * 40 / attempts)" height="6" rx="1"/></svg> \(correct)<span class="quiet"> of </span>\(attempts)</span>
      """
  }

  /// A term and what it is.
  static func facts(_ facts: [(String, HTML)]) -> HTML {
    "<dl class=\"facts\">\(facts.html { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" })</dl>"
  }

  /// A choice among few as a drop-down field.
  static func select(_ name: String, label: String, choices: [(value: String, title: String)], chosen: String?) -> HTML
  {
    """
    <label>\(label) <select name="\(name)">\(choices.html { choice in
      "<option value=\"\(choice.value)\"\((choice.value == (chosen ?? "") ? " selected" : "") as HTML)>\(choice.title)</option>"
    })</select></label>
    """
  }

  static func numberField(_ name: String, label: String, value: Int?) -> HTML {
    "<label>\(label) <input type=\"number\" name=\"\(name)\" min=\"0\" value=\"\(value.map { "\($0)" } ?? "")\"></label>"
  }

  /// Links to the pages before and after.
  static func pager(previous: Link?, next: Link?, words: String) -> HTML {
    let back: HTML? = previous.map { "<a href=\"\($0)\" rel=\"prev\">Newer</a>" }
    let on: HTML? = next.map { "<a href=\"\($0)\" rel=\"next\">Older</a>" }
    return "<nav class=\"pager\" aria-label=\"Pages\">\(back) <span class=\"quiet\">\(words)</span> \(on)</nav>"
  }

  static let kinds = ["deduction", "abduction", "induction"]
}
