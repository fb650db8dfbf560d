"""Modules that the sandbox's Python lacks, for packages that import them and rarely use them.

Python in the sandbox was built without `ctypes` and `mmap`. Packages import them
at the top for other machines' sake, and so the import succeeds; what they are used
for fails with a sentence.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

#: What is said of each.
_ABSENT = {
    "ctypes": "ctypes calls libraries of the machine, and the sandbox has none",
    "mmap": "mmap maps files into memory, which the sandbox can't: read the file",
}

#: Names that modules ask for while they are imported, to derive from or to compare with.
_TYPES = (
    "Structure", "Union", "Array", "_SimpleCData", "_Pointer", "c_bool", "c_byte", "c_char", "c_char_p", "c_double",
    "c_float", "c_int", "c_int8", "c_int16", "c_int32", "c_int64", "c_long", "c_longdouble", "c_longlong", "c_short",
    "c_size_t", "c_ssize_t", "c_ubyte", "c_uint", "c_uint8", "c_uint16", "c_uint32", "c_uint64", "c_ulong",
    "c_ulonglong", "c_ushort", "c_void_p", "c_wchar", "c_wchar_p", "py_object", "CDLL", "PyDLL",
)  # fmt: skip


def _class(name: str, sentence: str) -> type:
    def __init__(self: Any, *_arguments: Any, **_named: Any) -> None:
        raise NotImplementedError(sentence)

    return type(name, (), {"__init__": __init__, "__doc__": sentence})


class _Absent(ModuleType):
    """A module of which every name is a class that can't be made."""

    def __init__(self, name: str, sentence: str):
        super().__init__(name, sentence)
        self._sentence = sentence

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = _class(name, self.__dict__["_sentence"])
        setattr(self, name, made)
        return made


def install() -> None:
    """Puts them where they are missing."""
    if importlib.util.find_spec("_ctypes") is None:
        sentence = _ABSENT["ctypes"]
        module = _Absent("ctypes", sentence)
        for name in _TYPES:
            setattr(module, name, _class(name, sentence))
        module.__path__ = []  # type: ignore[attr-defined]
        sys.modules["ctypes"] = module
        for inner in ("util", "wintypes"):
            part = _Absent(f"ctypes.{inner}", sentence)
            setattr(module, inner, part)
            sys.modules[f"ctypes.{inner}"] = part
        # Searching finds nothing, which callers expect.
        sys.modules["ctypes.util"].find_library = lambda _name: None  # type: ignore[attr-defined]
    if importlib.util.find_spec("mmap") is None:
        module = _Absent("mmap", _ABSENT["mmap"])
        for name, value in {"ACCESS_DEFAULT": 0, "ACCESS_READ": 1, "ACCESS_WRITE": 2, "ACCESS_COPY": 3}.items():
            setattr(module, name, value)
        module.mmap = _class("mmap", _ABSENT["mmap"])  # type: ignore[attr-defined]
        sys.modules["mmap"] = module
