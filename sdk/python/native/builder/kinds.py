"""How packages are built, by the build system that they have. Each function puts what is to be imported into a folder."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path

from builder import rust
from builder.recipe import Recipe
from builder.toolchain import Toolchain


def build(recipe: Recipe, toolchain: Toolchain, source: Path, base: Path) -> Path:
    """Builds the package in its sources, and answers with the folder of what was made."""
    made = base / "made" / recipe.name
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    {"meson": meson, "setuptools": setuptools, "cargo": rust.cargo, "c": plain}[recipe.kind](
        recipe, toolchain, source, made
    )
    return made


def meson(recipe: Recipe, toolchain: Toolchain, source: Path, made: Path) -> None:
    """`options.program` is the package's own meson, `setup` goes to its setup, and `tags` name what is installed."""
    own = recipe.options.get("program")
    program = [sys.executable, source / own] if own else [Path(sys.executable).parent / "meson"]
    variables = {}
    if "numpy" in recipe.after:
        variables["PYTHONPATH"] = str(_headers_of_numpy(made.parents[1]))
    setup = ["setup", "build", "--cross-file", toolchain.root / "wasi.cross", "--buildtype=release", "--prefix=/usr"]
    toolchain.run([*program, *setup, *recipe.options.get("setup", [])], source, **variables)
    toolchain.run(["ninja", "-C", "build", f"-j{os.cpu_count()}"], source, **variables)
    destination = made.parent / f"{recipe.name}.installed"
    shutil.rmtree(destination, ignore_errors=True)
    tags = recipe.options.get("tags")
    install = ["install", "-C", "build", "--destdir", destination, "--no-rebuild"]
    toolchain.run([*program, *install, *(["--tags", tags] if tags else [])], source, **variables)
    for entry in (destination / "usr/lib/python3.14/site-packages").iterdir():
        shutil.move(entry, made / entry.name)
    for config in made.rglob("__config__.py"):
        # It shows how the package was built: with the path that the compiler writes too, wherever that was.
        config.write_text(config.read_text().replace(str(made.parents[1]), "/weft"))
    if recipe.name == "numpy":
        _keep_headers(made)


def _keep_headers(made: Path) -> None:
    """What packages that are built on numpy ask the build's Python for: its headers, by a package that has nothing else."""
    stub = made.parents[1] / "headers/numpy"
    shutil.rmtree(stub, ignore_errors=True)
    stub.mkdir(parents=True)
    include = made / "numpy/_core/include"
    shutil.copytree(include, stub / "include")
    for file in (made / "numpy").glob("*.pxd"):
        shutil.copy(file, stub)
    version = next(
        line for line in (made / "numpy/version.py").read_text().splitlines() if line.startswith("version = ")
    )
    (stub / "__init__.py").write_text(
        f"import os\n__{version.replace('version', 'version__', 1)}\n"
        "def get_include(): return os.path.join(os.path.dirname(__file__), 'include')\n"
    )


def _headers_of_numpy(base: Path) -> Path:
    headers = base / "headers"
    if not (headers / "numpy").is_dir():
        raise SystemExit("numpy's headers are needed: build numpy first")
    return headers


def setuptools(recipe: Recipe, toolchain: Toolchain, source: Path, made: Path) -> None:
    """By the package's own backend, for the compilers of the toolchain; `variables` are its environment's."""
    wheels = made.parent / f"{recipe.name}.wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
    settings = [f"--config-settings={setting}" for setting in recipe.options.get("settings", [])]
    toolchain.run(
        [*command, *settings, "--wheel-dir", wheels, source],
        source,
        # Sources for the machine's processor are left out by its name.
        **{"_PYTHON_HOST_PLATFORM": "wasi-wasm32"} | recipe.options.get("variables", {}),
    )
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        wheel.extractall(made)
    for info in made.glob("*.dist-info"):
        shutil.rmtree(info)
    for data in made.glob("*.data"):
        shutil.rmtree(data)
    # A build with names of its own takes them from the Python that it runs on.
    for library in made.rglob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}"):
        library.rename(library.with_name(library.name.split(".")[0] + toolchain.suffix))


def plain(recipe: Recipe, toolchain: Toolchain, source: Path, made: Path) -> None:
    """Without a build system: `modules` are libraries by name with patterns of their sources in C or C++, `packages` folders of Python by
    place, `flags` go to the compiler, and `link` has arguments of the linker by module."""
    for place, folder in recipe.options["packages"].items():
        shutil.copytree(source / folder, made / place)
    flags = [flag.replace("@PREFIX@", str(toolchain.prefix)) for flag in recipe.options.get("flags", [])]
    link = recipe.options.get("link", {})
    for module, files in recipe.options["modules"].items():
        compiler = toolchain.root / ("wcc" if all(file.endswith(".c") for file in files) else "wcc++")
        objects = []
        for file in [path.relative_to(source) for pattern in files for path in sorted(source.glob(pattern))]:
            object_file = source / f"{module}-{file.stem}.o"
            toolchain.run([compiler, "-O2", "-DNDEBUG", *flags, "-c", file, "-o", object_file], source)
            objects.append(object_file)
        library = made / (module.replace(".", "/") + toolchain.suffix)
        library.parent.mkdir(parents=True, exist_ok=True)
        toolchain.run([compiler, "-shared", *objects, *link.get(module, []), "-o", library], source)
