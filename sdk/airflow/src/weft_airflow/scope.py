"""The modules of an imported project: what of each source module is kept for the bodies of tasks.

A name that a body uses is kept with what it needs in turn: imports, constants, functions and
classes, each in the module where it was. A function that was made inside of another one is
written at the top, and what it took from around it is given to a function that makes it.
"""

from __future__ import annotations

import ast
import builtins
import copy
import enum
import functools
import sys
import types
from dataclasses import dataclass, field
from typing import Any

from weft_airflow import decorators, model, names, operators, recorder, values
from weft_airflow.literal import NotLiteral, literal
from weft_airflow.report import Report
from weft_airflow.source import Source, free_names, mark_colons

#: What bodies name of Airflow, by where Weft has it.
IN_WEFT = {
    "Variable": "weft",
    "TriggerRule": "weft",
    "PokeReturnValue": "weft",
    "AirflowException": "weft.exceptions",
    "AirflowFailException": "weft.exceptions",
    "AirflowSkipException": "weft.exceptions",
}
#: What the support module has under Airflow's names.
IN_SUPPORT = {"get_current_context", "BaseOperator", "BaseSensorOperator", "BaseBranchOperator", "WeekDay", "Asset", "AssetAlias", "Dataset", "DatasetAlias", "Metadata", "AirflowSensorTimeout", "AirflowNotFoundException", "State", "DagRunState", "TaskInstanceState"}
#: The name of the support module in projects.
SUPPORT = "airflow_support"
#: The name of its part for S3.
S3 = "airflow_s3"

#: Packages whose name is not that of their module.
PACKAGES = {
    "yaml": "pyyaml", "bs4": "beautifulsoup4", "dateutil": "python-dateutil", "sklearn": "scikit-learn", "PIL": "pillow",
    "jwt": "pyjwt", "dotenv": "python-dotenv", "google": "google-cloud", "OpenSSL": "pyopenssl", "attr": "attrs",
}  # fmt: skip


@dataclass
class Kept:
    """A piece of a module's text, at the line where it was."""

    line: int
    text: str
    is_import: bool = False


@dataclass
class Module:
    """One module of the project."""

    name: str
    source: Source
    live: types.ModuleType
    kept: dict[str, Kept] = field(default_factory=dict)
    #: Names that are bound, and those of pieces that are under way.
    bound: dict[str, Any] = field(default_factory=dict)
    made: dict[tuple[int, ...], str] = field(default_factory=dict)
    #: Functions that carry a decorator of `weft`, with the decorator.
    decorated: dict[str, str] = field(default_factory=dict)
    #: Addresses of Airflow's connections.
    connections: dict[str, str] = field(default_factory=dict)


class Scope:
    """All modules of a project."""

    def __init__(self, root: str, modules: dict[str, types.ModuleType], main: str, report: Report):
        self.root = root
        self.report = report
        self.modules: dict[str, Module] = {}
        self._live = modules
        self.packages: set[str] = set()
        self.uses_support = False
        self.main = self.module(main)
        #: Instances that are being written, which may refer to themselves.
        self._under_way: set[int] = set()
        #: Functions that bodies reach, by the function that starts it; see `reached`.
        self.nodes: list[tuple[str, ast.AST]] = []

    def module(self, file: str) -> Module:
        """The project's module of a source file."""
        if file not in self.modules:
            with open(f"{self.root}/{file}", encoding="utf-8") as opened:
                source = Source(file, opened.read())
            mark_colons(source)
            name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            self.modules[file] = Module(name, source, self._live[file])
        return self.modules[file]

    def file_of(self, path: str | None) -> str | None:
        """The file of the folder that a path names, if it was imported."""
        if not path or not path.startswith(self.root + "/"):
            return None
        file = path[len(self.root) + 1 :]
        return file if file in self._live else None

    def missing(self, module: Module, name: str, line: int, reason: str) -> str:
        """An expression that fails when it is used."""
        self.report.add(module.source.file, line, reason)
        self.uses_support = True
        self.put(module, f"import {SUPPORT}", Kept(0, f"import {SUPPORT}", True))
        return f"{SUPPORT}.missing({literal(f'{module.source.file}:{line}: {reason}')})"

    @staticmethod
    def put(module: Module, key: str, kept: Kept) -> None:
        module.kept.setdefault(key, kept)

    def free(self, module: Module, name: str) -> str:
        """A name that is not bound in a module yet."""
        found, number = name, 1
        while found in module.bound or hasattr(builtins, found):
            number += 1
            found = f"{name}_{number}"
        module.bound[found] = None
        return found

    # Names.

    def keep(self, module: Module, name: str, value: Any, line: int) -> None:
        """Binds a name in a module to what it is where the DAG file was evaluated."""
        if name in module.bound:
            return
        if hasattr(builtins, name) and getattr(builtins, name) is value:
            return
        module.bound[name] = value
        statement = self._statement_of(module, name, value)
        if statement is not None:
            module.kept[name] = Kept(statement.lineno, module.source.copy(statement), isinstance(statement, (ast.Import, ast.ImportFrom)))
            self.nodes.append((module.source.file, statement))
            for needed in free_names(statement):
                if needed != name:
                    self.keep_global(module, needed, statement.lineno)
            return
        expression = self.expression(module, value, name, line)
        if expression is not None:
            module.kept.setdefault(name, Kept(line, f"{name} = {expression}"))

    def keep_global(self, module: Module, name: str, line: int) -> None:
        """Binds a global name of a source module, if it has it."""
        # A module's own name and file are there in the project too.
        if name in vars(module.live) and not (name.startswith("__") and name.endswith("__")):
            self.keep(module, name, vars(module.live)[name], line)

    def _statement_of(self, module: Module, name: str, value: Any) -> ast.stmt | None:
        """The statement to copy for a name: a constant's, or a decorated function's or class's."""
        if _of_airflow(value) or recorder.is_unknown(value) and "()" not in recorder.path_of(value):
            return None
        if isinstance(value, (types.ModuleType, types.FunctionType, types.BuiltinFunctionType)):
            return None
        if vars(module.live).get(name) is not value:
            return None
        statement = module.source.statement(name)
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if isinstance(statement, ast.Assign) and not all(isinstance(one, ast.Name) for one in statement.targets):
                return None
            if any(_of_airflow(vars(module.live).get(needed)) for needed in free_names(statement)) and not isinstance(statement, ast.ClassDef):
                return None
            return statement
        return None

    def expression(self, module: Module, value: Any, name: str, line: int) -> str | None:
        """Binds `name` by an import or definition and returns `None`, or returns an expression for it."""
        if isinstance(value, types.ModuleType):
            return self._module(module, value, name, line)
        if recorder.is_unknown(value):
            return self._unknown(module, value, name, line)
        if isinstance(value, decorators.TaskFactory):
            value = value.function
        if isinstance(value, types.MethodType):
            return f"{self.reference(module, value.__self__, line)}.{value.__name__}"
        known = names.name_of(value) if not isinstance(value, (str, int, float, bool, type(None))) else None
        if known is not None:
            return self._airflow(module, known, name, line)
        if isinstance(value, functools.partial):
            inner = self.reference(module, value.func, line)
            given = [literal(one, lambda item: self.reference(module, item, line)) for one in value.args]
            given += [f"{key}={literal(one, lambda item: self.reference(module, item, line))}" for key, one in value.keywords.items()]
            self.put(module, "import functools", Kept(0, "import functools", True))
            return f"functools.partial({', '.join([inner, *given])})"
        if isinstance(value, types.FunctionType):
            found = self.function(module, value, name)
            return None if found == name else found
        if isinstance(value, (type, types.BuiltinFunctionType)) or hasattr(value, "__module__") and callable(value) and hasattr(value, "__qualname__"):
            return self._defined(module, value, name, line)
        if isinstance(value, values.Asset):
            self._support(module)
            return f"{SUPPORT}.Asset({literal(value.name)}, {literal(value.uri)})"
        if self._is_own_instance(value):
            return self._instance(module, value, line)
        return self._literal(module, value, name, line)

    def _is_own_instance(self, value: Any) -> bool:
        """Whether a value is of a class of the folder whose instances are what their attributes are."""
        cls = type(value)
        home = next((file for file, live in self._live.items() if live.__name__ == cls.__module__), None)
        plain = not isinstance(value, (type, enum.Enum, tuple, list, dict, set, str, int, float, Exception)) and not _of_airflow(value)
        return home is not None and plain and hasattr(value, "__dict__") and id(value) not in self._under_way

    def _instance(self, module: Module, value: Any, line: int) -> str:
        self._under_way.add(id(value))
        self._support(module)
        try:
            cls = self.reference(module, type(value), line)
            attributes = literal(vars(value), lambda item: self.reference(module, item, line))
        finally:
            self._under_way.discard(id(value))
        return f"{SUPPORT}.instance({cls}, {attributes})"

    def _literal(self, module: Module, value: Any, name: str, line: int) -> str:
        try:
            text = literal(value, lambda item: self.reference(module, item, line) if _nameable(item) else _refuse(item))
        except NotLiteral as error:
            what = f"{type(error.value).__module__}.{type(error.value).__name__}".replace("weft_airflow.model.", "Airflow's ")
            return self.missing(module, name, line, f"the body of a task uses {name}, a value of {what}, which only Airflow has while a DAG file is read")
        for used in ("datetime", "pathlib", "re"):
            if f"{used}." in text:
                if used in module.bound and module.bound[used] is not sys.modules.get(used):
                    text = text.replace(f"{used}.", f"{used}_.")
                    self.put(module, f"import {used} as {used}_", Kept(0, f"import {used} as {used}_", True))
                else:
                    module.bound[used] = sys.modules.get(used)
                    self.put(module, f"import {used}", Kept(0, f"import {used}", True))
        return text

    def reference(self, module: Module, value: Any, line: int) -> str:
        """An expression for a function, class or other value without a name of its own."""
        if isinstance(value, (types.FunctionType, decorators.TaskFactory)):
            function = value.function if isinstance(value, decorators.TaskFactory) else value
            if isinstance(function, types.FunctionType):
                return self.function(module, function, None)
        name = getattr(value, "__name__", None) or "value"
        for bound, found in module.bound.items():
            if found is value and value is not None:
                return bound
        if isinstance(value, types.BuiltinFunctionType) and getattr(builtins, name, None) is value or isinstance(value, type) and getattr(builtins, name, None) is value:
            return name
        found_name = self.free(module, name.replace(".", "_") if name.isidentifier() or "." in name else "value")
        del module.bound[found_name]
        before = module.kept.get(found_name)
        module.bound[found_name] = value
        text = self.expression(module, value, found_name, line)
        if text is None:
            return found_name
        if before is None and not text.isidentifier():
            del module.bound[found_name]
        return text

    def _support(self, module: Module) -> None:
        self.uses_support = True
        self.put(module, f"import {SUPPORT}", Kept(0, f"import {SUPPORT}", True))

    def _import(self, module: Module, text: str) -> None:
        self.put(module, text, Kept(0, text, True))

    def _module(self, module: Module, value: types.ModuleType, name: str, line: int) -> str | None:
        path = value.__name__
        top = path.partition(".")[0]
        if top == "pendulum" or value is names.TABLE["timezone"]:
            self._import(module, "from weft import pendulum" + ("" if name == "pendulum" else f" as {name}"))
            return None
        if top == "airflow":
            return self.missing(module, name, line, f"the body of a task uses {path}, which has no counterpart in Weft")
        file = self.file_of(getattr(value, "__file__", None))
        if file is not None:
            other = self.module(file)
            path = other.name
            # Which of its names are used can't be known from a module: those that the text names are kept.
            for used in _attributes(module.source.tree, name):
                self.keep_global(other, used, 1)
        elif isinstance(value, recorder.MissingModule):
            self._package(top)
        if "." in path and path.partition(".")[0] == name:
            self._import(module, f"import {path}")
        else:
            self._import(module, f"import {path}" + ("" if path == name else f" as {name}"))
        return None

    def _package(self, top: str) -> None:
        if top not in sys.stdlib_module_names:
            self.packages.add(PACKAGES.get(top, top.replace("_", "-")))

    def _unknown(self, module: Module, value: Any, name: str, line: int) -> str | None:
        path = recorder.path_of(value)
        if path.startswith(("airflow.", "Variable.", "Connection.", "BaseHook", "dag.")) or not path.replace(".", "").replace("_", "").isalnum():
            return self.missing(module, name, line, f"the body of a task uses {path}, which has no counterpart in Weft" if path.startswith("airflow.") else f"the body of a task uses {path}, whose value can't be known here")
        self._package(path.partition(".")[0])
        home, _, last = path.rpartition(".")
        if not home:
            self._import(module, f"import {path}" + ("" if path == name else f" as {name}"))
        else:
            self._import(module, f"from {home} import {last}" + ("" if last == name else f" as {name}"))
        return None

    def _airflow(self, module: Module, known: str, name: str, line: int) -> str | None:
        suffix = "" if known == name else f" as {name}"
        if known in IN_WEFT:
            self._import(module, f"from {IN_WEFT[known]} import {known}{suffix}")
            return None
        if known in IN_SUPPORT:
            self.uses_support = True
            self._import(module, f"from {SUPPORT} import {known}{suffix}")
            return None
        if known == "Context":
            self._import(module, f"from weft import Context{suffix}")
            return None
        return self.missing(module, name, line, f"the body of a task uses Airflow's {known}, which has no counterpart in Weft")

    def _defined(self, module: Module, value: Any, name: str, line: int) -> str | None:
        """A class, or a function of another module."""
        home = getattr(value, "__module__", None) or "builtins"
        live = sys.modules.get(home)
        file = self.file_of(getattr(live, "__file__", None)) or next(
            (found for found, known in self._live.items() if known.__name__ == home), None
        )
        if file is None:
            qualified = getattr(value, "__qualname__", name)
            if "<locals>" in qualified or home == "builtins" and not hasattr(builtins, qualified):
                return self.missing(module, name, line, f"the body of a task uses {name}, whose definition can't be found")
            if home == "builtins":
                return qualified
            top, _, rest = qualified.partition(".")
            if rest:
                self._import(module, f"import {home}")
                return f"{home}.{qualified}"
            self._import(module, f"from {home} import {top}" + ("" if top == name else f" as {name}"))
            return None
        other = self.module(file)
        own = getattr(value, "__name__", name)
        if other is not module:
            self.keep_global(other, own, line)
            self._import(module, f"from {other.name} import {own}" + ("" if own == name else f" as {name}"))
            return None
        node = other.source.klass(own, getattr(value, "__firstlineno__", None)) if isinstance(value, type) else other.source.statement(own)
        if node is None:
            return self.missing(module, name, line, f"the body of a task uses {name}, whose definition can't be found")
        if own != name:
            module.bound.setdefault(own, value)
        text = other.source.copy(node, first=node.lineno if isinstance(node, ast.ClassDef) and not _plain_decorators(node) else None)
        module.kept.setdefault(own, Kept(node.lineno, text))
        self.nodes.append((file, node))
        closure = _closure_of(value)
        for needed in free_names(node):
            if needed in closure:
                self.keep(module, needed, closure[needed], node.lineno)
            elif needed != own:
                self.keep_global(module, needed, node.lineno)
        return None if own == name else own

    # Functions.

    def function(self, module: Module, function: types.FunctionType, wanted: str | None) -> str:
        """Writes a function's definition, and returns the name that it has in the module."""
        file = self.file_of(function.__code__.co_filename)
        if file is None:
            own = function.__name__
            home = function.__module__
            self._import(module, f"from {home} import {own}" + (f" as {wanted}" if wanted and wanted != own else ""))
            module.bound.setdefault(wanted or own, function)
            return wanted or own
        other = self.module(file)
        node = other.source.function(function.__code__)
        if node is None:
            return self.missing(module, wanted or "function", function.__code__.co_firstlineno, f"the text of {function.__qualname__} can't be found")
        if isinstance(node, ast.Lambda):
            return self._lambda(module, other, node, function)
        if other is not module:
            name = self._place(other, node, function, None)
            alias = wanted or (name if module.bound.get(name, function) is function else self.free(module, name))
            module.bound[alias] = function
            self._import(module, f"from {other.name} import {name}" + ("" if alias == name else f" as {alias}"))
            return alias
        return self._place(module, node, function, wanted)

    def _place(self, module: Module, node: Any, function: types.FunctionType, wanted: str | None) -> str:
        closure = _closure_of(function)
        key = (id(function.__code__), *(id(one) for one in closure.values()))
        if key in module.made:
            return module.made[key]
        top = vars(module.live).get(node.name)
        is_top = node in module.source.tree.body and (top is function or isinstance(top, decorators.TaskFactory) and top.function is function)
        name = node.name if is_top or wanted == node.name or node.name not in module.bound and not hasattr(builtins, node.name) else self.free(module, node.name)
        module.made[key] = name
        module.bound[name] = function
        self.nodes.append((module.source.file, node))
        if not is_top:
            node = _with_defaults(node, function)
        needed = free_names(node, decorators=False)
        inner = [one for one in needed if one in closure]
        for one in needed:
            if one not in closure and one != node.name:
                if one in function.__globals__ and vars(module.live) is function.__globals__:
                    self.keep_global(module, one, node.lineno)
        text = module.source.copy_function(node, name, annotated=is_top and not isinstance(top, decorators.TaskFactory))
        if inner:
            self._with_closure(module, node, name, text, {one: closure[one] for one in inner})
        else:
            module.kept[name] = Kept(node.lineno, text)
        wrapped = getattr(function, "__wrapped__", None)
        if isinstance(wrapped, types.FunctionType):
            # What the function takes is what the function below its decorator takes.
            module.kept[name].text += f"\n\n\n{name}.__wrapped__ = {self.reference(module, wrapped, node.lineno)}"
        return name

    def _with_closure(self, module: Module, node: Any, name: str, text: str, closure: dict[str, Any]) -> None:
        """A function that takes values from around it is made by a function that is given them."""
        values_of = {}
        for one, value in closure.items():
            if value is _EMPTY:
                values_of[one] = self.missing(module, one, node.lineno, f"the body of a task uses {one}, which has no value where the DAG is made")
            else:
                values_of[one] = literal(value, lambda item: self._closed(module, item, one, node.lineno))
        for used in ("datetime", "pathlib", "re"):
            if any(f"{used}." in expression for expression in values_of.values()):
                self.put(module, f"import {used}", Kept(0, f"import {used}", True))
        maker = self.free(module, f"make_{node.name}")
        body = "\n".join(line if number + 1 in _fixed_of(text) else f"    {line}" if line.strip() else line for number, line in enumerate(text.splitlines()))
        made = f"def {maker}({', '.join(values_of)}):\n{body}\n\n    return {name}\n\n\n"
        made += f"{name} = {maker}({', '.join(values_of.values())})"
        module.kept[name] = Kept(node.lineno, made)

    def _closed(self, module: Module, value: Any, name: str, line: int) -> str:
        if _nameable(value):
            return self.reference(module, value, line)
        expression = self.expression(module, value, name, line)
        return name if expression is None else expression

    def _lambda(self, module: Module, other: Module, node: ast.Lambda, function: types.FunctionType) -> str:
        closure = _closure_of(function)
        node = _with_defaults(node, function)
        for one in free_names(ast.Expr(node)):
            if one in closure:
                self.keep(module, one, closure[one], node.lineno)
            elif one in function.__globals__:
                self.keep(module, one, function.__globals__[one], node.lineno)
        self.nodes.append((other.source.file, node))
        return f"({ast.unparse(node)})"


_EMPTY = object()


def _fixed_of(text: str) -> set[int]:
    from weft_airflow.source import _inside_texts

    return _inside_texts(text)


def _refuse(value: Any) -> str:
    raise NotLiteral(value)


def _with_defaults(node: Any, function: types.FunctionType) -> Any:
    """A definition with the values that its defaults had, where an expression says them."""
    made = copy.deepcopy(node)
    arguments = made.args
    pairs = [(arguments.defaults, index, value) for index, value in enumerate(function.__defaults__ or ())]
    names = [one.arg for one in arguments.kwonlyargs]
    pairs += [(arguments.kw_defaults, names.index(name), value) for name, value in (function.__kwdefaults__ or {}).items() if name in names]
    for defaults, index, value in pairs:
        if index < len(defaults) and not isinstance(defaults[index], (ast.Constant, type(None))):
            try:
                text = literal(value)
            except NotLiteral:
                continue
            if text.startswith(("datetime.", "pathlib.", "re.")):
                continue
            defaults[index] = ast.parse(text, mode="eval").body
    return made


def _nameable(value: Any) -> bool:
    return isinstance(value, (types.FunctionType, types.MethodType, types.BuiltinFunctionType, type, decorators.TaskFactory, functools.partial, types.ModuleType, values.Asset)) or recorder.is_unknown(value)


def _closure_of(function: Any) -> dict[str, Any]:
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    if code is None or not cells:
        return {}
    found = {}
    for name, cell in zip(code.co_freevars, cells):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            found[name] = _EMPTY
    return found


def _of_airflow(value: Any) -> bool:
    """Whether a value is a stand-in, or made of one."""
    if isinstance(value, (model.Dependency, model.Dag, model.DagParam, decorators.TaskFactory, decorators.GroupFactory, values.Param, values.Asset, values.Timetable)):
        return True
    if isinstance(value, (str, int, float, bool, type(None), list, dict, tuple, set)):
        return isinstance(value, (list, tuple)) and any(_of_airflow(one) for one in value)
    if isinstance(value, types.ModuleType):
        return value.__name__.partition(".")[0] in ("airflow", "pendulum")
    return names.name_of(value) is not None or recorder.is_unknown(value) and recorder.path_of(value).startswith("airflow.")


def _plain_decorators(node: ast.ClassDef) -> bool:
    return bool(node.decorator_list)


def _attributes(tree: ast.AST, name: str) -> list[str]:
    """The attributes that a text takes of a name."""
    found = [one.attr for one in ast.walk(tree) if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == name]
    return list(dict.fromkeys(found))


__all__ = ["Kept", "Module", "Scope", "operators"]
