"""The text of a module's functions, classes and statements, found by the code that runs.

Bodies are copied line by line, with their comments. Only the header of a function is written
anew where annotations or decorators leave it.
"""

from __future__ import annotations

import ast
import dis
import io
import tokenize
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Source:
    """One file of the DAG folder."""

    file: str
    text: str
    tree: ast.Module = field(init=False)
    lines: list[str] = field(init=False)
    #: Lines inside of texts of several lines, which must not be moved.
    fixed: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.text)
        self.lines = self.text.splitlines()
        self.fixed = set()
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.Constant, ast.JoinedStr)) and node.end_lineno and node.end_lineno > node.lineno:
                if isinstance(node, ast.JoinedStr) or isinstance(node.value, (str, bytes)):
                    self.fixed.update(range(node.lineno + 1, node.end_lineno + 1))
        # Texts that are put together of lines with quotes of their own may be moved.
        self.fixed &= _inside_texts(self.text)

    def function(self, code: types.CodeType) -> FunctionNode | ast.Lambda | None:
        """The definition that made a code object."""
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == code.co_name:
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                if first == code.co_firstlineno:
                    return node
            if isinstance(node, ast.Lambda) and code.co_name == "<lambda>" and node.lineno == code.co_firstlineno:
                names = [one.arg for one in node.args.posonlyargs + node.args.args]
                if names == list(code.co_varnames[: code.co_argcount]):
                    return node
        return None

    def klass(self, name: str, line: int | None = None) -> ast.ClassDef | None:
        """A class by its name, and by its first line where that is known."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef) and node.name == name:
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                if line is None or line in (node.lineno, first):
                    return node
        return None

    def statement(self, name: str) -> ast.stmt | None:
        """The only statement at the top of the file that binds a name."""
        found = [node for node in self._top(self.tree.body) if name in bound_names(node)]
        return found[0] if len(found) == 1 else None

    def _top(self, body: list[ast.stmt]) -> Iterator[ast.stmt]:
        for node in body:
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                continue
            yield node

    def copy(self, node: ast.stmt, *, first: int | None = None) -> str:
        """A statement's lines, moved to the left margin."""
        start = first or min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        assert node.end_lineno is not None, "the parser gives every statement an end"
        return self._moved(start, node.end_lineno, node.col_offset)

    def _moved(self, start: int, end: int, indent: int) -> str:
        moved = []
        for number in range(start, end + 1):
            line = self.lines[number - 1]
            strip = indent if number not in self.fixed and not line[:indent].strip() else 0
            moved.append(line[strip:])
        return "\n".join(moved)

    def copy_function(self, node: FunctionNode, name: str, *, annotated: bool) -> str:
        """A function without decorators, and without annotations unless it keeps them."""
        arguments = node.args if annotated else _plain(node.args)
        returns = f" -> {ast.unparse(node.returns)}" if annotated and node.returns else ""
        word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
        header = f"{word} {name}({ast.unparse(arguments)}){returns}:"
        end = _header_end(node)
        first = node.body[0]
        assert node.end_lineno is not None, "the parser gives every statement an end"
        if first.lineno == end:
            # The body is on the header's own line.
            return f"{header}\n" + "\n".join("    " + ast.unparse(one) for one in node.body)
        return f"{header}\n{self._moved(end + 1, node.end_lineno, node.col_offset)}"


def _inside_texts(text: str) -> set[int]:
    inside: set[int] = set()
    starts: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            kind = tokenize.tok_name[token.type]
            if kind == "STRING" and token.end[0] > token.start[0]:
                inside.update(range(token.start[0] + 1, token.end[0] + 1))
            elif kind in ("FSTRING_START", "TSTRING_START"):
                starts.append(token.start[0])
            elif kind in ("FSTRING_END", "TSTRING_END") and starts:
                inside.update(range(starts.pop() + 1, token.end[0] + 1))
    except (tokenize.TokenError, SyntaxError):
        pass
    return inside


def _header_end(node: FunctionNode) -> int:
    """The line of the colon after a function's parameters."""
    ends = [node.lineno]
    for one in ast.walk(node.args):
        if getattr(one, "end_lineno", None):
            ends.append(one.end_lineno)  # type: ignore[attr-defined]
    if node.returns and node.returns.end_lineno:
        ends.append(node.returns.end_lineno)
    last = max(ends)
    # A closing bracket and the colon may be lines below the last parameter.
    return last if node.body[0].lineno == last else _colon_line(node, last)


_colons: dict[tuple[int, int], int] = {}


def _colon_line(node: FunctionNode, last: int) -> int:
    return node.__dict__.get("_colon", last)


def mark_colons(source: Source) -> None:
    """Notes the line of each function's colon, which the syntax tree does not have."""
    functions = {node.lineno: node for node in ast.walk(source.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    depth, current = 0, None
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.NAME and token.string == "def" and token.start[0] in functions and current is None:
            current, depth = functions[token.start[0]], 0
        elif token.type == tokenize.OP and current is not None:
            if token.string in "([{":
                depth += 1
            elif token.string in ")]}":
                depth -= 1
            elif token.string == ":" and depth == 0:
                current.__dict__["_colon"] = token.start[0]
                current = None


def _plain(arguments: ast.arguments) -> ast.arguments:
    made = ast.parse(f"def f({ast.unparse(arguments)}): ...").body[0]
    assert isinstance(made, ast.FunctionDef), "it was written as one"
    for one in ast.walk(made.args):
        if isinstance(one, ast.arg):
            one.annotation = None
    return made.args


def bound_names(node: ast.stmt) -> set[str]:
    """The names that a statement binds at its own level."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    names: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            names.add(one.id)
        elif isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(one.name)
        elif isinstance(one, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in one.names}
    return names


class _Bare(ast.NodeTransformer):
    """Takes annotations away, which nothing at run time needs."""

    def visit_FunctionDef(self, node: Any) -> Any:
        self.generic_visit(node)
        node.returns = None
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node


def free_names(node: ast.AST, *, decorators: bool = True) -> list[str]:
    """The names that a definition or statement takes from around it, in order."""
    made = ast.parse(ast.unparse(node)).body[0]
    if not decorators and hasattr(made, "decorator_list"):
        made.decorator_list = []
    if isinstance(made, (ast.FunctionDef, ast.AsyncFunctionDef)):
        made = _Bare().visit(made)
    module = ast.fix_missing_locations(ast.Module([made], []))
    code = compile(module, "<names>", "exec", dont_inherit=True)
    return list(dict.fromkeys(_loads(code)))


def _loads(code: types.CodeType) -> Iterator[str]:
    stored = {one.argval for one in dis.get_instructions(code) if one.opname == "STORE_NAME"}
    for one in dis.get_instructions(code):
        if one.opname in ("LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS") or one.opname == "LOAD_NAME" and one.argval not in stored:
            yield one.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _loads(constant)
