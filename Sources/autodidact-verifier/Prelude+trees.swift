extension Prelude {
  /// Questions about syntax trees, after `source`: programs that build upon others, and measures of what was written. Nothing
  /// that is asked about is run.
  static let treeSource = """
    import difflib, math

    # Distances are taken between so many tokens from the beginning.
    TOKENS_MAX = 512

    FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

    def entry_of(tree, entry):
        found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == entry]
        if not found:
            raise Refused("malformed", f"there is no top-level 'def {entry}'")
        return found[-1]

    def names_bound(node):
        if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            return [node.name]
        return [name for name in map(chosen_name, ast.walk(node)) if name is not None]

    # A program becomes a function of another: its entry gets the name, what else it defines a name that begins with it.
    # What is also an attribute stays as it is.

    def rename_entry(texts, entry):
        program, name = texts
        tree = parse(program, "malformed", "exec")
        entry_of(tree, entry)
        tree.body = [node for node in tree.body if not isinstance(node, ast.Expr)]
        attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                attributes.update(bound for statement in node.body for bound in names_bound(statement))
        names = {bound: f"{name}_{bound}" for node in tree.body for bound in names_bound(node) if bound not in attributes}
        names[entry] = name
        replace_names(tree, names)
        return [ast.unparse(tree)], []

    def defines(node):
        if isinstance(node, ast.alias):
            return node.asname or node.name
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del):
            return node.id
        return chosen_name(node)

    def calls_of(function, name):
        return [node for node in ast.walk(function)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name]

    def compose(texts, entry):
        program, names, functions = texts[0], texts[1::2], texts[2::2]
        tree = parse(program, "malformed", "exec")
        function = entry_of(tree, entry)
        for node in ast.walk(tree):
            if defines(node) in names:
                raise Refused("uncomposed", f"'{defines(node)}' is defined anew")
        scope = {chosen_name(node) for node in ast.walk(function) if node is not function}
        for name in names:
            calls = calls_of(function, name)
            if not calls:
                raise Refused("uncomposed", f"'{entry}' does not call '{name}'")
            arguments = [part for call in calls for part in call.args + call.keywords]
            if not any(isinstance(node, ast.Name) and node.id in scope for part in arguments for node in ast.walk(part)):
                raise Refused("uncomposed", f"'{entry}' calls '{name}' without an argument of its own")
        return ["\\n\\n".join(list(functions) + [program])], [int(forwards(function, names))]

    def forwards(function, names):
        def passes(value):
            return value is not None and all(
                node.func.id in names if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                else isinstance(node, (ast.Name, ast.Constant, ast.Starred, ast.keyword, ast.expr_context))
                for node in ast.walk(value))
        for statement in function.body:
            if isinstance(statement, ast.Assign):
                if len(statement.targets) != 1 or not isinstance(statement.targets[0], ast.Name):
                    return False
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue
            elif not isinstance(statement, ast.Return):
                return False
            if not passes(statement.value):
                return False
        return True

    # Measures.

    def measure(texts, entry):
        trees = [parse(text, "malformed", "exec") for text in texts]
        for tree in trees:
            strip_docstrings(tree)
        volume, effort = halstead(trees[0])
        numbers = [cognitive(trees[0], 0, False), cyclomatic(trees[0]), round(1000 * volume), round(1000 * effort)]
        if len(trees) > 1:
            own = tokens(trees[0])
            distances = [1 - difflib.SequenceMatcher(None, own, tokens(tree), False).ratio() for tree in trees[1:]]
            numbers.append(round(1000000 * math.fsum(distances) / len(distances)))
        return [], numbers

    def inner(nodes, nesting, within):
        return sum(cognitive(node, nesting, within) for node in nodes)

    def cognitive(node, nesting, within):
        # One for each break of the linear flow, and one for each level it is nested in; one for each run of 'and's or 'or's.
        if isinstance(node, ast.If):
            return 1 + nesting + branches(node, nesting, within)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            heads = [node.test] if isinstance(node, ast.While) else [node.target, node.iter]
            bodies = inner(node.body + node.orelse, nesting + 1, within)
            return 1 + nesting + inner(heads, nesting, within) + bodies + (1 if node.orelse else 0)
        if isinstance(node, (ast.IfExp, ast.ExceptHandler, ast.Match)):
            return 1 + nesting + inner(ast.iter_child_nodes(node), nesting + 1, within)
        if isinstance(node, FUNCTIONS + (ast.Lambda,)):
            return inner(ast.iter_child_nodes(node), nesting + 1 if within else nesting, True)
        own = 1 if isinstance(node, ast.BoolOp) else 0
        return own + inner(ast.iter_child_nodes(node), nesting, within)

    def branches(node, nesting, within):
        total = cognitive(node.test, nesting, within) + inner(node.body, nesting + 1, within)
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            return total + 1 + branches(node.orelse[0], nesting, within)
        return total + (1 + inner(node.orelse, nesting + 1, within) if node.orelse else 0)

    def cyclomatic(tree):
        simple = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.Assert, ast.match_case)
        total = 1
        for node in ast.walk(tree):
            if isinstance(node, simple):
                total += 1
            elif isinstance(node, ast.BoolOp):
                total += len(node.values) - 1
            elif isinstance(node, ast.comprehension):
                total += 1 + len(node.ifs)
        return total

    def halstead(tree):
        # Operators are those of arithmetic, logic and comparison; operands what they work on, equal if they are written alike.
        operators, operands = [], []
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp):
                operators.append(node.op); operands += [node.left, node.right]
            elif isinstance(node, ast.UnaryOp):
                operators.append(node.op); operands.append(node.operand)
            elif isinstance(node, ast.BoolOp):
                operators.append(node.op); operands += node.values
            elif isinstance(node, ast.AugAssign):
                operators.append(node.op); operands += [node.target, node.value]
            elif isinstance(node, ast.Compare):
                operators += node.ops; operands += [node.left] + node.comparators
        if not operators:
            return 0.0, 0.0
        kinds = len({type(node).__name__ for node in operators})
        words = len({ast.unparse(node) for node in operands})
        volume = (len(operators) + len(operands)) * math.log2(kinds + words)
        return volume, kinds / 2 * len(operands) / words * volume

    def tokens(tree):
        found = []
        for node in in_order(tree):
            if isinstance(node, ast.expr_context):
                continue
            found.append(type(node).__name__)
            for _, value in ast.iter_fields(node):
                if isinstance(value, (str, bytes, int, float, complex)):
                    found.append(repr(value))
                elif isinstance(value, list):
                    found += [item for item in value if isinstance(item, str)]
            if len(found) >= TOKENS_MAX:
                break
        return found[:TOKENS_MAX]

    QUESTIONS = {"rename": rename_entry, "compose": compose, "measure": measure}

    def inspect(question, entry, texts):
        return guarded(lambda: ("ready",) + QUESTIONS[question](texts, entry))
    """
}
