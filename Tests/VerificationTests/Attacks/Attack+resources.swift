import VerifierProtocol

/// Time, memory, output, depth. The limits are those of `VerifierLimits.test`.
extension Attack {
  static let resources = [
    Attack("infinite loop", .exactly(.timedOut), "def f():\n    while True: pass"),
    Attack("infinite loop at import", .exactly(.timedOut), "while True: pass\ndef f():\n    return 1"),
    Attack(
      "infinite loop inside a bare except", .exactly(.timedOut),
      "def f():\n    while True:\n        try:\n            while True: pass\n        except: pass"),
    Attack(
      "catches BaseException around the limit", .exactly(.timedOut),
      "def f():\n    while True:\n        try:\n            sum(range(10**6))\n        except BaseException: continue"),
    Attack("long computation in C", .exactly(.timedOut), "def f():\n    return len(str(7 ** (10 ** 8)))"),
    Attack(
      "infinite generator", .exactly(.timedOut),
      "import itertools\ndef f():\n    return sum(1 for _ in itertools.count())"),
    Attack(
      "consumes an infinite iterator in C", .exactly(.timedOut),
      "import itertools\ndef f():\n    return 5 in (x * 0 for x in itertools.count())"),
    Attack(
      "regular expression bomb", .exactly(.timedOut),
      "import re\ndef f():\n    return re.match('(a+)+$', 'a' * 40 + 'b')"),
    Attack("sleeps", .forbidden("clock_nanosleep"), "import time\ndef f():\n    time.sleep(1000)"),
    Attack(
      "waits for a lock", .exactly(.timedOut),
      "import _thread\ndef f():\n    l = _thread.allocate_lock()\n    l.acquire()\n    l.acquire()"),
    Attack(
      "a finaliser that never ends", .exactly(.timedOut),
      "class A:\n    def __del__(self):\n        while True: pass\ndef f():\n    A()\n    return 1"),
    Attack(
      "an exception whose text never ends", .exactly(.timedOut),
      "class E(Exception):\n    def __str__(self):\n        while True: pass\ndef f():\n    raise E()"),
    Attack("memory bomb in one piece", .exactly(.outOfMemory), "def f():\n    return len(bytearray(10**12))"),
    Attack(
      "memory bomb in pieces", .exactly(.outOfMemory),
      "def f():\n    a = []\n    while True: a.append(bytearray(10**7))"),
    Attack("huge list", .exactly(.outOfMemory), "def f():\n    return [0] * 10**10"),
    Attack("huge string", .exactly(.outOfMemory), "def f():\n    return 'x' * 10**11"),
    Attack("huge integer", .exactly(.outOfMemory), "def f():\n    return 1 << 10**11"),
    Attack("raises MemoryError itself", .exactly(.outOfMemory), "def f():\n    raise MemoryError"),
    Attack(
      "keeps all memory and returns", .exactly(.value("True")),
      "a = []\ndef f():\n    try:\n        while True: a.append(bytearray(10**6))\n    except MemoryError: pass\n    return len(a) > 5"
    ),
    Attack("deep recursion", .raised("RecursionError"), "def f():\n    return f()"),
    Attack(
      "deep recursion without a limit", .forbidden("crashed"),
      "import sys\nclass A:\n    def __getattr__(self, n): return getattr(self, n)\ndef f():\n    sys.setrecursionlimit(10**9)\n    return A().x"
    ),
    Attack(
      "deep recursion in C", .raised("RecursionError"),
      "def f():\n    a = []\n    for _ in range(10**5): a = [a]\n    return repr(a)"),
    Attack(
      "destroys a deep structure", .exactly(.value("1")),
      "def f():\n    a = []\n    for _ in range(10**5): a = [a]\n    del a\n    return 1"),
    Attack(
      "output flood", .exactly(.value("1")), "def f():\n    for _ in range(1000): print('x' * 10**5)\n    return 1"),
    Attack("error flood", .raised("AttributeError"), "import sys\ndef f():\n    sys.stderr.write('x' * 10**6)"),
    Attack("value of a hundred megabytes", .exactly(.tooLarge), "def f():\n    return b'x' * (100 << 20)"),
    Attack(
      "401 characters are not cut", .exactly(.value("'" + String(repeating: "x", count: 401) + "'")),
      "def f():\n    return 'x' * 401"),
    Attack("format bomb", .exactly(.outOfMemory), "def f():\n    return '%1000000000000d' % 1"),
    Attack(
      "pickle bomb", .forbidden(""),
      "def f():\n    import pickle\n    return pickle.loads(b'cos\\nsystem\\n(S\"id\"\\ntR.')"),
    Attack(
      "pickle bomb by the C module", .forbidden(""),
      "def f():\n    import _pickle\n    return _pickle.loads(b'cposix\\nsystem\\n(S\"id\"\\ntR.')"),
    Attack(
      "returns an infinite generator", .exactly(.unsupportedValue(type: "generator")),
      "import itertools\ndef f():\n    return (x for x in itertools.count())"),
    Attack(
      "decimal bomb", .exactly(.timedOut),
      "import decimal\ndef f():\n    decimal.getcontext().prec = 10**7\n    x = decimal.Decimal(2)\n    while True: x = x.sqrt()"
    ),
  ]
}
