"""Extensions in Rust, by PyO3: built with Debian's rustc and the sources of its standard library."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from builder.recipe import Recipe
from builder.toolchain import Toolchain

TARGET = "wasm32-wasip2"
#: The names of files that hold a licence.
_LICENCES = re.compile(r"(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)


def compiler() -> Path:
    """`usr` of Debian's unpacked compiler, which `cargo xtask native` names."""
    return Path(os.environ["WEFT_NATIVE_RUST"])


def cargo(recipe: Recipe, toolchain: Toolchain, source: Path, made: Path) -> None:
    """`module` is the library's place and `library` its name in the crate, `packages` are the Python beside it, `init` is a
    package that has nothing else, `features` are cargo's, and `abi3` says that the crate is built so."""
    options = recipe.options
    crate = source / options.get("crate", ".")
    _as_one_library(crate / "Cargo.toml")
    # Vendored crates hide those of the standard library.
    shutil.rmtree(source / ".cargo", ignore_errors=True)
    target = made.parent / "rust-target"
    command = ["cargo", "-Zbuild-std=std,panic_abort", "build", "--release", "--lib", "--target", TARGET, "--quiet", "--locked"]
    if options.get("features"):
        command += ["--no-default-features", "--features", ",".join(options["features"])]
    toolchain.run(command, crate, **_environment(toolchain, source, target, options.get("abi3", False)))
    suffix = ".abi3.so" if options.get("abi3") else toolchain.suffix
    for place, folder in options.get("packages", {}).items():
        shutil.copytree(source / folder, made / place)
    if "init" in options:
        # As maturin makes a package of a library alone.
        name = options["init"]
        inside = options["module"].rpartition(".")[2]
        folder = made / name
        folder.mkdir()
        (folder / "__init__.py").write_text(
            f"from .{inside} import *\n\n__doc__ = {inside}.__doc__\n"
            f'if hasattr({inside}, "__all__"):\n    __all__ = {inside}.__all__\n'
        )
    library = made / (options["module"].replace(".", "/") + suffix)
    library.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(target / TARGET / "release" / f"{options['library']}.wasm", library)
    (made / "CRATES").write_text(_crates(crate, toolchain, source, target, options.get("abi3", False)))


def _environment(toolchain: Toolchain, source: Path, target: Path, abi3: bool) -> dict[str, str]:
    usr, root = compiler(), toolchain.root
    libraries = f"{usr}/lib/x86_64-linux-gnu:{root}/clang/usr/lib/x86_64-linux-gnu"
    home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    flags = [
        "-Crelocation-model=pic", "-Clink-self-contained=no", f"-Clinker={root}/wlink", "-Clinker-flavor=wasm-ld",
        "-Clink-arg=--experimental-pic", "-Clink-arg=-shared", "-Clink-arg=-s", f"-Lnative={toolchain.libraries}",
        "-Clink-arg=-lwasi-emulated-process-clocks", "-Clink-arg=-lwasi-emulated-getpid",
        "-Clink-arg=-lwasi-emulated-signal", "-Clink-arg=-lc", "-Ctarget-feature=+simd128",
        # One flag for all packages, so that the standard library is compiled once.
        f"--remap-path-prefix={home}=/cargo", f"--remap-path-prefix={source.parent}=/source", f"--remap-path-prefix={usr}=/rust",
    ]  # fmt: skip
    return {
        "CARGO_TARGET_DIR": str(target),
        "CARGO_INCREMENTAL": "0",
        "CARGO_PROFILE_RELEASE_LTO": "fat",
        "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "1",
        "CARGO_PROFILE_RELEASE_PANIC": "abort",
        "CARGO_PROFILE_RELEASE_STRIP": "true",
        "CARGO_PROFILE_RELEASE_DEBUG": "false",
        "LD_LIBRARY_PATH": libraries,
        "RUSTC": f"{usr}/bin/rustc",
        "RUSTDOC": f"{usr}/bin/rustdoc",
        "RUSTC_BOOTSTRAP": "1",
        # A seed that a macro of ahash would draw while it is compiled.
        "CONST_RANDOM_SEED": "weft",
        "RUSTFLAGS": " ".join(flags),
        "PYO3_CONFIG_FILE": str(root / ("pyo3-abi3.txt" if abi3 else "pyo3.txt")),
        f"CC_{TARGET.replace('-', '_')}": str(root / "wcc"),
        f"AR_{TARGET.replace('-', '_')}": str(root / "war"),
        # The build's own programs are this machine's.
        "CC": "cc",
        "CXX": "c++",
        "AR": "ar",
        "CFLAGS": "",
        "CXXFLAGS": "",
    }


def _as_one_library(manifest: Path) -> None:
    """A second kind of library beside would export all of the standard library, and import the host's HTTP for it."""
    text = manifest.read_text()
    text = re.sub(r"crate-type\s*=\s*\[[^\]]*\]", 'crate-type = ["cdylib"]', text)
    manifest.write_text(text)


def _crates(crate: Path, toolchain: Toolchain, source: Path, target: Path, abi3: bool) -> str:
    """Every crate in the library, with the texts of its licences, each text once."""
    environment = toolchain.environment() | _environment(toolchain, source, target, abi3)
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", TARGET]
    done = subprocess.run(command, cwd=crate, env=environment, stdout=subprocess.PIPE, check=True)
    lines, texts = [], {}
    for package in sorted(json.loads(done.stdout)["packages"], key=lambda package: package["name"]):
        if package["source"] is None:
            continue
        lines.append(f"{package['name']} {package['version']}: {package['license'] or package['license_file']}")
        folder = Path(package["manifest_path"]).parent
        # A crate may hold a library in C, which has its own.
        for file in sorted(folder.rglob("*")):
            # The second of two to choose between.
            if file.name == "COPYING" and (file.parent / "LICENSE").exists():
                continue
            if file.is_file() and _LICENCES.match(file.name) and file.suffix not in (".rs", ".toml", ".html"):
                text = file.read_text(errors="replace").strip()
                texts.setdefault(text, f"{package['name']} {package['version']}, {file.relative_to(folder)}")
    parts = ["Crates that this library holds, and Rust's standard library (MIT OR Apache-2.0):", "", *lines]
    for text, name in texts.items():
        parts += ["", "=" * 80, name, "", text]
    return "\n".join(parts) + "\n"
