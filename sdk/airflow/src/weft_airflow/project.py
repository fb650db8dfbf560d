"""The files of a project, and the report, of one DAG file."""

from __future__ import annotations

import __future__
import ast
import dis
import json
import os
import re
import sys
from importlib.resources import files
from typing import Any

from weft_airflow.evaluate import Evaluated, evaluate
from weft_airflow.literal import literal
from weft_airflow.scope import S3, SUPPORT, Kept, Module, Scope
from weft_airflow.settings import describe_schedule
from weft_airflow.source import bound_names
from weft_airflow.writer import DagWriter


def convert(root: str, file: str) -> dict[str, Any]:
    """Evaluates a DAG file of the folder `root` and returns its project's name and files with the report.

    `{"project", "files": {path: text}, "dags": [...], "by_hand": [...]}`; no project where the
    file has no DAG.
    """
    root = os.path.abspath(root)
    found = evaluate(root, file)
    dags = [_document(dag, file) for dag in found.dags]
    written: dict[str, str] = {}
    if any(dag.tasks for dag in found.dags):
        try:
            written = _files(root, found)
        except RecursionError:
            found.report.add(file, 0, "the file can't be written: its values refer to each other without end")
    return {
        "file": file,
        "project": project_name(file) if written else None,
        "files": written,
        "dags": dags,
        "by_hand": found.report.document(),
    }


def project_name(file: str) -> str:
    """The folder of a file's project: its path with dashes."""
    name = re.sub(r"[^A-Za-z0-9_]+", "-", file.removesuffix(".py").removesuffix("/__init__")).strip("-").lower()
    return name if name[:1].isalpha() else f"dag-{name}"


def _document(dag: Any, file: str) -> dict[str, Any]:
    return {
        "dag": dag.dag_id,
        "file": file,
        "schedule": describe_schedule(dag),
        "tasks": [{"id": task.task_id, "kind": task.kind} for task in dag.tasks],
        "edges": sorted([task.task_id, later] for task in dag.tasks for later in task.downstream_task_ids),
    }


def _files(root: str, found: Evaluated) -> dict[str, str]:
    scope = Scope(root, found.modules, found.file, found.report)
    airflow_2 = _is_airflow_2(scope.main.source.text)
    graphs = [DagWriter(dag, scope, found.report, airflow_2).write() for dag in found.dags if dag.tasks]
    main = scope.modules.pop(found.file)
    home = _module_path(found.file)
    written = {f"dags/{home}.py": _main_text(main, found, graphs)}
    for file, module in sorted(scope.modules.items()):
        written[f"dags/{module.name.replace('.', '/')}{'/__init__' if file.endswith('/__init__.py') else ''}.py"] = _module_text(module, "")
    for path in list(written):
        # Packages of helpers are packages here too.
        parts = path.split("/")[1:-1]
        for depth in range(1, len(parts) + 1):
            written.setdefault("/".join(["dags", *parts[:depth], "__init__.py"]), "")
    packages = set(scope.packages)
    if scope.uses_support:
        text = files("weft_airflow").joinpath(f"{SUPPORT}.py").read_text(encoding="utf-8")
        written[f"dags/{SUPPORT}.py"] = text
        if f"import {S3}\n" in written[f"dags/{home}.py"]:
            written[f"dags/{S3}.py"] = files("weft_airflow").joinpath(f"{S3}.py").read_text(encoding="utf-8")
        if any("{{" in one or "{%" in one for name, one in written.items() if name != f"dags/{SUPPORT}.py"):
            packages.add("jinja2")
    written["pyproject.toml"] = _pyproject(project_name(found.file), packages)
    written["README.md"] = _readme(found)
    written[".gitignore"] = "dag.wasm\n.venv/\n__pycache__/\n"
    return written


def _module_path(file: str) -> str:
    """The main module: named as the file, in no package."""
    name = re.sub(r"\W", "_", os.path.basename(file).removesuffix(".py"))
    if name == "__init__":
        name = re.sub(r"\W", "_", os.path.basename(os.path.dirname(file))) or "dags"
    return name if name.isidentifier() and name not in ("weft", SUPPORT) else f"dag_{name}"


def _is_airflow_2(text: str) -> bool:
    """Whether a file is written for Airflow 2, where a DAG makes up for missed runs unless it says otherwise."""
    return "airflow.sdk" not in text and "airflow.providers.standard" not in text


def _module_text(module: Module, extra: str) -> str:
    imports = _imports([piece.text for piece in module.kept.values() if piece.is_import and piece.line == 0])
    copied = [piece.text for piece in sorted(module.kept.values(), key=lambda one: one.line) if piece.is_import and piece.line]
    pieces = _in_order([piece for piece in sorted(module.kept.values(), key=lambda one: one.line) if not piece.is_import])
    parts = ["from __future__ import annotations"]
    if imports or copied:
        parts.append("\n".join([*imports, *copied]))
    if extra:
        parts.append(extra)
    text = "\n\n".join(parts)
    before_simple = False
    for piece in pieces:
        simple = "\n" not in piece and not piece.startswith(("def ", "class ", "@"))
        text += ("\n" if before_simple and simple else "\n\n\n") + piece
        before_simple = simple
    return text + "\n"


def _in_order(pieces: list[Kept]) -> list[str]:
    """Pieces by their lines, each after those whose names it uses when it is defined."""
    binding: dict[str, int] = {}
    for index, piece in enumerate(pieces):
        for node in ast.parse(piece.text).body:
            binding.update(dict.fromkeys(bound_names(node), index))
    ordered: dict[int, str] = {}
    under_way: set[int] = set()

    def place(index: int) -> None:
        if index in ordered or index in under_way:
            return
        under_way.add(index)
        code = compile(pieces[index].text, "<piece>", "exec", dont_inherit=True, flags=__future__.annotations.compiler_flag)
        for one in dis.get_instructions(code):
            if one.opname == "LOAD_NAME" and one.argval in binding:
                place(binding[one.argval])
        ordered[index] = pieces[index].text.rstrip()

    for index in range(len(pieces)):
        place(index)
    return list(ordered.values())


def _imports(lines: list[str]) -> list[str]:
    """Imports as they are usually written: the standard library before others, and one line for each module."""
    plain = {line for line in lines if line.startswith("import ")}
    names: dict[str, set[str]] = {}
    for line in lines:
        home, _, name = line.removeprefix("from ").partition(" import ")
        if line.startswith("from "):
            names.setdefault(home, set()).add(name)
    whole = [*plain, *(f"from {home} import {', '.join(sorted(given))}" for home, given in names.items())]
    top = lambda line: line.split()[1].partition(".")[0]  # noqa: E731
    standard = sorted((line for line in whole if top(line) in sys.stdlib_module_names), key=lambda line: (line.startswith("from"), line))
    others = sorted((line for line in whole if top(line) not in sys.stdlib_module_names), key=lambda line: (line.startswith("from"), line))
    return [*standard, *([""] if standard and others else []), *others]


def _main_text(module: Module, found: Evaluated, graphs: list[str]) -> str:
    names = ", ".join(dag.dag_id for dag in found.dags if dag.tasks)
    head = f'"""Imported from {found.file} of an Airflow DAG folder: {names}."""\n\n'
    connections = module.connections
    extra = ""
    if connections:
        inside = "".join(f"    {literal(name)}: {literal(address)},\n" for name, address in sorted(connections.items()))
        extra = f"#: Addresses of what Airflow calls connections; their hosts are in the grants of the tasks that use them.\nCONNECTIONS = {{\n{inside}}}"
    module.kept["weft"] = Kept(0, "from weft import DAG", True)
    return head + _module_text(module, extra) + "\n\n" + "\n\n\n".join(graph for graph in graphs if graph) + "\n"


def _pyproject(name: str, packages: set[str]) -> str:
    listed = "".join(f"    {json.dumps(package)},\n" for package in sorted(packages))
    dependencies = f"[\n{listed}]" if listed else "[]"
    return f'[project]\nname = "{name}"\nversion = "0.1.0"\nrequires-python = ">=3.10"\ndependencies = {dependencies}\n'


def _readme(found: Evaluated) -> str:
    lines = [f"# {project_name(found.file)}", "", f"Imported by `wfctl import airflow` from `{found.file}`.", "", "```", "wfctl build", "wfctl run", "```"]
    by_hand = found.report.document()
    if by_hand:
        lines += ["", "## By hand", "", *(f"- `{one['file']}:{one['line']}`: {one['reason']}" for one in by_hand)]
    return "\n".join(lines) + "\n"


__all__ = ["convert", "project_name"]
