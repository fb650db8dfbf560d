"""Modules out of an archive in memory, for what is imported while a task runs.

A component has no file system with Python's modules in it. So that a late
`import`, a package's data files and the lines of a traceback work there all
the same, the author's files, the packages, and the part of the standard
library that was not imported yet are kept in memory, compressed.
"""

from __future__ import annotations

import importlib.machinery
import io
import sys
import zipfile
from types import CodeType, ModuleType
from typing import Any, Callable, Iterator, Mapping, Sequence


#: Changes to modules after their import, by name.
AFTER_IMPORT: dict[str, list[Callable[[ModuleType], None]]] = {}


def after_import(name: str, change: Callable[[ModuleType], None]) -> None:
    """Changes a module now if it was imported, or else as soon as it is."""
    if name in sys.modules:
        change(sys.modules[name])
    else:
        AFTER_IMPORT.setdefault(name, []).append(change)


#: What follows a module's name in the name of its library.
LIBRARY_ENDS = tuple(importlib.machinery.EXTENSION_SUFFIXES)


class Archive:
    """A zip file in memory as a source of modules. `roots` are folders in it that modules are looked up in.

    `libraries` are files beside those of the archive, by name, with their paths when the component was
    built: libraries are part of the component, which finds them by that path although no folder has them.
    """

    def __init__(self, data: bytes, roots: Sequence[str], libraries: Mapping[str, str] | None = None):
        self.zip = zipfile.ZipFile(io.BytesIO(data))
        self.names = set(self.zip.namelist())
        self.libraries = dict(libraries or {})
        every = (*self.names, *self.libraries)
        self.folders = {name[: index + 1] for name in every for index, letter in enumerate(name) if letter == "/"}
        self.roots = [f"{root}/" if root else "" for root in roots]

    def read(self, name: str) -> bytes:
        return self.zip.read(name)

    # A finder of modules.

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        tail = fullname.replace(".", "/")
        folders = []
        for root in self.roots:
            base = root + tail
            # In the order of Python's own finder: packages, libraries, modules.
            if f"{base}/__init__.py" in self.names:
                return self._spec(fullname, f"{base}/__init__.py", [base])
            for end in LIBRARY_ENDS:
                if base + end in self.libraries:
                    return _library(fullname, self.libraries[base + end])
            if f"{base}.py" in self.names:
                return self._spec(fullname, f"{base}.py", None)
            if f"{base}/" in self.folders:
                folders.append(base)
        if not folders:
            return None
        # A folder without __init__.py.
        spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = folders
        return spec

    def _spec(self, fullname: str, name: str, locations: list[str] | None) -> Any:
        loader = Loader(self, name)
        spec = importlib.machinery.ModuleSpec(fullname, loader, origin=name, is_package=locations is not None)
        spec.submodule_search_locations = locations
        spec.has_location = True
        return spec


def _library(fullname: str, path: str) -> Any:
    loader = importlib.machinery.ExtensionFileLoader(fullname, path)
    spec = importlib.machinery.ModuleSpec(fullname, loader, origin=path)
    spec.has_location = True
    return spec


class Loader:
    """Loads one module of an archive. Its file name is the name in the archive, which tracebacks show."""

    def __init__(self, archive: Archive, name: str):
        self.archive = archive
        self.path = name

    def create_module(self, spec: Any) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.get_code(module.__name__), module.__dict__)
        for change in AFTER_IMPORT.get(module.__name__, ()):
            change(module)

    def get_code(self, _fullname: str) -> CodeType:
        return compile(self.archive.read(self.path), self.path, "exec", dont_inherit=True)

    def get_source(self, _fullname: str) -> str:
        return _decoded(self.archive.read(self.path))

    def is_package(self, _fullname: str) -> bool:
        return self.path.endswith("/__init__.py")

    def get_filename(self, _fullname: str) -> str:
        return self.path

    def get_data(self, path: str) -> bytes:
        try:
            return self.archive.read(path)
        except KeyError:
            raise FileNotFoundError(path) from None

    def get_resource_reader(self, fullname: str) -> Any:
        return _Resources(self.archive, self.path.rpartition("/")[0] + "/")


class _Resources:
    """Data files of a package, for `importlib.resources`."""

    def __init__(self, archive: Archive, folder: str):
        self._archive = archive
        self._folder = folder

    def files(self) -> Any:
        return zipfile.Path(self._archive.zip, self._folder)


def late_parts(archive: Archive) -> Iterator[str]:
    """Modules that wheels in an archive name to be imported beforehand, of packages that were imported.

    `weft_parquet if pandas` names one that belongs to another package, which does not import it itself.
    """
    for name in sorted(archive.names):
        if name.endswith(".dist-info/weft-imports.txt"):
            for line in archive.read(name).decode().splitlines():
                part, _, other = line.partition(" if ")
                if (other or part.partition(".")[0]) in sys.modules and part not in sys.modules:
                    yield part


def _decoded(source: bytes) -> str:
    """Source as text, by the encoding that it names."""
    import tokenize

    encoding, _lines = tokenize.detect_encoding(io.BytesIO(source).readline)
    return io.TextIOWrapper(io.BytesIO(source), encoding, newline=None).read()


def pack(files: dict[str, str]) -> bytes:
    """Files of the build's file system as an archive: names in it, and their paths."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            with open(files[name], "rb") as file:
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), file.read(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def install(archive: Archive, first: bool = False) -> None:
    """Asked before the file system, of which nothing is left when a task runs; `first` also before other archives."""
    behind = (Archive,) if first else ()
    position = next(
        (
            index
            for index, finder in enumerate(sys.meta_path)
            if finder is importlib.machinery.PathFinder or isinstance(finder, behind)
        ),
        len(sys.meta_path),
    )
    sys.meta_path.insert(position, archive)  # type: ignore[arg-type]
