/// What is run: short functions of the kind that small models propose, each different from every other.
enum Programs {
  struct Program: Encodable {
    var source: String
    var input: String

    /// As the fork server reads it.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.unkeyedContainer()
      try container.encode(source)
      try container.encode(input)
    }
  }

  static func trivial(_ number: Int) -> Program {
    Program(source: "def f(a):\n    return a + \(number)", input: "1")
  }

  static func typical(_ number: Int) -> Program {
    switch number % 4 {
    case 0: Program(source: sums(number), input: "[3, 1, 2, \(number)], 2")
    case 1: Program(source: words(number), input: "'the quick brown fox', \(number)")
    case 2: Program(source: grid(number), input: "[[1, 2], [3, 4]]")
    default: trivial(number)
    }
  }

  private static func sums(_ number: Int) -> String {
    """
    def f(numbers, k=2):
        total, seen = \(number), {}
        for i, n in enumerate(numbers):
            if n % k == 0:
                total += n * i
            else:
                seen[n] = seen.get(n, 0) + 1
        return [total, sorted(seen.items(), key=lambda p: (-p[1], p[0]))]
    """
  }

  private static func words(_ number: Int) -> String {
    """
    from collections import Counter
    def f(text, shift):
        letters = Counter(c for c in text if c.isalpha())
        moved = ''.join(chr((ord(c) - 97 + shift) % 26 + 97) if c.isalpha() else c for c in text)
        return {'most': letters.most_common(3), 'text': moved, 'number': \(number)}
    """
  }

  private static func grid(_ number: Int) -> String {
    """
    import math
    class Grid:
        def __init__(self, rows): self.rows = rows
        def turned(self): return [list(row) for row in zip(*self.rows[::-1])]
    def f(rows):
        g = Grid(rows)
        return g.turned(), math.prod(x for row in rows for x in row) + \(number)
    """
  }
}
