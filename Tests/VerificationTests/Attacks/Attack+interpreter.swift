import VerifierProtocol

/// Climbing into the interpreter, and from one program to the next.
extension Attack {
  static let interpreter = [
    Attack(
      "walks the subclasses to a file", .forbidden("openat"),
      "def f():\n    for c in ().__class__.__base__.__subclasses__():\n        if c.__name__ == '_IOBase':\n            for d in c.__subclasses__():\n                for e in d.__subclasses__():\n                    if e.__name__ == 'FileIO': return e('/etc/passwd').read()\n    return 0"
    ),
    Attack(
      "takes builtins from another function's globals", .forbidden("openat"),
      "import statistics\ndef f():\n    return statistics.mean.__globals__['__builtins__']['open']('/etc/passwd').read()"
    ),
    Attack(
      "takes sys from a module", .forbidden("getpid"),
      "import statistics\ndef f():\n    return statistics.sys.modules['os'].getpid()"),
    Attack("evaluates a call to open", .forbidden("openat"), "def f():\n    return eval(\"open('/etc/passwd')\")"),
    Attack(
      "compiles and executes", .forbidden("openat"), "def f():\n    exec(compile(\"open('/etc/passwd')\", 'x', 'exec'))"
    ),
    Attack(
      "calls open by a decoder", .forbidden("openat"),
      "def f():\n    return getattr(__builtins__, 'op' + 'en')('/etc/passwd') if not isinstance(__builtins__, dict) else __builtins__['op' + 'en']('/etc/passwd')"
    ),
    Attack(
      "crafts bytecode", .forbidden("crashed"),
      "def g(): pass\ndef f():\n    g.__code__ = g.__code__.replace(co_code=bytes([100, 255, 100, 255, 83, 0]), co_stacksize=100)\n    return g()"
    ),
    Attack(
      "looks into its caller's frame", .raised("AttributeError"),
      "import sys\ndef f():\n    return sys._getframe().f_back.f_globals"),
    Attack(
      "finds the prelude by the collector", .exactly(.value("0")),
      "import gc\ndef f():\n    return len([o for o in gc.get_objects() if type(o) is dict and 'prepare_call' in o])"),
    Attack(
      "traces its execution", .exactly(.value("1")), "import sys\nsys.settrace(lambda *a: None)\ndef f():\n    return 1"
    ),
    Attack(
      "hooks the audit", .exactly(.value("1")), "import sys\nsys.addaudithook(lambda *a: None)\ndef f():\n    return 1"),
    Attack(
      "turns the collector on again", .exactly(.value("1")),
      "import gc\ngc.enable()\ngc.set_threshold(1)\ndef f():\n    return 1"),
    Attack(
      "leaves a trace for the next program", .exactly(.value("1")),
      "import builtins, math\nbuiltins.leaked = math.leaked = 1\ndef f():\n    return 1"),
    Attack(
      "finds a trace of the program before", .exactly(.value("(False, False)")),
      "import builtins, math\ndef f():\n    return (hasattr(builtins, 'leaked'), hasattr(math, 'leaked'))"),
  ]

  static let determinism = [
    Attack("identity in the value", .exactly(.nondeterministic), "def f():\n    return id(object())"),
    Attack("address in the value", .exactly(.nondeterministic), "def f():\n    return repr(object())"),
    Attack("address of a static object", .exactly(.nondeterministic), "def f():\n    return id(None)"),
    Attack("hash of None", .exactly(.nondeterministic), "def f():\n    return hash(None)"),
    Attack("hash of a string", .exactly(.nondeterministic), "def f():\n    return hash('a')"),
    Attack(
      "order of a set of strings", .exactly(.nondeterministic),
      "def f():\n    return list({'a', 'b', 'c', 'd', 'e', 'f', 'g'})"),
    Attack(
      "order of a set of integers is fixed", .exactly(.value("[1, 2, 3]")), "def f():\n    return list({3, 1, 2})"),
    Attack("clock", .exactly(.nondeterministic), "import time\ndef f():\n    return int(time.time())"),
    Attack("process clock", .exactly(.nondeterministic), "import time\ndef f():\n    return time.process_time()"),
    Attack("random", .exactly(.nondeterministic), "import random\ndef f():\n    return random.random()"),
    Attack("random from the kernel", .forbidden("getrandom"), "import os\ndef f():\n    return os.urandom(8)"),
    Attack(
      "random generator of its own", .forbidden("getrandom"),
      "import random\ndef f():\n    return random.Random().random()"),
    Attack(
      "seeded random is a function", .exactly(.value("0.13436424411240122")),
      "import random\ndef f():\n    return random.Random(1).random()"),
    Attack("date", .forbidden(""), "import datetime\ndef f():\n    return str(datetime.datetime.now())"),
  ]
}
