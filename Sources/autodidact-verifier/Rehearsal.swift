import CPython
import VerifierProtocol

/// What every child does, done some times in the zygote before the first fork: CPython specialises bytecode after a few
/// calls and fills its caches, Swift makes its metadata, both by writing to memory that each child would otherwise copy
/// and write anew. The programs are ours, and nothing of them is left but caches.
enum Rehearsal {
  /// CPython 3.11 specialises a function after 8 calls.
  private static let rounds = 10

  private static let programs: [(program: String, call: String)] = [
    (
      """
      import math
      from collections import Counter
      def f(a, b='x', *, key=None):
          '''A docstring.'''
          total, seen = 0, {}
          for i, n in enumerate(a):
              if n % 2 == 0 and i not in seen:
                  total += n * i
              else:
                  seen[n] = seen.get(n, 0) - 1.5
          return [total, f'{b}-{total:>4}', {k: (v, True) for k, v in sorted(seen.items(), key=lambda p: p[0])}, {math.floor(2.5)}]
      """, "[1, 2, -3, 4], 'é', key={'a': (1, None, b'x')}"
    ),
    ("class A:\n    x = 1\ndef f(a):\n    while a > 0: a -= 1\n    return A().x + a", "3"),
    ("def f(a):\n    return a[5]", "[1, {2, 3}]"),
    ("def f(:", "1"), ("import os\ndef f(): pass", ""), ("def f(a): return a", "1) or f(1"),
  ]

  private static let trees: [(question: String, texts: [String])] = [
    ("rename", [programs[0].program, "g_0"]),
    ("compose", ["def f(a):\n    return g_0(a) + 1", "g_0", "def g_0(a):\n    return a"]),
    ("measure", [programs[0].program, programs[1].program]),
  ]

  /// Called once, after the interpreter is loaded and before its objects are frozen. Whatever goes wrong here would go
  /// wrong in a child as well, where it is judged; here it is put aside.
  static func run(_ interpreter: Interpreter) {
    for _ in 0..<rounds {
      for (program, call) in programs { rehearse(program, call, interpreter) }
      release(call(interpreter.prepareLiteral, pythonTuple(["{'a': (1, None), 2: [-3.5]}"])))
      for options in ["", "cgn"] {
        release(call(interpreter.normalise, pythonTuple([programs[0].program, "f", options])))
      }
    }
    for (question, texts) in trees {
      let arguments = pythonTuple(owned: [pythonText(question), pythonText("f"), pythonTuple(texts)])
      release(call(interpreter.inspect, arguments))
    }
    // An exception that is taken as a child takes it keeps its frames alive, so once must do.
    PyErr_SetString(python_memory_error(), "x")
    if let raised = Raised.take() { _ = ChildFrame.payload(input: nil, texts: [raised.type, raised.message]) }
  }

  /// A call from its text to the payload of its frame, as `Child.call` does it, in a namespace that is thrown away.
  private static func rehearse(_ program: String, _ text: String, _ interpreter: Interpreter) {
    let arguments = interpreter.arguments(program: program, call: text, entry: "f", screening: .standard)
    guard let prepared = call(interpreter.prepareCall, arguments) else { return PyErr_Clear() }
    defer { Py_DecRef(prepared) }
    guard Child.swiftText(python_tuple_item(prepared, 0)) == "ready", let namespace = PyDict_New() else { return }
    defer { Py_DecRef(namespace) }
    PyDict_SetItemString(namespace, "__builtins__", PyEval_GetBuiltins())
    var input = CanonicalEncoder(bytesMax: 400)
    try? input.encode(positional: python_tuple_item(prepared, 2)!, named: python_tuple_item(prepared, 3)!)
    release(PyEval_EvalCode(python_tuple_item(prepared, 1), namespace, namespace))
    guard let function = PyDict_GetItemString(namespace, "f"),
      let value = PyObject_Call(function, python_tuple_item(prepared, 2), python_tuple_item(prepared, 3))
    else { return PyErr_Clear() }
    defer { Py_DecRef(value) }
    var encoder = CanonicalEncoder(bytesMax: 400)
    try? encoder.encode(value)
    _ = ChildFrame.payload(input: input.bytes, value: encoder.bytes)
  }

  /// A new reference, or nil with an exception set. Takes over `arguments`.
  private static func call(_ function: Object, _ arguments: Object?) -> Object? {
    guard let arguments else { return nil }
    defer { Py_DecRef(arguments) }
    return PyObject_CallObject(function, arguments)
  }

  private static func release(_ object: Object?) {
    if let object { Py_DecRef(object) } else { PyErr_Clear() }
  }
}
