"""What the body of a task reaches: the texts of its functions, and what they ask of Airflow and of the host."""

from __future__ import annotations

import ast
import re
import types
from dataclasses import dataclass, field
from typing import Any

from weft_airflow import decorators, recorder
from weft_airflow.scope import Scope, _closure_of
from weft_airflow.source import free_names

#: Modules that make requests.
_HTTP = {"requests", "httpx", "urllib", "urllib3", "http", "aiohttp"}
_URL = re.compile(r"(https?)://([A-Za-z0-9.-]+)(:\d+)?")
#: What no task can do, by the module's name and what is taken of it.
_IMPOSSIBLE = {
    ("subprocess", "*"): "starts a program",
    ("os", "system"): "starts a program",
    ("os", "popen"): "starts a program",
    ("multiprocessing", "*"): "starts processes",
    ("threading", "Thread"): "starts a thread",
    ("socket", "*"): "opens a socket",
    ("smtplib", "*"): "opens a socket",
}


@dataclass
class Reached:
    """Found in all the functions that a body may call."""

    pulls: list[str] = field(default_factory=list)
    #: Whether it pulls without an id, which means the tasks right before it.
    pulls_any: bool = False
    #: Whether it pulls by ids that it makes when it runs, which can be those of all tasks before it.
    pulls_made: bool = False
    pushes: bool = False
    context: bool = False
    variables: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    makes_requests: bool = False
    #: File, line and reason of what can't work.
    problems: list[tuple[str, int, str]] = field(default_factory=list)


def reached(scope: Scope, function: Any, *others: Any) -> Reached:
    """Everything that a function reaches in the DAG folder, and `others` that are called before it."""
    result = Reached()
    texts: list[str] = []
    seen: set[int] = set()
    for one in (function, *others):
        _visit(scope, one, result, texts, seen)
    if result.makes_requests:
        for text in texts:
            for scheme, host, port in _URL.findall(text):
                result.hosts.add(f"{'http://' if scheme == 'http' else ''}{host}{port}")
        if not result.hosts:
            code = getattr(function, "__code__", None)
            file = scope.file_of(code.co_filename) if code else None
            if file and code:
                result.problems.append((file, code.co_firstlineno, "the task makes HTTP requests to a host that is not in its text: add grants={\"http\": [\"HOST\"]} to it"))
    return result


def _visit(scope: Scope, value: Any, result: Reached, texts: list[str], seen: set[int]) -> None:
    function = value.function if isinstance(value, decorators.TaskFactory) else value
    if isinstance(function, type):
        for one in vars(function).values():
            _visit(scope, one, result, texts, seen)
        return
    if not isinstance(function, types.FunctionType) or id(function.__code__) in seen:
        if isinstance(value, (str, list, tuple, dict)):
            texts.append(str(value))
        return
    seen.add(id(function.__code__))
    file = scope.file_of(function.__code__.co_filename)
    if file is None:
        return
    node = scope.module(file).source.function(function.__code__)
    if node is None:
        return
    _look(file, node, result, texts)
    closure = _closure_of(function)
    for name in free_names(ast.Expr(node) if isinstance(node, ast.Lambda) else node, decorators=False):
        found = closure.get(name, function.__globals__.get(name))
        if isinstance(found, types.ModuleType) or recorder.is_unknown(found):
            path = found.__name__ if isinstance(found, types.ModuleType) else recorder.path_of(found)
            result.makes_requests |= path.partition(".")[0] in _HTTP
        elif found is not None:
            _visit(scope, found, result, texts, seen)


def _look(file: str, node: ast.AST, result: Reached, texts: list[str]) -> None:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            texts.append(one.value)
        elif isinstance(one, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in one.names] if isinstance(one, ast.Import) else [one.module or ""]
            result.makes_requests |= any(name.partition(".")[0] in _HTTP for name in names)
        elif isinstance(one, ast.Name) and one.id == "get_current_context":
            result.context = True
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
            _look_at_call(file, one, one.func, result)
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name):
            for name in (one.attr, "*"):
                words = _IMPOSSIBLE.get((one.value.id, name))
                if words:
                    result.problems.append((file, one.lineno, f"the task {words} ({one.value.id}.{one.attr}), which no task in the sandbox can"))


def _look_at_call(file: str, call: ast.Call, func: ast.Attribute, result: Reached) -> None:
    if func.attr == "xcom_push":
        result.pushes = True
    elif func.attr == "xcom_pull":
        given = next((one.value for one in call.keywords if one.arg == "task_ids"), call.args[0] if call.args else None)
        if given is None or isinstance(given, ast.Constant) and given.value is None:
            result.pulls_any = True
        else:
            _look_at_ids(given, result)
    elif func.attr == "get" and isinstance(func.value, ast.Name) and func.value.id == "Variable":
        if call.args and isinstance(call.args[0], ast.Constant):
            result.variables.add(str(call.args[0].value))
        else:
            result.problems.append((file, call.lineno, 'the task reads a variable whose name is made when it runs: add grants={"variables": ["NAME"]} to it'))


def _look_at_ids(given: ast.expr, result: Reached) -> None:
    """Adds the ids that a pull names."""
    if isinstance(given, (ast.List, ast.Tuple, ast.Set)):
        for one in given.elts:
            _look_at_ids(one, result)
    elif isinstance(given, ast.IfExp):
        _look_at_ids(given.body, result)
        _look_at_ids(given.orelse, result)
    elif isinstance(given, ast.Constant) and isinstance(given.value, str):
        result.pulls.append(given.value)
    else:
        result.pulls_made = True


#: `xcom_pull(...)` and `var.value.x` in templates.
_PULL = re.compile(r"xcom_pull\(([^)]*)\)")
_TEXT = re.compile(r"""['"]([^'"]+)['"]""")
_VARIABLE = re.compile(r"""var\.(?:value|json)\.(?:get\(\s*['"]([^'"]+)['"]|(\w+))""")


def is_template(text: str) -> bool:
    return "{{" in text or "{%" in text


def templates(value: Any) -> list[str]:
    """All templates in a value."""
    if isinstance(value, str):
        return [value] if is_template(value) else []
    if isinstance(value, (list, tuple, set)):
        return [text for one in value for text in templates(one)]
    if isinstance(value, dict):
        return [text for one in value.values() for text in templates(one)]
    return []


def look_at_template(text: str, result: Reached) -> None:
    """Adds what a template asks for."""
    for arguments in _PULL.findall(text):
        named = re.search(r"task_ids\s*=\s*(\[[^\]]*\]|['\"][^'\"]+['\"])", arguments)
        first = named.group(1) if named else arguments.partition(",")[0]
        if not named and "=" in first.partition("'")[0]:
            first = ""
        names = _TEXT.findall(first)
        result.pulls.extend(names)
        result.pulls_any |= not names
    result.pushes |= "xcom_push(" in text
    for one, other in _VARIABLE.findall(text):
        if one or other != "get":
            result.variables.add(one or other)
