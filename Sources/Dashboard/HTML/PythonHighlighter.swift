/// Colours a Python program: keywords, names of functions, literals, comments. A scanner of characters, not a parser: whatever it is
/// given comes out whole and escaped, coloured or not.
struct PythonHighlighter {
  private let characters: [Character]
  private var index = 0
  private var result = HTML.nothing
  private var previousWord = ""

  /// Longer programs are shown without colours.
  private static let charactersMax = 20_000

  static func html(_ program: String) -> HTML {
    let characters = Array(program)
    guard characters.count <= charactersMax else { return "\(program)" }
    var highlighter = PythonHighlighter(characters: characters)
    return highlighter.run()
  }

  private init(characters: [Character]) { self.characters = characters }

  private mutating func run() -> HTML {
    while index < characters.count {
      let character = characters[index]
      if character == "#" {
        emit("comment", upTo: end { $0 == "\n" || $0 == "\r\n" })
      } else if character == "\"" || character == "'" {
        emit("string", upTo: endOfString())
      } else if character.isNumber {
        emit("number", upTo: end { !($0.isNumber || $0.isLetter || $0 == "." || $0 == "_") })
      } else if character.isLetter || character == "_" {
        word()
      } else {
        emit(nil, upTo: index + 1)
      }
    }
    return result
  }

  private mutating func word() {
    let stop = end { !($0.isLetter || $0.isNumber || $0 == "_") }
    let word = String(characters[index..<stop])
    if stop < characters.count, stop - index <= 2, characters[stop] == "\"" || characters[stop] == "'",
      word.allSatisfy({ "rbfuRBFU".contains($0) })
    {
      let start = index
      index = stop
      let stringEnd = endOfString()
      index = start
      return emit("string", upTo: stringEnd)
    }
    let kind: String? =
      Self.keywords.contains(word)
      ? "keyword" : Self.constants.contains(word) ? "number" : previousWord == "def" || isCall(stop) ? "name" : nil
    emit(kind, upTo: stop)
    previousWord = word
  }

  private func isCall(_ stop: Int) -> Bool { stop < characters.count && characters[stop] == "(" }

  private func end(_ isEnd: (Character) -> Bool) -> Int {
    characters[index...].firstIndex(where: isEnd) ?? characters.count
  }

  /// Behind the closing quote, or the end of the line or text where there is none.
  private func endOfString() -> Int {
    let quote = characters[index]
    let isTriple = characters[index...].prefix(3).elementsEqual([quote, quote, quote])
    var place = index + (isTriple ? 3 : 1)
    while place < characters.count {
      if characters[place] == "\\" {
        place += 2
      } else if isTriple
        ? characters[place...].prefix(3).elementsEqual([quote, quote, quote]) : characters[place] == quote
      {
        return min(characters.count, place + (isTriple ? 3 : 1))
      } else if !isTriple, characters[place].isNewline {
        return place
      } else {
        place += 1
      }
    }
    return characters.count
  }

  private mutating func emit(_ kind: String?, upTo stop: Int) {
    let text = String(characters[index..<stop])
    result += kind.map { "<span class=\"py-\($0)\">\(text)</span>" } ?? "\(text)"
    index = stop
  }

  private static let keywords: Set<String> = [
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
    "finally",
    "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return",
    "try",
    "while", "with", "yield", "match", "case",
  ]
  private static let constants: Set<String> = ["True", "False", "None"]
}
