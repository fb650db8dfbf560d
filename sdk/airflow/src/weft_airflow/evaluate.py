"""Evaluates one DAG file against the stand-ins, and collects the DAGs that Airflow would see."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import traceback
import types
from dataclasses import dataclass, field

from weft_airflow import model, recorder
from weft_airflow.imports import Imports
from weft_airflow.model import Context, Dag
from weft_airflow.report import Report
from weft_airflow.setup_teardown import Scope

#: Airflow reads only files that contain both words.
_WORDS = (b"dag", b"airflow")


@dataclass
class Evaluated:
    """One DAG file."""

    file: str
    dags: list[Dag]
    report: Report
    module: types.ModuleType | None = None
    #: Every module of the folder that was imported, by file.
    modules: dict[str, types.ModuleType] = field(default_factory=dict)


def is_dag_file(name: str, source: bytes) -> bool:
    """Whether Airflow looks for DAGs in a file."""
    lower = source.lower()
    return name.endswith(".py") and (all(word in lower for word in _WORDS) or b"asset" in lower and b"airflow" in lower)


def evaluate(root: str, file: str) -> Evaluated:
    """Runs a file of the folder `root`, which holds all the sources."""
    root = os.path.abspath(root)
    report = Report(root, file)
    recorder.report = report
    Context.reset()
    Scope.reset()
    result = Evaluated(file, [], report)
    cwd, argv = os.getcwd(), sys.argv
    with Imports(root):
        try:
            sys.argv = [file]
            result.module = _run(root, file)
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
                raise
            line, words = _where(root, file, error)
            report.add(file, line, f"the file can't be evaluated: {words}")
        finally:
            sys.argv = argv
            if os.getcwd() != cwd:
                os.chdir(cwd)
        result.dags = _collected(result.module)
        for dag in result.dags:
            _check_circle(dag, report)
        result.modules = {
            found[len(root) :].lstrip("/"): module
            for module in list(sys.modules.values())
            if isinstance(found := getattr(module, "__file__", None), str) and found.startswith(root + "/")
        }
        if result.module is not None:
            result.modules[file] = result.module
    return result


def _run(root: str, file: str) -> types.ModuleType:
    path = f"{root}/{file}"
    # A name that is no module's of the folder, as Airflow makes one too; files in packages import relatively.
    dotted = re.sub(r"\W", "_", file.removesuffix(".py"))
    package = os.path.dirname(file).replace("/", ".")
    name = f"unusual_prefix_{dotted}"
    if package and os.path.isfile(f"{root}/{os.path.dirname(file)}/__init__.py"):
        name = f"{package}.{os.path.basename(file).removesuffix('.py')}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "a file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        Context.dags.clear()
        raise
    return module


def _collected(module: types.ModuleType | None) -> list[Dag]:
    """DAGs among the file's names, and those whose block or function ended."""
    found: dict[int, Dag] = {id(dag): dag for dag in Context.registered}
    if module is not None:
        found.update({id(value): value for value in list(vars(module).values()) if isinstance(value, Dag)})
    by_id: dict[str, Dag] = {}
    pending = list(found.values())
    while pending:
        dag = pending.pop(0)
        by_id[dag.dag_id] = dag
        # Airflow 2 has DAGs that are tasks of others.
        pending += [task.settings["subdag"] for task in dag.tasks if isinstance(task.settings.get("subdag"), Dag)]
    return list(by_id.values()) if module is not None else []


def _check_circle(dag: Dag, report: Report) -> None:
    waiting = {task.task_id: set(task.upstream_task_ids) for task in dag.tasks}
    while waiting:
        free = [name for name, before in waiting.items() if not before & waiting.keys()]
        if not free:
            report.add(dag.where[0], dag.where[1], f"DAG {dag.dag_id} goes in a circle: {', '.join(sorted(waiting))}")
            return
        for name in free:
            del waiting[name]


def _where(root: str, file: str, error: BaseException) -> tuple[int, str]:
    """The line of the DAG file that failed, and what Python says of it."""
    words = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    if isinstance(error, SyntaxError) and (error.filename or "").startswith(root):
        return error.lineno or 0, words
    line = 0
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == f"{root}/{file}":
            line = frame.lineno or 0
    return line, words


__all__ = ["Evaluated", "evaluate", "is_dag_file", "model"]
