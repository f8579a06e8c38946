import VerifierProtocol

/// Results that lie.
extension Attack {
  private static let alwaysEqual = """
    class int(int):
        def __eq__(self, other): return True
        def __hash__(self): return 0
        def __repr__(self): return '42'
    """

  static let forgeries = [
    Attack(
      "writes to every descriptor", .forbidden(""),
      "import os\ndef f():\n    for d in range(256):\n        try: os.write(d, b'{\"value\": 1}' * 50)\n        except OSError: pass\n    return 1"
    ),
    Attack(
      "writes to the result descriptor", .forbidden("wrote to the result descriptor"),
      "import os\ndef f():\n    os.write(3, b'\\x00' * 16 + b'\\x01')\n    return 1"),
    Attack(
      "writes to the result descriptor and ends", .forbidden("wrote to the result descriptor"),
      "import os\ndef f():\n    os.write(3, b'\\x00' * 16 + b'\\x01' + bytes(8) + (1).to_bytes(8, 'little') + b'7')\n    os._exit(0)"
    ),
    Attack(
      "floods the result descriptor", .forbidden("wrote to the result descriptor"),
      "import os\ndef f():\n    while True: os.write(3, b'x' * 65536)"),
    Attack(
      "an int that equals everything", .exactly(.unsupportedValue(type: "int")),
      "\(alwaysEqual)\ndef f():\n    return int(5)"),
    Attack(
      "an int that equals everything, as a key", .exactly(.unsupportedValue(type: "int")),
      "\(alwaysEqual)\ndef f():\n    return {int(5): 1}"),
    Attack(
      "a str whose representation lies", .exactly(.unsupportedValue(type: "str")),
      "class str(str):\n    def __repr__(self): return '42'\ndef f():\n    return [str('x')]"),
    Attack(
      "a list whose iteration lies", .exactly(.unsupportedValue(type: "list")),
      "class list(list):\n    def __iter__(self): return iter([42])\ndef f():\n    return list([1])"),
    Attack(
      "a class that claims to be int", .exactly(.unsupportedValue(type: "A")),
      "class A:\n    __class__ = int\n    def __index__(self): return 1\ndef f():\n    return A()"),
    Attack(
      "a metaclass that claims to be type", .exactly(.unsupportedValue(type: "int")),
      "class M(type):\n    def __instancecheck__(c, o): return True\n    def __eq__(c, o): return True\n    def __hash__(c): return 0\nclass int(metaclass=M): pass\ndef f():\n    return int()"
    ),
    Attack(
      "a float with a false representation", .exactly(.unsupportedValue(type: "float")),
      "class float(float):\n    def __repr__(s): return '1.0'\ndef f():\n    return float(2)"),
    Attack(
      "patches builtins.repr", .exactly(.value("[1]")),
      "import builtins\nbuiltins.repr = lambda x: '42'\ndef f():\n    return [1]"),
    Attack(
      "patches builtins.sorted and str", .exactly(.value("{1, 2}")),
      "import builtins\nbuiltins.sorted = builtins.str = builtins.type = None\ndef f():\n    return {2, 1}"),
    Attack(
      "empties builtins", .exactly(.value("1")),
      "import builtins\nvars(builtins).clear()\ndef f():\n    return 1"),
    Attack("empties sys.modules", .exactly(.value("1")), "import sys\nsys.modules.clear()\ndef f():\n    return 1"),
    Attack("patches a builtin type", .raised("TypeError"), "int.__repr__ = lambda s: '42'\ndef f():\n    return 1"),
    Attack(
      "patches a builtin type by its dictionary", .exactly(.value("1")),
      "import gc\ngc.get_referents(int.__dict__)[0]['__repr__'] = lambda s: '42'\ndef f():\n    return 1"),
    Attack(
      "replaces its function while running", .exactly(.value("1")),
      "def f():\n    global f\n    f = lambda: 2\n    return 1"),
    Attack(
      "replaces the import function", .exactly(.value("1.0")),
      "import builtins\nbuiltins.__import__ = lambda *a, **k: None\ndef f():\n    return 1.0"),
    Attack(
      "a finaliser that changes the value", .exactly(.value("[1, 2, 3]")),
      "x = [1, 2, 3]\nclass A:\n    def __del__(self): x.clear()\ndef f():\n    a = A(); a.a = a\n    return x"),
    Attack(
      "changes its arguments", .exactly(.value("[1, 2]")), input: "[1]", "def f(a):\n    a.append(2)\n    return a"),
    Attack(
      "template injection", .exactly(.malformedInput(reason: "not one list of arguments")), input: "1) or True or f(1",
      "def f(a):\n    return a"),
    Attack(
      "an answer that equals everything", .exactly(.malformedInput(reason: "a call is not a literal")),
      input: "type('E', (), {'__eq__': lambda s, o: True})()", "def f(a):\n    return a"),
    Attack(
      "an answer that hangs", .exactly(.malformedInput(reason: "BinOp is not a literal")), input: "9**9**9",
      "def f(a):\n    return a"),
    Attack(
      "NaN is one value", .exactly(.value("[nan, nan]")),
      "def f():\n    return [float('nan'), float('inf') - float('inf')]"),
  ]
}
