/// Python code that works on syntax trees. It runs in a child before any model-written code exists there, so nothing
/// can have been patched; nothing of it is used after the program has started.
enum Prelude {
  /// Modules a program may import. Loaded before the sandbox closes; afterwards no module can be read from disk.
  /// `random`, `time`, `os`, `sys` and the like are absent on purpose: nothing they offer is a value of the inputs.
  static let modules = [
    "abc", "array", "base64", "binascii", "bisect", "cmath", "collections", "collections.abc", "copy",
    "dataclasses", "decimal", "difflib", "enum", "fractions", "functools", "heapq", "itertools", "json", "math",
    "numbers", "operator", "re", "statistics", "string", "struct", "textwrap", "typing", "unicodedata",
  ]

  /// Needed by the prelude and by ordinary string methods; not importable by programs.
  static let modulesHidden =
    ["ast", "warnings"]
    + [
      "ascii", "cp1252", "cp437", "hex_codec", "latin_1", "raw_unicode_escape", "rot_13", "unicode_escape", "utf_16",
      "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "utf_8_sig",
    ].map { "encodings.\($0)" }

  static let source = """
    import ast, warnings

    # A warning would be printed with a line from a file that cannot be opened.
    warnings.simplefilter("ignore")

    DEPTH_MAX = 64

    # For a syntax error CPython opens the file to quote the line. This name cannot be turned into a path, so it does not
    # get that far; the filter would end the child.
    FILE = "\\ud800"

    class Refused(Exception):
        def __init__(self, kind, reason):
            self.kind, self.reason = kind, reason

    def parse(text, kind, mode):
        try:
            return ast.parse(text, FILE, mode)
        except SyntaxError as error:
            line = f" (line {error.lineno})" if mode == "exec" and error.lineno else ""
            raise Refused(kind, f"syntax error: {error.msg}{line}")
        except ValueError as error:
            raise Refused(kind, f"syntax error: {error}")
        except (RecursionError, MemoryError):
            raise Refused(kind, "syntax error: nested too deeply")

    # Screening: early, explained refusals. The sandbox does not rely on it.

    def check_module(name, allowed, banned):
        parts = name.split(".")
        prefixes = [".".join(parts[:count + 1]) for count in range(len(parts))]
        for prefix in prefixes:
            if prefix in banned:
                raise Refused("forbidden", f"the module '{prefix}' is banned")
        if parts[0] not in allowed:
            raise Refused("forbidden", f"the module '{name}' is not among those allowed")

    def screen(tree, allowed, banned_modules, banned_names):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    check_module(alias.name, allowed, banned_modules)
            elif isinstance(node, ast.ImportFrom):
                if node.level or node.module is None:
                    raise Refused("forbidden", "relative imports are not allowed")
                check_module(node.module, allowed, banned_modules)
                for alias in node.names:
                    check_module(f"{node.module}.{alias.name}", allowed, banned_modules)
                    if alias.name in banned_names:
                        raise Refused("forbidden", f"the name '{alias.name}' is banned")
            elif isinstance(node, ast.Name) and node.id in banned_names:
                raise Refused("forbidden", f"the name '{node.id}' is banned")
            elif isinstance(node, ast.Attribute) and node.attr in banned_names:
                raise Refused("forbidden", f"the attribute '{node.attr}' is banned")

    # Literals: a walker that builds values from displays and constants and knows nothing else.

    def number(node, depth):
        value = literal(node, depth)
        if type(value) is not int and type(value) is not float:
            raise Refused("literal", "a sign before something that is not a number")
        return value

    def literal_call(node, depth):
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name not in ("set", "frozenset", "float") or node.keywords or len(node.args) > 1:
            raise Refused("literal", "a call is not a literal")
        if name == "float":
            argument = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if argument not in ("nan", "inf", "-inf"):
                raise Refused("literal", "a call is not a literal")
            return float(argument)
        if not node.args:
            return set() if name == "set" else frozenset()
        if not isinstance(node.args[0], (ast.List, ast.Tuple, ast.Set)):
            raise Refused("literal", "a call is not a literal")
        items = [literal(item, depth - 1) for item in node.args[0].elts]
        return hashable(lambda: set(items) if name == "set" else frozenset(items))

    def hashable(build):
        try:
            return build()
        except TypeError as error:
            raise Refused("literal", str(error))

    def literal(node, depth=DEPTH_MAX):
        if depth < 0:
            raise Refused("literal", "nested too deeply")
        if isinstance(node, ast.Constant):
            if type(node.value) in (type(None), bool, int, float, str, bytes):
                return node.value
            raise Refused("literal", f"a {type(node.value).__name__} is not among the literals allowed")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            value = number(node.operand, depth - 1)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.List):
            return [literal(item, depth - 1) for item in node.elts]
        if isinstance(node, ast.Tuple):
            return tuple([literal(item, depth - 1) for item in node.elts])
        if isinstance(node, ast.Set):
            items = [literal(item, depth - 1) for item in node.elts]
            return hashable(lambda: set(items))
        if isinstance(node, ast.Dict):
            if any(key is None for key in node.keys):
                raise Refused("literal", "unpacking is not a literal")
            keys = [literal(key, depth - 1) for key in node.keys]
            values = [literal(value, depth - 1) for value in node.values]
            return hashable(lambda: dict(zip(keys, values)))
        if isinstance(node, ast.Name) and node.id in ("nan", "inf"):
            return float(node.id)
        if isinstance(node, ast.Call):
            return literal_call(node, depth)
        raise Refused("literal", f"{type(node).__name__} is not a literal")

    def read_literal(text):
        return literal(parse(text.strip(), "literal", "eval").body)

    def read_arguments(text, entry):
        call = parse(f"{entry}({text}\\n)", "input", "eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != entry:
            raise Refused("input", "not one list of arguments")
        try:
            if any(isinstance(argument, ast.Starred) for argument in call.args) or any(k.arg is None for k in call.keywords):
                raise Refused("literal", "unpacking is not a literal")
            names = [keyword.arg for keyword in call.keywords]
            if len(set(names)) < len(names):
                raise Refused("literal", "a keyword argument is repeated")
            positional = tuple([literal(argument) for argument in call.args])
            return positional, {keyword.arg: literal(keyword.value) for keyword in call.keywords}
        except Refused as refused:
            raise Refused("input", refused.reason)

    # The three errands of a child. Each returns a tuple whose first item names what the others are.

    def guarded(work):
        try:
            return work()
        except Refused as refused:
            return (refused.kind, refused.reason)
        except RecursionError:
            return ("malformed", "nested too deeply")

    def prepare_call(program, text, entry, screens, allowed, banned_modules, banned_names):
        def work():
            tree = parse(program, "malformed", "exec")
            if screens:
                screen(tree, frozenset(allowed), frozenset(banned_modules), frozenset(banned_names))
            if not any(isinstance(node, ast.FunctionDef) and node.name == entry for node in tree.body):
                raise Refused("malformed", f"there is no top-level 'def {entry}'")
            positional, named = read_arguments(text, entry)
            try:
                code = compile(tree, FILE, "exec", dont_inherit=True)
            except SyntaxError as error:
                raise Refused("malformed", f"syntax error: {error.msg} (line {error.lineno})")
            except ValueError as error:
                raise Refused("malformed", f"syntax error: {error}")
            return ("ready", code, positional, named)
        return guarded(work)

    def prepare_literal(text):
        return guarded(lambda: ("ready", read_literal(text)))

    # Normal form and shape.

    def strip_docstrings(tree):
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                body = node.body
                while body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) \\
                        and isinstance(body[0].value.value, (str, bytes)):
                    del body[0]
                if not body and not isinstance(node, ast.Module):
                    body.append(ast.Pass())

    def returns_constant(function):
        if len(function.body) != 1 or not isinstance(function.body[0], ast.Return):
            return isinstance(function.body[0], ast.Pass) and len(function.body) == 1
        value = function.body[0].value
        return value is None or not any(isinstance(node, ast.Name) for node in ast.walk(value))

    def reads_parameters(function):
        a = function.args
        parameters = {p.arg for p in a.posonlyargs + a.args + a.kwonlyargs + [p for p in (a.vararg, a.kwarg) if p]}
        return any(isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in parameters
                   for statement in function.body for node in ast.walk(statement))

    def imported(node):
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        return [node.module or "."] if isinstance(node, ast.ImportFrom) else []

    # Rewriting: options are letters, c for comments, g for globals, n for names.

    def strip_globals(tree, entry):
        definitions = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        last = max((i for i, node in enumerate(tree.body) if isinstance(node, ast.FunctionDef) and node.name == entry),
                   default=len(tree.body) - 1)
        tree.body = [node for node in tree.body[:last + 1] if isinstance(node, definitions)]

    def in_order(node):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from in_order(child)

    def chosen_name(node):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            return node.name
        if isinstance(node, ast.arg):
            return node.arg
        if isinstance(node, ast.MatchMapping):
            return node.rest
        return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else None

    def rename(tree, entry):
        names = {}
        for node in in_order(tree):
            name = chosen_name(node)
            if name is not None and name != entry and name not in names:
                names[name] = f"v{len(names)}"
        replace_names(tree, names)

    def replace_names(tree, names):
        parameters = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        for node in ast.walk(tree):
            for field in ("name", "id", "arg", "rest"):
                name = getattr(node, field, None)
                if isinstance(node, (ast.alias, ast.Attribute)) or type(name) is not str or name not in names:
                    continue
                if not isinstance(node, ast.keyword) or name in parameters:
                    setattr(node, field, names[name])
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                node.names = [names.get(name, name) for name in node.names]

    def first_line(node):
        return min([node.lineno] + [d.lineno for d in getattr(node, "decorator_list", [])])

    def cut_out(program, tree, whole):
        # The lines of what is left, comments and all; written out again where it shares a line with what goes.
        kept = {id(node) for node in tree.body}
        lines = {n for node in tree.body for n in range(first_line(node), node.end_lineno + 1)}
        if any(first_line(node) in lines or node.end_lineno in lines for node in whole if id(node) not in kept):
            return ast.unparse(tree)
        source = program.replace("\\r\\n", "\\n").replace("\\r", "\\n").split("\\n")
        return "\\n".join(source[n - 1] for n in sorted(lines))

    def normalise(program, entry, options):
        def work():
            tree = parse(program, "malformed", "exec")
            whole = list(tree.body)
            if "g" in options:
                strip_globals(tree, entry)
            text = cut_out(program, tree, whole) if options == "g" else program
            strip_docstrings(tree)
            if "n" in options:
                rename(tree, entry)
            if "c" in options or "n" in options:
                text = ast.unparse(tree)
            nodes = list(ast.walk(tree))
            functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == entry]
            entry_function = functions[-1] if functions else None
            shape = (
                sum(isinstance(node, ast.stmt) for node in nodes),
                sum(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) for node in nodes),
                len(nodes),
                entry_function is not None and returns_constant(entry_function),
                entry_function is not None and reads_parameters(entry_function),
            )
            imports = sorted({name for node in nodes for name in imported(node)})
            return ("ready", text, shape, imports)
        return guarded(work)
    """
}
