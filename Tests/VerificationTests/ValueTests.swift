import Testing
import Verification
import VerifierProtocol

@Suite("Canonical values")
struct ValueTests {
  @Test("every type has the text of docs/sandbox.md")
  func table() async throws {
    let table: [(expression: String, text: String)] = [
      ("None", "None"), ("True", "True"), ("False", "False"), ("0", "0"), ("-17", "-17"),
      ("10**30", "1" + String(repeating: "0", count: 30)),
      ("1.0", "1.0"), ("1e16", "1e+16"), ("-0.0", "-0.0"), ("0.1+0.2", "0.30000000000000004"), ("5e-324", "5e-324"),
      ("float('nan')", "nan"), ("-float('nan')", "nan"), ("float('inf')", "inf"), ("-float('inf')", "-inf"),
      ("'abc'", "'abc'"), ("\"it's\"", "\"it's\""), ("'a\\n\\x00é\\u200b'", "'a\\n\\x00é\\u200b'"),
      ("'\\ud800'", "'\\ud800'"),
      ("b'a\\xff'", "b'a\\xff'"), ("[]", "[]"), ("[1, [2.0, ()]]", "[1, [2.0, ()]]"), ("(1,)", "(1,)"),
      ("(1, 2)", "(1, 2)"),
      ("{}", "{}"), ("{'b': 1, 'a': [2]}", "{'a': [2], 'b': 1}"), ("{2: 0, 10: 1}", "{10: 1, 2: 0}"),
      ("set()", "set()"), ("{3, 1, 2}", "{1, 2, 3}"), ("frozenset()", "frozenset()"),
      ("frozenset({2, 1})", "frozenset({1, 2})"),
      ("{frozenset({'z', 'y'}), ('x',)}", "{('x',), frozenset({'y', 'z'})}"),
    ]
    try await withWorkers { pool async throws in
      for row in table {
        let outcome = try await pool.value(row.expression)
        #expect(outcome == .value(row.text), "\(row.expression)")
      }
    }
  }

  @Test("1, 1.0 and True are different values")
  func typesMatter() async throws {
    try await withWorkers { pool async throws in
      let outcomes = [try await pool.value("1"), try await pool.value("1.0"), try await pool.value("True")]
      #expect(Set(outcomes).count == 3)
    }
  }

  @Test("a canonical text read as a literal gives itself")
  func fixedPoint() async throws {
    let texts = ["{'a': [1, 2.5, (None,)], 'b': {1, 2}}", "frozenset({b'x', nan})", "[-inf, -0.0, set(), '\\ud800']"]
    try await withWorkers { pool async throws in
      for text in texts { #expect(try await pool.literal(text) == .text(text)) }
    }
  }

  @Test("sets of strings have one text under both hash seeds")
  func setOrder() async throws {
    try await withWorkers { pool async throws in
      let outcome = try await pool.value("{'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'}")
      #expect(outcome == .value("{'alpha', 'beta', 'delta', 'epsilon', 'gamma', 'zeta'}"))
    }
  }

  @Test("other types are named and refused, also deep inside and as subclasses")
  func unsupported() async throws {
    let table = [
      ("__import__('collections').Counter('aab')", "Counter"),
      ("__import__('collections').deque([1])", "collections.deque"),
      ("object()", "object"), ("1j", "complex"), ("range(3)", "range"), ("(x for x in ())", "generator"),
      ("len", "builtin_function_or_method"),
      ("[1, {'a': bytearray(b'x')}]", "bytearray"), ("type('int', (int,), {})(5)", "int"),
      ("type('A', (str,), {})('x')", "A"), ("...", "ellipsis"),
      ("{1: 2}.keys()", "dict_keys"), ("__import__('fractions').Fraction(1, 2)", "Fraction"), ("int", "type"),
    ]
    try await withWorkers { pool async throws in
      for (expression, type) in table {
        #expect(try await pool.value(expression) == .unsupportedValue(type: type), "\(expression)")
      }
    }
  }

  @Test("a value of exactly the limit passes and one byte more is too large")
  func limit() async throws {
    let limits = VerifierLimits.test
    try await withWorkers { pool async throws in
      let fitting = String(repeating: "x", count: limits.outputBytes - 2)
      #expect(try await pool.value("'x' * \(limits.outputBytes - 2)") == .value("'\(fitting)'"))
      #expect(try await pool.value("'x' * \(limits.outputBytes - 1)") == .tooLarge)
    }
  }

  @Test("the limit counts the text of containers, and sorting does not change it")
  func limitOfContainers() async throws {
    var limits = VerifierLimits.test
    limits.outputBytes = 9
    try await withWorkers { pool async throws in
      #expect(try await pool.value("{3, 2, 1}", limits: limits) == .value("{1, 2, 3}"))
      #expect(try await pool.value("{10, 2, 1}", limits: limits) == .tooLarge)
    }
  }

  @Test("huge integers, cycles and deep nesting are too large")
  func tooLarge() async throws {
    try await withWorkers { pool async throws in
      #expect(try await pool.value("10 ** 100_000") == .tooLarge)
      #expect(try await pool.call("def f():\n    a = []\n    a.append(a)\n    return a").outcome == .tooLarge)
      #expect(
        try await pool.call("def f():\n    a = 0\n    for _ in range(65): a = [a]\n    return a").outcome == .tooLarge)
      let doubling = "def f():\n    a = [0]\n    for _ in range(60): a = [a, a]\n    return a"
      #expect(try await pool.call(doubling).outcome == .tooLarge)
    }
  }

  @Test("64 levels of nesting are encoded")
  func deepest() async throws {
    try await withWorkers { pool async throws in
      let outcome = try await pool.call("def f():\n    a = 0\n    for _ in range(64): a = [a]\n    return a").outcome
      #expect(outcome == .value(String(repeating: "[", count: 64) + "0" + String(repeating: "]", count: 64)))
    }
  }
}
