"""Recorders: what a value is that nothing is known about.

A module that is missing where a DAG file is evaluated is replaced by a recorder. So is
everything that comes out of one: its attributes, what its calls return, its items. A
recorder knows the path that leads to it (`requests.get`), so that a name in a task's body
can be imported again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from weft_airflow.report import Report

#: Where uses that change what a DAG looks like are noted; set while a file is evaluated.
report: Report | None = None


class _Recording(type):
    """The type of recorded classes: they can be subclassed, called and asked for anything."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Recorder(f"{cls._path}.{name}")

    def __or__(cls, _other: Any) -> Any:
        return cls

    __ror__ = __or__

    def __getitem__(cls, _key: Any) -> Any:
        return cls


class Recorder:
    """An unknown value, by the path that leads to it."""

    def __init__(self, path: str):
        self.__dict__["_path"] = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Recorder(f"{self._path}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if len(args) == 1 and not keywords and getattr(args[0], "__module__", None) and callable(args[0]):
            # A decorator of an unknown module leaves what it decorates as it is.
            return args[0]
        task = operator_of(self._path, args, keywords)
        return task if task is not None else Recorder(f"{self._path}()")

    def __getitem__(self, key: Any) -> Any:
        return Recorder(f"{self._path}[{key!r}]")

    def __setitem__(self, _key: Any, _value: Any) -> None: ...

    def __iter__(self) -> Iterator[Any]:
        note(f"{self._path} can't be known here, so that nothing was made of its elements")
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __contains__(self, _item: Any) -> bool:
        return False

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def __mro_entries__(self, _bases: Any) -> tuple[type, ...]:
        return (recorded_class(self._path),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recorder) and other._path == self._path

    def __hash__(self) -> int:
        return hash(self._path)

    def __str__(self) -> str:
        return f"<{self._path}>"

    __repr__ = __str__

    def __format__(self, _form: str) -> str:
        return str(self)

    def __fspath__(self) -> str:
        return str(self)

    def _same(self, *_others: Any) -> Any:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _same
    __or__ = __ror__ = __and__ = __rand__ = __mod__ = __rmod__ = __neg__ = __floordiv__ = _same

    def __lt__(self, _other: Any) -> bool:
        return False

    __gt__ = __lt__

    def __le__(self, _other: Any) -> bool:
        return True

    __ge__ = __le__


class MissingModule(ModuleType):
    """A module that is not there."""

    def __init__(self, name: str):
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        path = f"{self.__name__}.{name}"
        found = recorded_class(path) if name[:1].isupper() and not name.isupper() else Recorder(path)
        setattr(self, name, found)
        return found


#: Makes a task of a call that looks like one of an operator; set by `weft_airflow.operators`.
operator_of: Callable[[str, tuple[Any, ...], dict[str, Any]], Any] = lambda _path, _args, _keywords: None
#: Makes the class of an operator that nothing is known about; set by `weft_airflow.operators`.
operator_class: Callable[[str], type | None] = lambda _path: None

_classes: dict[str, type] = {}


def recorded_class(path: str) -> type:
    """A class of an unknown module: an operator's where its name says so."""
    if path not in _classes:
        name = path.rpartition(".")[2]
        found = operator_class(path)
        _classes[path] = found or _Recording(name, (_Instance,), {"_path": path, "__module__": path.rpartition(".")[0]})
    return _classes[path]


class _Instance(Recorder, metaclass=_Recording):
    """An instance of a recorded class."""

    _path = "object"

    def __new__(cls, *args: Any, **keywords: Any) -> Any:
        if cls.__dict__.get("_path"):
            task = operator_of(cls._path, args, keywords)
            if task is not None:
                return task
        return object.__new__(cls)

    def __init__(self, *_args: Any, **_keywords: Any) -> None:
        self.__dict__["_path"] = f"{type(self)._path}()"

    def __init_subclass__(cls, **_keywords: Any) -> None: ...


def note(reason: str) -> None:
    """Notes at the line of the DAG file that is evaluated."""
    if report is not None:
        file, line = here()
        report.add(file, line, reason)


def here() -> tuple[str, int]:
    """File and line of the DAG folder's code that runs."""
    frame = sys._getframe(1)
    root = report.root if report is not None else ""
    while frame is not None:
        file = frame.f_code.co_filename
        if root and file.startswith(root):
            return file[len(root) :].lstrip("/"), frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return (report.file if report is not None else "", 0)


def is_unknown(value: Any) -> bool:
    """Whether a value is a recorder, or of a recorded class."""
    return isinstance(value, (Recorder, MissingModule)) or isinstance(type(value), _Recording) or isinstance(value, _Recording)


def path_of(value: Any) -> str:
    """The path that leads to a recorder."""
    return value.__name__ if isinstance(value, ModuleType) else value._path
