"""The module that Python is linked with. componentize-py imports it, and what is then in memory is where all
components in Python begin: Python, the types of the contract, the part of the standard library that the SDK uses, and
the sources of the rest of it.

There is nothing of the SDK in it: that is loaded when a component is built, from the folder of the build.
"""

import ast, base64, collections.abc, compression, contextlib, contextvars, copy, dataclasses, datetime  # noqa: E401, F401
import decimal, difflib, encodings.cp437, functools, gc, hmac, importlib, inspect, io, json, linecache, logging, math  # noqa: E401, F401
import numbers, os, pathlib, pkgutil, random, re, secrets, shutil, socket, string, struct, sys, textwrap, threading  # noqa: E401, F401
import traceback, types, typing, uuid, warnings, weakref, zipfile, zlib  # noqa: E401, F401

import componentize_py_types  # type: ignore[import-not-found]  # noqa: F401
import wit_world  # type: ignore[import-not-found]

#: Where a build puts the SDK, and what it makes a component of.
BUILD_FOLDER = "/0"

#: Parts of the standard library that mean nothing in the sandbox.
LEFT_OUT = {
    "__pycache__", "_pyrepl", "config-3.14-wasm32-wasi", "curses", "ensurepip", "idlelib", "lib-dynload",
    "multiprocessing", "pydoc_data", "site-packages", "test", "tkinter", "turtledemo", "venv",
}  # fmt: skip


def rest_of_library() -> bytes:
    """A zip file with the modules of the standard library that were not imported, below `lib`."""
    root = os.path.dirname(str(linecache.__file__))
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
            for name in sorted(names):
                path = f"{folder}/{name}"
                if name.endswith(".py") and path not in loaded and not name.startswith("turtle"):
                    with open(path, "rb") as file:
                        at = zipfile.ZipInfo("lib" + path[len(root) :], (1980, 1, 1, 0, 0, 0))
                        archive.writestr(at, file.read(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


for found in pkgutil.walk_packages(wit_world.__path__, "wit_world."):
    importlib.import_module(found.name)

STANDARD_LIBRARY = rest_of_library()


class Tasks:
    """The export of the contract. There is an object of it for each function, so that what serves is an attribute of the class."""

    served: typing.Any = None

    def describe(self) -> str:
        if Tasks.served is None:
            sys.path[:] = [BUILD_FOLDER]
            from weft.guest import component

            Tasks.served = component.Tasks()
        return Tasks.served.describe()

    def run(self, task: str, inputs: list[tuple[str, str]]) -> typing.Any:
        return Tasks.served.run(task, inputs)


sys.path[:] = []
sys.path_importer_cache.clear()
linecache.clearcache()
gc.collect()
