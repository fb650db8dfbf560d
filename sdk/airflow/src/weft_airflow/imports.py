"""Imports of a DAG file: stand-ins for `airflow` and `pendulum`, recorders for what is missing."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from weft_airflow import dates, names, recorder

#: The version that DAG files see.
VERSION = "3.3.2"


class StandIn(ModuleType):
    """A module of `airflow`."""

    def __init__(self, name: str):
        super().__init__(name)
        self.__path__: list[str] = []
        self.__version__ = VERSION

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = self._find(name)
        setattr(self, name, found)
        return found

    def _find(self, name: str) -> Any:
        path = f"{self.__name__}.{name}"
        if name == "version" and self.__name__ == "airflow.version":
            return VERSION
        if name in names.TABLE and not (name == "datetime" and self.__name__ == "airflow"):
            return names.TABLE[name]
        if name[:1].isupper() and not name.isupper():
            return recorder.recorded_class(path)
        if name in names.MODULES or path in sys.modules:
            return sys.modules.get(path) or importlib.import_module(path)
        return recorder.Recorder(path)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return recorder.Recorder(self.__name__)(*args, **keywords)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `airflow` and `pendulum` before, or anything that is missing after the real finders."""

    def __init__(self, first: bool):
        self._first = first

    def find_spec(self, fullname: str, _path: Sequence[str] | None, _target: Any = None) -> Any:
        top = fullname.partition(".")[0]
        ours = top in ("airflow", "pendulum")
        if ours != self._first:
            return None
        if not self._first and _beside_real(fullname):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: Any) -> ModuleType:
        top, _, rest = spec.name.partition(".")
        if top == "airflow":
            # `from airflow.sdk import timezone`, and `import airflow.sdk.timezone`, are the same module.
            last = rest.rpartition(".")[2]
            if last == "timezone":
                return names.TABLE["timezone"]
            return StandIn(spec.name)
        if top == "pendulum":
            return dates.module() if not rest else sys.modules["pendulum"]
        return recorder.MissingModule(spec.name)

    def exec_module(self, module: ModuleType) -> None: ...


def _beside_real(fullname: str) -> bool:
    """Whether a submodule is missing of a package that is there: an error of the author's."""
    parent = sys.modules.get(fullname.rpartition(".")[0])
    if parent is None or isinstance(parent, (recorder.MissingModule, StandIn)):
        return False
    return bool(getattr(parent, "__file__", None))


class Imports:
    """Installs the finders, and a folder to import from, for as long as a file is evaluated."""

    def __init__(self, root: str):
        self._root = root
        self._finders = [_Finder(True), _Finder(False)]
        self._before: set[str] = set()

    def __enter__(self) -> Imports:
        self._before = set(sys.modules)
        self._path = list(sys.path)
        self._hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in ("airflow", "pendulum")}
        sys.meta_path.insert(0, self._finders[0])
        sys.meta_path.append(self._finders[1])
        sys.path.insert(0, self._root)
        sys.path_importer_cache.clear()
        return self

    def __exit__(self, *_error: object) -> None:
        for finder in self._finders:
            sys.meta_path.remove(finder)
        sys.path[:] = self._path
        for name in set(sys.modules) - self._before:
            module = sys.modules[name]
            if isinstance(module, (StandIn, recorder.MissingModule)) or self._is_of_folder(module) or name.partition(".")[0] in ("airflow", "pendulum"):
                del sys.modules[name]
        sys.modules.update(self._hidden)

    def _is_of_folder(self, module: ModuleType) -> bool:
        """Whether a module, or a package without a file, is in the DAG folder."""
        places = [getattr(module, "__file__", None), *list(getattr(module, "__path__", None) or [])]
        return any(isinstance(place, str) and place.startswith(self._root) for place in places)
