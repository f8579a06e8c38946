import Dashboard
import Testing

/// Texts that a program, an answer or a name could hold to become markup.
let hostileTexts = [
  "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><svg/onload=alert(1)>",
  "' onmouseover='alert(1)",
  "`${alert(1)}`", "javascript:alert(1)", "<!--", "]]>", "&lt;script&gt;", "</textarea></style></title><b>",
  "\u{0}\u{1F}<\u{7F}",
]

@Suite("HTML")
struct HTMLTests {
  @Test("no text of the log can become markup, between tags or in an attribute", arguments: hostileTexts)
  func escapes(text: String) {
    let html: HTML = "<p title=\"\(text)\">\(text)</p>"
    let inner = html.text.dropFirst("<p title=\"".count).dropLast("</p>".count)
    #expect(inner.filter { $0 == "<" }.isEmpty)
    #expect(inner.filter { $0 == ">" }.count == 1)
    #expect(inner.filter { $0 == "\"" }.count == 1)
    #expect(!inner.contains("'") && !inner.contains("`"))
  }

  @Test("an escaped text reads back as it was")
  func readsBack() {
    let html: HTML = "\("a < b && c > \"d\" 'e' `f`")"
    let back = html.text.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
      .replacing("&#39;", with: "'").replacing("&#96;", with: "`").replacing("&amp;", with: "&")
    #expect(back == "a < b && c > \"d\" 'e' `f`")
  }

  @Test(
    "marks that turn the direction of text, and controls, are written out",
    arguments: ["\u{202E}", "\u{2066}", "\u{200B}", "\u{1B}", "\u{0}"])
  func invisible(mark: String) {
    let html: HTML = "\("return \(mark) 1")"
    #expect(!html.text.unicodeScalars.contains(mark.unicodeScalars.first!))
    #expect(html.text.contains("⟨U+"))
  }

  @Test("markup put into markup is not escaped again")
  func nests() {
    let inner: HTML = "<b>\("1 < 2")</b>"
    let outer: HTML = "<p>\(inner)\([inner, inner])</p>"
    #expect(outer.text == "<p><b>1 &lt; 2</b><b>1 &lt; 2</b><b>1 &lt; 2</b></p>")
  }
}

@Suite("Links")
struct LinkTests {
  @Test("every byte that has a meaning in a URL is encoded")
  func encodes() {
    #expect(Link.experiment("a/b c?d#e&f=g%\"'é").text == "/experiments/a%2Fb%20c%3Fd%23e%26f%3Dg%25%22%27%C3%A9")
  }

  @Test("fields without a value are left out, the others follow in order")
  func query() {
    let link = Link.experiment("first", "problems").with("kind", "a&b").with("order", nil as String?).with("offset", 50)
    #expect(link.text == "/experiments/first/problems?kind=a%26b&offset=50")
  }

  @Test("the root is a slash")
  func root() { #expect(Link().text == "/") }
}
