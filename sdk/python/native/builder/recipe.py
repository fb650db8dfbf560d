"""A recipe: one file that says how a package is built, from what, and how it is tried."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.toolchain import HERE

#: Left out of every wheel: tests, sources and headers, which nothing in a task reads.
LEFT_OUT = ["*/tests/*", "*/test/*", "*.c", "*.cpp", "*.h", "*.hpp", "*.pyx", "*.pxd", "*.pxi", "*.in", "*.a", "*.build", "*.pyc"]


@dataclass
class Recipe:
    name: str
    version: str
    #: `meson`, `setuptools`, `cargo` or `c`: a function of `builder.kinds`.
    kind: str
    #: Its licence, as SPDX says it.
    license: str
    #: Python that is run in the sandbox and fails where the package doesn't work.
    smoke: str
    #: The digest of its source archive on the package index.
    sha256: str = ""
    #: Instead of an archive, the folder here that has its sources: a package of Weft's own.
    folder: str = ""
    #: Besides what the sources say that it requires.
    requires: list[str] = field(default_factory=list)
    #: Recipes that are built before, and whose headers this one needs.
    after: list[str] = field(default_factory=list)
    #: Besides the toolchain's tools.
    tools: list[str] = field(default_factory=list)
    #: Names of patches in `patches/`, each with its reason at its beginning.
    patches: list[str] = field(default_factory=list)
    #: C libraries that it is linked with, by names of `libraries.toml`.
    libraries: list[str] = field(default_factory=list)
    #: Patterns of files that the wheel leaves out, besides `LEFT_OUT`.
    leave_out: list[str] = field(default_factory=list)
    #: Files of licences in the sources besides those that the metadata names.
    licenses: list[str] = field(default_factory=list)
    #: Modules that the package imports late, and a build of a component at once; `MODULE if PACKAGE` is imported where that package is.
    imports: list[str] = field(default_factory=list)
    #: What is particular to the kind.
    options: dict[str, Any] = field(default_factory=dict)
    #: What doesn't work in the sandbox, for the table of packages.
    note: str = ""


def read(name: str) -> Recipe:
    path = HERE / "recipes" / f"{name}.toml"
    if not path.exists():
        raise SystemExit(f"there is no recipe {path}")
    with path.open("rb") as file:
        fields = tomllib.load(file)
    try:
        recipe = Recipe(name=name, **fields)
    except TypeError as error:
        raise SystemExit(f"{path}: {error}") from None
    return recipe


def names() -> list[str]:
    """Every recipe, with those that others need before them."""
    found = sorted(path.stem for path in (HERE / "recipes").glob("*.toml"))
    ordered: list[str] = []

    def add(name: str) -> None:
        if name not in ordered:
            for before in read(name).after:
                add(before)
            ordered.append(name)

    for name in found:
        add(name)
    return ordered


def patch_files(recipe: Recipe) -> list[Path]:
    return [HERE / "patches" / f"{name}.patch" for name in recipe.patches]
