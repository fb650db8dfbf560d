"""The compiler, the headers, and the guest's own libraries, put into one folder from pinned parts."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]

#: What a frame of zstandard begins with.
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
#: Macros of configure that `_sysconfigdata` leaves out, since they begin with an underscore.
_UNDERSCORED = {
    "_GNU_SOURCE": 1, "_POSIX_C_SOURCE": "200809L", "_XOPEN_SOURCE": 700, "_LARGEFILE_SOURCE": 1,
    "_FILE_OFFSET_BITS": 64, "_ALL_SOURCE": 1, "_PYTHONFRAMEWORK": '""',
}  # fmt: skip
_EMULATED = ["process-clocks", "getpid", "signal", "mman"]


class Toolchain:
    """Paths of it, and the environment that builds run in."""

    def __init__(self, root: Path, pins: dict[str, Any]):
        self.root = root
        self.pins = pins
        self.libraries = root / "lib"
        self.include = root / "include/python3.14"
        self.prefix = root / "prefix"

    @property
    def suffix(self) -> str:
        return ".cpython-314-wasm32-wasi.so"

    def environment(self) -> dict[str, str]:
        """Variables for compilers and for build systems that read them."""
        tool = {name: str(self.root / name) for name in ("wcc", "wcc++", "war", "wranlib")}
        bins = Path(sys.executable).parent
        return os.environ | {
            "WEFT_NATIVE": str(self.root),
            "WEFT_NATIVE_PYTHON": sys.executable,
            "PATH": f"{bins}:{os.environ['PATH']}",
            "CC": tool["wcc"],
            "CXX": tool["wcc++"],
            "LDSHARED": f"{tool['wcc']} -shared",
            "LDCXXSHARED": f"{tool['wcc++']} -shared",
            "AR": tool["war"],
            "RANLIB": tool["wranlib"],
            "CFLAGS": "-O2 -DNDEBUG",
            "CXXFLAGS": "-O2 -DNDEBUG",
            "SETUPTOOLS_EXT_SUFFIX": self.suffix,
            "SOURCE_DATE_EPOCH": "315532800",
            "PYTHONHASHSEED": "0",
            "LC_ALL": "C.UTF-8",
            "ZERO_AR_DATE": "1",
        }

    def run(self, command: list[Any], folder: Path, **variables: str) -> None:
        """Runs a step of a build; what it printed is shown where it fails."""
        words = [str(word) for word in command]
        done = subprocess.run(
            words, cwd=folder, env=self.environment() | variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if done.returncode:
            said = done.stdout.decode(errors="replace")
            raise SystemExit(f"{said[-8000:]}\n'{' '.join(words)[:300]}' failed in {folder}")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make(base: Path) -> Toolchain:
    """The toolchain, made if it isn't there yet."""
    text = (HERE / "toolchain.toml").read_bytes()
    parts = [HERE / "toolchain.toml", Path(__file__), *sorted((HERE / "toolchain").iterdir())]
    key = hashlib.sha256("".join(digest(part) for part in parts).encode()).hexdigest()[:16]
    pins = tomllib.loads(text.decode())
    # One path for all, since some builds write it into what they make.
    root = base / "toolchain"
    stamp = root / "key"
    if not stamp.exists() or stamp.read_text() != key:
        shutil.rmtree(root, ignore_errors=True)
        _fill(Toolchain(root, pins), base)
        stamp.write_text(key)
    return Toolchain(root, pins)


def _fill(toolchain: Toolchain, base: Path) -> None:
    root, pins = toolchain.root, toolchain.pins
    print("making the toolchain", flush=True)
    for folder in (toolchain.libraries, toolchain.prefix / "lib", toolchain.prefix / "include"):
        folder.mkdir(parents=True)
    _compiler(root, pins, base)
    archive = HERE / pins["sysroot"]
    if digest(archive) != pins["sysroot_sha256"]:
        raise SystemExit(f"{archive} is not the one that toolchain.toml names")
    with tarfile.open(archive) as packed:
        packed.extractall(root / "sysroot", filter="data")
    shutil.copytree(root / "sysroot/include/python3.14", toolchain.include)
    shutil.copy(root / "sysroot/lib/libclang_rt.builtins-wasm32.a", toolchain.libraries)
    builtins = root / "clang/usr/lib/llvm-22/lib/clang/22/lib/wasi"
    builtins.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / "sysroot/lib/libclang_rt.builtins-wasm32.a", builtins)
    _guest(toolchain)
    variables = runpy.run_path(str(root / "pylib/_sysconfigdata__wasi_wasm32-wasi.py"))["build_time_vars"]
    template = (root / "sysroot/include/pyconfig-template.h").read_text()
    (toolchain.include / "pyconfig.h").write_text(_pyconfig(variables, template))
    (root / "python_info.json").write_text(json.dumps(_python_info(toolchain, variables)))
    for name in ("wcc", "war", "wlink", "wpython"):
        shutil.copy(HERE / "toolchain" / name, root)
    (root / "wcc++").symlink_to("wcc")
    (root / "wranlib").symlink_to("war")
    cross = (HERE / "toolchain/wasi.cross.in").read_text().replace("@ROOT@", str(root))
    (root / "wasi.cross").write_text(cross)
    _pyo3(toolchain)
    objects = root / "errors.o"
    toolchain.run([root / "wcc++", "-O2", "-c", HERE / "toolchain/errors.cpp", "-o", objects], root)
    toolchain.run([root / "war", "rcsD", toolchain.libraries / "libwefterrors.a", objects], root)


def _compiler(root: Path, pins: dict[str, Any], base: Path) -> None:
    archives = base / "compiler"
    archives.mkdir(exist_ok=True)
    if not list(archives.glob("*.deb")):
        subprocess.run(["apt-get", "download", "-qq", *pins["compiler"]], cwd=archives, check=True)
    for archive in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg", "-x", archive, root / "clang"], check=True)
    version = subprocess.run(
        [root / "clang/usr/lib/llvm-22/bin/clang", "--version"],
        env=os.environ | {"LD_LIBRARY_PATH": str(root / "clang/usr/lib/x86_64-linux-gnu")},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()
    if pins["compiler_version"] not in version:
        raise SystemExit(f"the compiler is {version.splitlines()[0]}, and not {pins['compiler_version']}")


def _guest(toolchain: Toolchain) -> None:
    """Puts the guest's libraries and its standard library there, out of componentize-py."""
    for name, module in guest(toolchain.pins, toolchain.root / "pylib").items():
        (toolchain.libraries / name).write_bytes(module)


def guest(pins: dict[str, Any], pylib: Path | None) -> dict[str, bytes]:
    """The guest's libraries by name, out of componentize-py, which has them as frames of zstandard; also unpacks its standard library."""
    import zstandard

    found = importlib.util.find_spec("componentize_py")
    assert found is not None and found.origin is not None, "the environment has componentize-py"
    binary = next(Path(found.origin).parent.glob("componentize_py*.so")).read_bytes()
    modules, at = [], 0
    while (at := binary.find(_ZSTANDARD, at)) >= 0:
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            data = frame.decompress(binary[at:])
        except zstandard.ZstdError:
            data = b""
        if not frame.eof or len(data) < 100:
            at += len(_ZSTANDARD)
            continue
        at = len(binary) - len(frame.unused_data)
        if data.startswith(b"\0asm"):
            modules.append(data)
        elif pylib is not None and b"_sysconfigdata" in data:
            with tarfile.open(fileobj=io.BytesIO(data)) as packed:
                packed.extractall(pylib, filter="data")
    libraries = {}
    for (name, wanted), module in zip(pins["guest"].items(), modules):
        found_digest = hashlib.sha256(module).hexdigest()
        if found_digest != wanted:
            raise SystemExit(f"componentize-py's {name} has the digest {found_digest}, and not {wanted!r}")
        libraries[name] = module
    return libraries


def _pyconfig(variables: dict[str, Any], template: str) -> str:
    """`pyconfig.h` of the guest: the names of any, with the values that the guest was configured with."""
    lines = ["#ifndef Py_PYCONFIG_H", "#define Py_PYCONFIG_H"]
    for name, value in _UNDERSCORED.items():
        lines += [f"#ifndef {name}", f"#define {name} {value}", "#endif"]
    seen = {"Py_PYCONFIG_H"}
    for line in template.splitlines():
        match = re.match(r"\s*#\s*define\s+(\w+)(?:\s|$)", line) or re.match(r"\s*/\*\s*#\s*undef\s+(\w+)\s*\*/", line)
        if not match or match[1] in seen:
            continue
        name = match[1]
        seen.add(name)
        if name not in variables:
            continue
        value = variables[name]
        absent = value in (0, "") and not name.startswith(("HAVE_DECL_", "PY_BUILTIN", "SIZEOF_"))
        lines.append(f"/* #undef {name} */" if absent else f"#define {name} {value}")
    return "\n".join([*lines, "#endif", ""])


def _python_info(toolchain: Toolchain, variables: dict[str, Any]) -> dict[str, Any]:
    """The answer to meson's question about the Python that is built for."""
    include, packages = str(toolchain.include), "/usr/lib/python3.14/site-packages"
    variables = variables | {
        "INCLUDEPY": include, "INCLUDEDIR": str(toolchain.root / "include"), "base_prefix": "/usr", "prefix": "/usr",
        "exec_prefix": "/usr", "LIBDIR": str(toolchain.libraries), "LIBPC": "", "py_version_nodot": "314",
        "py_version_short": "3.14",
    }  # fmt: skip
    paths = {
        "stdlib": "/usr/lib/python3.14", "platstdlib": "/usr/lib/python3.14", "purelib": packages, "platlib": packages,
        "include": include, "platinclude": include, "scripts": "/usr/bin", "data": "/usr",
    }  # fmt: skip
    installed = {
        name: "/include/python3.14" if name.endswith("include") else path.removeprefix("/usr")
        for name, path in paths.items()
    }
    return {
        "variables": variables, "paths": paths, "sysconfig_paths": paths, "install_paths": installed, "version": "3.14",
        "platform": "wasi-wasm32", "is_pypy": False, "is_venv": False, "link_libpython": False,
        "suffix": variables["EXT_SUFFIX"], "limited_api_suffix": ".abi3.so", "is_freethreaded": False,
    }  # fmt: skip


def _pyo3(toolchain: Toolchain) -> None:
    for abi3 in (False, True):
        lines = [
            "implementation=CPython", "version=3.14", "shared=true", f"abi3={str(abi3).lower()}", "lib_name=python3.14",
            f"lib_dir={toolchain.libraries}", "pointer_width=32", "build_flags=", "suppress_build_script_link_lines=false",
        ]  # fmt: skip
        (toolchain.root / f"pyo3{'-abi3' if abi3 else ''}.txt").write_text("\n".join(lines) + "\n")
