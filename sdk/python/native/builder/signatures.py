"""Gives functions of C extensions the parameters that CPython calls them with.

Many extensions declare a method without arguments, or a getter, with `self` alone, and cast it where they register it. On other machines
the parameter that is missing does no harm; WebAssembly compares signatures at each call through a pointer, and ends the attempt. This adds
the parameter to such functions, wherever the sources of a package register one, and to direct calls of them.
"""

from __future__ import annotations

import re
from pathlib import Path

_ENDS = (".c", ".h", ".cc", ".cpp", ".hpp", ".cxx")
_METHOD = re.compile(
    r"\(\s*PyCFunction\s*\)\s*(?:\(\s*void\s*\(\s*\*\s*\)\s*\(\s*void\s*\)\s*\)\s*)?&?\s*(\w+)\s*,\s*((?:METH_\w+[\s|]*)+)"
)
_ACCESSOR = re.compile(r"\(\s*(getter|setter)\s*\)\s*&?\s*(\w+)")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def correct(source: Path) -> list[str]:
    """The names of the functions that were given a parameter."""
    paths = [path for path in sorted(source.rglob("*")) if path.suffix in _ENDS and path.is_file()]
    before = {path: path.read_bytes().decode("latin-1") for path in paths}
    texts = dict(before)
    changed: dict[str, set[Path]] = {}
    for registering in paths:
        for name, count in _registered(before[registering]).items():
            # A function of the same name in another file is another one, if this file has its own.
            own = _defines(before[registering], name)
            for path in [registering] if own else [path for path in paths if name in before[path]]:
                text = _widened(texts[path], name, count)
                if text != texts[path]:
                    texts[path] = text
                    changed.setdefault(name, set()).add(path)
    for name, defining in changed.items():
        for path in paths:
            if name in texts[path] and (path in defining or not _defines(before[path], name)):
                texts[path] = _called(texts[path], name)
    for path, text in texts.items():
        if text != before[path]:
            path.write_bytes(text.encode("latin-1"))
    return sorted(changed)


def _registered(text: str) -> dict[str, int]:
    """Functions with how many parameters CPython passes."""
    found = {}
    for name, flags in _METHOD.findall(text):
        words = {word.strip() for word in flags.split("|")}
        if words & {"METH_NOARGS", "METH_O"} or words <= {"METH_VARARGS", "METH_CLASS", "METH_STATIC"}:
            found[name] = 2
        elif words - {"METH_CLASS", "METH_STATIC"} == {"METH_VARARGS", "METH_KEYWORDS"}:
            found[name] = 3
    for kind, name in _ACCESSOR.findall(text):
        if name != "NULL":
            found[name] = 2 if kind == "getter" else 3
    return found


def _declarations(name: str) -> str:
    # A parameter may be in a macro: `PyObject *NPY_UNUSED(self)`, or `Py_UNUSED (self)`.
    return rf"(\b{name}\s*\()((?:[^()]|\([^()]*\))*)\)(\s*[;{{])"


def _defines(text: str, name: str) -> bool:
    return any(match[3].endswith("{") for match in re.finditer(_declarations(name), text))


def _widened(text: str, name: str, count: int) -> str:
    """Definitions and prototypes that have one parameter less than `count`, with one more."""

    def widened(match: re.Match[str]) -> str:
        parameters = [part for part in _COMMENT.sub("", match[2]).split(",") if part.strip()]
        # A call has no types in it.
        if len(parameters) != count - 1 or not all(re.search(r"\w[\s*]+\w+(\s*\(\w*\))?\s*$", part) for part in parameters):
            return match[0]
        return f"{match[1]}{match[2].rstrip()}, void *Py_UNUSED(not_passed)){match[3]}"

    return re.sub(_declarations(name), widened, text)


def _called(text: str, name: str) -> str:
    """Direct calls that pass nothing but `self`."""
    return re.sub(rf"(\b{name}\s*\(\s*(?:\([\w\s*]+\)\s*)?&?[\w.>-]+)(\s*\))(?!\s*{{)", r"\1, NULL\2", text)
