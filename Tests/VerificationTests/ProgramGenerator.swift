import Domain

/// Random Python: programs grown from a grammar, and attacks mutated line by line and byte by byte. Most of the latter are no
/// programs any more: they test the way in; `SyntaxTreeMutator` makes the ones that test the sandbox.
struct ProgramGenerator {
  private var random: RandomStream

  init(seed: UInt64) { random = RandomStream(RandomKey(seed: seed, purpose: .problems, iteration: 0)) }

  /// A program and an argument list for it.
  mutating func next() -> (program: String, input: String) {
    switch random.below(4) {
    case 0: return (mutated(grown()), input())
    case 1: return (mutated(pick(Attack.all.map(\.program))), input())
    case 2:
      let lines = pick(Attack.all.map(\.program)).split(separator: "\n", omittingEmptySubsequences: false)
      let others = pick(Attack.all.map(\.program)).split(separator: "\n", omittingEmptySubsequences: false)
      let cut = random.below(lines.count + 1)
      return ((lines[..<cut] + others[random.below(others.count)...]).joined(separator: "\n"), input())
    default: return (grown(), input())
    }
  }

  private mutating func pick<Element>(_ choices: [Element]) -> Element { choices[random.below(choices.count)] }

  mutating func grown() -> String {
    var text = "def f(a=1, b=2, *c):\n"
    for _ in 0...random.below(6) { text += statement(depth: 1, indent: 1) }
    return text + "    return \(expression(depth: 3))\n"
  }

  private mutating func statement(depth: Int, indent: Int) -> String {
    let space = String(repeating: "    ", count: indent)
    let inner = indent < 4 ? { (me: inout Self) in me.statement(depth: depth + 1, indent: indent + 1) } : nil
    switch random.below(inner == nil ? 3 : 9) {
    case 0: return "\(space)\(name()) = \(expression(depth: 3))\n"
    case 1: return "\(space)\(expression(depth: 3))\n"
    case 2: return "\(space)\(name()) \(pick(["+=", "*=", "-=", "//=", "**="])) \(expression(depth: 2))\n"
    case 3: return "\(space)for \(name()) in \(expression(depth: 2)):\n\(inner!(&self))"
    case 4: return "\(space)while \(expression(depth: 2)):\n\(inner!(&self))"
    case 5: return "\(space)if \(expression(depth: 2)):\n\(inner!(&self))"
    case 6: return "\(space)try:\n\(inner!(&self))\(space)except:\n\(inner!(&self))"
    case 7: return "\(space)def \(name())(a=0, *b):\n\(inner!(&self))\(space)    yield a\n"
    default: return "\(space)class \(pick(["int", "str", "E", "list"])):\n\(inner!(&self))"
    }
  }

  private mutating func expression(depth: Int) -> String {
    guard depth > 0 else { return atom() }
    switch random.below(12) {
    case 0, 1, 2:
      let operation = pick(["+", "-", "*", "//", "%", "**", "<<", "and", "or", "==", "in", "is", "|"])
      return "(\(expression(depth: depth - 1)) \(operation) \(expression(depth: depth - 1)))"
    case 3: return "\(pick(Self.functions))(\(expression(depth: depth - 1)))"
    case 4: return "[\(expression(depth: depth - 1)) for \(name()) in \(expression(depth: depth - 1))]"
    case 5: return "{\(expression(depth: depth - 1)): \(expression(depth: depth - 1))}"
    case 6: return "\(expression(depth: depth - 1)).\(pick(Self.attributes))"
    case 7: return "\(expression(depth: depth - 1))[\(expression(depth: depth - 1))]"
    case 8: return "(lambda \(name()): \(expression(depth: depth - 1)))"
    case 9: return "{\(expression(depth: depth - 1)), \(expression(depth: depth - 1))}"
    case 10: return "__import__('\(pick(["os", "sys", "math", "ctypes", "gc", "re", "json", "socket"]))')"
    default: return atom()
    }
  }

  private mutating func atom() -> String {
    pick([
      name(), "0", "1", "-1", "7", "10**9", "2.5", "1e308", "''", "'abc'", "b'x'", "[]", "()", "{}", "None", "True",
      "float('nan')", "range(10**12)", "'é\\x00'", "...", "1j", "object()", "\(random.below(1 << 40))",
    ])
  }

  private mutating func name() -> String { pick(["a", "b", "c", "x", "f", "i"]) }

  mutating func input() -> String {
    pick(["", "1", "1, 2", "[1, 2, 3]", "'abc', 3", "None", "{1: 2}, {3}", "10**3", "float('nan')", "1) or (1", "b''"])
  }

  /// One to four changes: a line taken out, doubled or moved; a byte changed; a piece cut out.
  private mutating func mutated(_ program: String) -> String {
    var text = program
    for _ in 0...random.below(4) {
      var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      let line = random.below(lines.count)
      switch random.below(5) {
      case 0: lines.remove(at: line)
      case 1: lines.insert(lines[line], at: random.below(lines.count + 1))
      case 2: lines.swapAt(line, random.below(lines.count))
      case 3:
        var scalars = Array(lines[line].unicodeScalars)
        if !scalars.isEmpty { scalars[random.below(scalars.count)] = Unicode.Scalar(UInt8(random.below(128))) }
        lines[line] = String(String.UnicodeScalarView(scalars))
      default: lines[line] = String(lines[line].dropFirst(random.below(lines[line].count + 1)))
      }
      text = lines.isEmpty ? "pass" : lines.joined(separator: "\n")
    }
    return text
  }

  private static let functions = [
    "len", "sum", "sorted", "str", "int", "list", "tuple", "set", "frozenset", "dict", "repr", "hash", "id", "iter",
    "next", "type", "range", "abs", "max", "bytes", "bytearray", "print", "f", "eval", "exec", "compile", "open",
    "vars",
    "getattr", "map", "zip", "reversed", "bool", "float", "complex", "chr", "bin", "dir", "memoryview", "super",
  ]

  private static let attributes = [
    "__class__", "__dict__", "__doc__", "append", "items", "upper", "format", "__subclasses__", "__globals__", "join",
    "__code__", "__init__", "__reduce__", "real", "encode", "pop", "gi_frame", "__mro__", "sort", "copy",
  ]
}
