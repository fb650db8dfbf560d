"""Runs while the component is built: everything that attempts need not do again.

What is linked is Python by itself (`weft_component`), and goes on from there in two steps.
The base is that after a `describe` which installs the SDK and the packages, and imports
what the author's modules import of them. The component is the base after another one, in
which these modules are imported, and the DAGs are put together and described.
What goes wrong is written to `report.json` in the folder of the build, in Python's own
words.
"""

from __future__ import annotations

import ast
import gc
import importlib
import json
import linecache
import os
import random
import sys
import traceback
from types import ModuleType
from typing import Any, Callable

from weft.guest import absent, archive
from weft.guest import files as files_of_author
from weft.guest import logs, loop, randomness, sockets, tls

#: How many containers a task may make before Python looks for cycles among
#: them: each look writes to what it looks at, and most tasks end before one.
GC_THRESHOLD = 50_000


#: The packages, for imports that are not done yet.
_packages = archive.Archive(archive.pack({}), [])


def prepare(folder: str) -> None:
    """Prepares a base or a component, with a folder that `wfctl build` made."""
    _reporting(folder, _prepare)


def _reporting(folder: str, step: Callable[[str, dict[str, Any]], None]) -> None:
    # Almost nothing of what imports make is a cycle that could be collected.
    gc.disable()
    try:
        with open(f"{folder}/build.json", encoding="utf-8") as file:
            plan = json.load(file)
        step(folder, plan)
    except BaseException as error:
        _report(folder, {"error": _words(error)})
        raise
    finally:
        gc.enable()


def _prepare(folder: str, plan: dict[str, Any]) -> None:
    # For modules of the SDK that were not imported yet.
    sys.path[:] = [folder]
    if "imports" in plan:
        _prepare_base(folder, plan)
    else:
        _prepare_component(folder, plan)


def _prepare_base(folder: str, plan: dict[str, Any]) -> None:
    global _packages
    from weft_component import STANDARD_LIBRARY  # type: ignore[import-not-found]

    sockets.install()
    tls.install()
    absent.install()
    randomness.watch()
    if packages := plan["packages"]:
        with open(packages["archive"], "rb") as file:
            _packages = archive.Archive(file.read(), [packages["root"]], packages["libraries"])
        archive.install(_packages)
        files_of_author.install(_packages)
    archive.install(archive.Archive(STANDARD_LIBRARY, ["lib"]))
    loop.install()
    for name in plan["imports"]:
        importlib.import_module(name)
    late = _import_parts(_packages)
    _forget_build()
    _report(folder, {"python": sys.version.split()[0], "late": late})


def _prepare_component(folder: str, plan: dict[str, Any]) -> None:
    # The base is that of other versions too, which draw others.
    random.seed()
    own = archive.Archive(archive.pack(_files(f"{folder}/files", "")), [plan["root"]])
    archive.install(own, first=True)
    files_of_author.install(own)
    modules = [importlib.import_module(name) for name in plan["modules"]]
    late = _import_late_ones(modules) + _import_parts(_packages)

    from weft.dags import registered
    from weft.document import Catalogue
    from weft.guest import component
    from weft.guest.warm import warm

    catalogue = Catalogue(registered())
    component.serve(catalogue)
    logs.install()
    warm()
    for node in catalogue.tasks.values():
        # Read at its first use, which is now.
        _ = node.task.signature
    randomness.settle()
    _forget_build()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    _report(folder, {"dags": [dag.id for dag in catalogue.dags], "late": late})


def _files(folder: str, prefix: str) -> dict[str, str]:
    """Every file below a folder, by its name in the archive."""
    files = {}
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            path = f"{place}/{name}"
            files[prefix + path[len(folder) + 1 :]] = path
    return files


def _import_late_ones(modules: list[ModuleType]) -> list[str]:
    """Imports inside of functions are done now, so that no attempt pays for them.

    One that fails is left to the task, which may never come there.
    """
    late = []
    for module in modules:
        loader = getattr(module.__spec__, "loader", None)
        if not isinstance(loader, archive.Loader):
            continue
        for node in ast.walk(ast.parse(loader.get_source(module.__name__))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                if name not in sys.modules:
                    try:
                        importlib.import_module(name)
                        late.append(name)
                    except Exception:
                        continue
    return late


def _import_parts(own: archive.Archive) -> list[str]:
    """Parts of native packages that are usually imported late, which their wheels name; of packages that are used."""
    late = []
    for part in archive.late_parts(own):
        importlib.import_module(part)
        late.append(part)
    return late


def _forget_build() -> None:
    """Leaves nothing behind that names the machine of the build."""
    sys.path[:] = []
    sys.path_importer_cache.clear()
    sys.argv[:] = ["task"]
    linecache.clearcache()
    gc.collect()


def _words(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return "".join(traceback.format_exception_only(error)).rstrip()
    frames = traceback.extract_tb(error.__traceback__)
    # Those of the author, and of what the author called.
    of_sdk = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    start = next(
        (
            index
            for index, frame in enumerate(frames)
            if not frame.filename.startswith((of_sdk, "<frozen", "/python")) and "weft_component" not in frame.filename
        ),
        len(frames),
    )
    shown = [frame for frame in frames[start:] if not frame.filename.startswith((of_sdk, "<frozen"))]
    lines = traceback.format_exception_only(error)
    if shown:
        lines = ["Traceback (most recent call last):\n", *traceback.format_list(shown), *lines]
    return "".join(lines).rstrip()


def _report(folder: str, report: dict[str, Any]) -> None:
    with open(f"{folder}/report.json", "w", encoding="utf-8") as file:
        json.dump(report, file)
