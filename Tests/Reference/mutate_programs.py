#!/usr/bin/env python3
"""Mutates Python programs by their syntax trees, for the verifier's fuzz test. Nothing is executed here.

Standard input: {"seed": 7, "count": 100, "programs": ["def f(): ...", ...]}.
Standard output: a list of `count` programs that compile and define `f`, the same ones for the same seed.
"""
import ast, copy, json, random, sys, warnings

NODES_MAX = 600
CONSTANTS = [
    None, True, False, 0, 1, -1, 2, 3, 7, 31, 255, 4096, 1 << 31, 1 << 63, 10**9, 10**18, 0.0, -0.0, 0.5, 1e308, 5e-324,
    float("inf"), 1j, "", "a", "abc", "é\x00\ud800", "x" * 300, b"", b"\xff" * 20, ..., "__class__", "os", "f", "/etc/passwd",
]
OPERATORS = [ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Div, ast.Mod, ast.Pow, ast.LShift, ast.RShift, ast.BitAnd, ast.BitOr]
COMPARISONS = [ast.Eq, ast.NotEq, ast.Lt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn]

# Where a statement `S` ends up; the name `S` on a line of its own is replaced by it.
WRAPPERS = [
    "try:\n S\nexcept Exception as e: pass",
    "try:\n S\nexcept BaseException: pass",
    "try:\n S\nexcept:\n pass\nfinally:\n pass",
    "while True:\n try:\n  S\n except: continue\n break",
    "for _ in range(3):\n S",
    "for _ in range(10 ** 5):\n S",
    "while len([1]):\n S\n break",
    "if 1 < 2:\n S",
    "with open('/etc/passwd') as _:\n S",
    "def inner(*a, **k):\n S\ninner()",
    "def inner():\n S\n yield 1\nlist(inner())",
    "def inner():\n try:\n  yield 1\n finally:\n  S\nfor _ in inner(): break",
    "async def inner():\n S\ntry: inner().send(None)\nexcept StopIteration: pass",
    "class Inner:\n S",
    "class Inner:\n def __del__(self):\n  S\nInner()",
    "class Inner:\n def __eq__(self, o):\n  S\n  return True\nInner() == 1",
    "class Inner(dict):\n def __missing__(self, k):\n  S\n  return k\nInner()[1]",
    "import _thread\ndef inner():\n S\n_thread.start_new_thread(inner, ())",
    "import threading\ndef inner():\n S\nt = threading.Thread(target=inner); t.start(); t.join()",
    "import sys\ndef inner(*a):\n S\nsys.setprofile(inner)\nlen(())\nsys.setprofile(None)",
    "import atexit\ndef inner():\n S\natexit.register(inner)",
    "import gc\ndef inner(*a):\n S\ngc.callbacks.append(inner); gc.collect(); gc.callbacks.clear()",
    "def inner(n):\n if n: return inner(n - 1)\n S\ninner(200)",
]
# What an expression `E` ends up in.
EXPRESSIONS = [
    "[E for _ in range(3)]", "(lambda *a: E)()", "next(iter([E]))", "{'k': E}['k']", "(E, E)[0]", "[*map(lambda x: E, [1, 2])]",
    "sorted([E], key=str)", "(x := E)", "f'{E!r:>10}'", "getattr(E, '__class__', E)", "list(reversed([E]))", "{E} if 0 else E",
    "type('T', (), {'v': E})().v", "__import__('copy').copy(E)", "repr(E)", "str(E)[:50]", "E if E else E", "not E", "-E", "E * 3",
    "[E] * 100", "(E,) * 2", "bytes(str(E), 'utf-8')", "eval('1')", "hash(str(E))", "id(E)", "__import__('functools').reduce(lambda a, b: a, [E])",
]


def bodies(tree):
    """Every list of statements, with the function or class it belongs to."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            value = getattr(node, field, None)
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield node, value


def places(tree):
    """Every place of an expression that is read: (holder, field, index or None, expression)."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.JoinedStr, ast.FormattedValue, ast.pattern)):
            continue
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "keys"):
                continue
            if isinstance(value, ast.expr) and isinstance(getattr(value, "ctx", ast.Load()), ast.Load):
                yield node, field, None, value
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, ast.expr) and isinstance(getattr(item, "ctx", ast.Load()), ast.Load):
                        yield node, field, index, item


def put(place, expression):
    holder, field, index, _ = place
    if index is None:
        setattr(holder, field, expression)
    else:
        getattr(holder, field)[index] = expression


class Replace(ast.NodeTransformer):
    """A template with its `S` or `E` filled in."""

    def __init__(self, name, made):
        self.name, self.made = name, made

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Name) and node.value.id == self.name and isinstance(self.made, ast.stmt):
            return copy.deepcopy(self.made)
        return self.generic_visit(node)

    def visit_Name(self, node):
        return copy.deepcopy(self.made) if node.id == self.name and isinstance(self.made, ast.expr) else node


class Mutator:
    def __init__(self, seed, programs):
        self.random = random.Random(seed)
        self.trees = []
        for program in programs:
            try:
                tree = ast.parse(program)
            except (SyntaxError, ValueError):
                continue
            if self.defines_f(tree):
                self.trees.append(tree)
        self.mutations = [
            self.constant, self.constant, self.operator, self.swap, self.graft, self.graft, self.wrap, self.wrap, self.wrap_expression,
            self.wrap_expression, self.insert, self.insert, self.drop, self.double, self.rename, self.nest, self.result, self.generator,
        ]

    @staticmethod
    def defines_f(tree):
        return any(isinstance(node, ast.FunctionDef) and node.name == "f" for node in tree.body)

    def program(self):
        """The next program; tries again where a mutation broke the syntax."""
        while True:
            tree = copy.deepcopy(self.random.choice(self.trees))
            for _ in range(self.random.randint(1, 5)):
                before = copy.deepcopy(tree)
                self.random.choice(self.mutations)(tree)
                if not self.is_good(tree):
                    tree = before
            if self.is_good(tree):
                return ast.unparse(ast.fix_missing_locations(tree))

    def is_good(self, tree):
        if not self.defines_f(tree) or sum(1 for _ in ast.walk(tree)) > NODES_MAX:
            return False
        try:
            compile(ast.unparse(ast.fix_missing_locations(tree)), "program", "exec", dont_inherit=True)
            return True
        except (SyntaxError, ValueError, TypeError, AttributeError, RecursionError):
            return False

    def donor(self):
        return self.random.choice(self.trees)

    def one(self, items):
        items = list(items)
        return self.random.choice(items) if items else None

    def place(self, tree):
        return self.one(places(tree))

    # The mutations. Each changes the tree in place.

    def constant(self, tree):
        found = self.one(node for node in ast.walk(tree) if isinstance(node, ast.Constant))
        if found is not None:
            found.value, found.kind = self.random.choice(CONSTANTS), None

    def operator(self, tree):
        found = self.one(node for node in ast.walk(tree) if isinstance(node, (ast.BinOp, ast.AugAssign, ast.Compare)))
        if isinstance(found, ast.Compare):
            found.ops[0] = self.random.choice(COMPARISONS)()
        elif found is not None:
            found.op = self.random.choice(OPERATORS)()

    def swap(self, tree):
        one, other = self.place(tree), self.place(tree)
        if one and other:
            first, second = copy.deepcopy(one[3]), copy.deepcopy(other[3])
            put(one, second)
            put(other, first)

    def graft(self, tree):
        place, other = self.place(tree), self.place(self.donor())
        if place and other:
            put(place, copy.deepcopy(other[3]))

    def wrap_expression(self, tree):
        place = self.place(tree)
        if place:
            template = ast.parse(self.random.choice(EXPRESSIONS), mode="eval").body
            put(place, Replace("E", place[3]).visit(template))

    def wrap(self, tree):
        _, body = self.one(bodies(tree))
        index = self.random.randrange(len(body))
        if body is tree.body and isinstance(body[index], ast.FunctionDef) and body[index].name == "f":
            return
        wrapped = Replace("S", body[index]).visit(ast.parse(self.random.choice(WRAPPERS)))
        body[index:index + 1] = wrapped.body

    def insert(self, tree):
        _, body = self.one(bodies(tree))
        _, other = self.one(bodies(self.donor()))
        body.insert(self.random.randrange(len(body) + 1), copy.deepcopy(self.random.choice(other)))

    def drop(self, tree):
        _, body = self.one(bodies(tree))
        if len(body) > 1:
            del body[self.random.randrange(len(body))]

    def double(self, tree):
        _, body = self.one(bodies(tree))
        statement = self.random.choice(body)
        body.insert(self.random.randrange(len(body) + 1), copy.deepcopy(statement))

    def rename(self, tree):
        names = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})
        if len(names) > 1:
            one, other = self.random.sample(names, 2)
            for node in ast.walk(tree):
                if isinstance(node, ast.Name) and node.id == one and self.random.random() < 0.7:
                    node.id = other

    def function(self, tree):
        return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "f"][-1]

    def nest(self, tree):
        function = self.function(tree)
        inner = ast.parse("def deeper():\n    pass").body[0]
        inner.body = function.body
        function.body = [inner, ast.parse("deeper()").body[0] if self.random.random() < 0.3 else ast.Return(ast.parse("deeper()", mode="eval").body)]

    def result(self, tree):
        other = self.place(self.donor())
        if other:
            self.function(tree).body.append(ast.Return(copy.deepcopy(other[3])))

    def generator(self, tree):
        function = self.function(tree)
        inner = ast.parse("def pieces():\n    yield 1").body[0]
        inner.body = function.body + inner.body
        function.body = [inner, ast.Return(ast.parse("list(pieces())", mode="eval").body)]


def main():
    sys.setrecursionlimit(5000)
    warnings.simplefilter("ignore")  # nearly every mutant would have one
    request = json.load(sys.stdin)
    mutator = Mutator(request["seed"], request["programs"])
    if not mutator.trees:
        sys.exit("no program of the input defines f")
    json.dump([mutator.program() for _ in range(request["count"])], sys.stdout)


main()
