"""C libraries that packages are linked with: Debian's sources, with its patches, compiled without their own build systems, and Weft's own.

`libraries.toml` lists them. Only Debian's sources are fetched, by the machine's apt: its signatures are checked, and each
archive is held to its digest. Weft's own have a folder here.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path
from typing import Any

from builder import wheel
from builder.toolchain import HERE, Toolchain, digest

#: Where apt's own lists of packages are.
_SOURCES = Path("/etc/apt/sources.list.d/debian.sources")


def make(names: list[str], toolchain: Toolchain, base: Path) -> None:
    """Puts a static library and its headers into the toolchain's prefix, and the licences beside the sources."""
    known = tomllib.loads((HERE / "libraries.toml").read_text())
    for name in names:
        about = known[name]
        make(about.get("after", []), toolchain, base)
        stamp = toolchain.prefix / f"{name}.key"
        key = _key(about)
        if stamp.exists() and stamp.read_text() == key and (base / "licences" / name).is_dir():
            continue
        print(f"making {name}", flush=True)
        source = base / "build" / f"lib-{name}"
        if "folder" in about:
            shutil.rmtree(source, ignore_errors=True)
            shutil.copytree(HERE / about["folder"], source)
        else:
            _unpack(_archives(about, base), source)
        _patch(source, toolchain)
        wheel.patch(source, [HERE / "patches" / f"{patch}.patch" for patch in about.get("patches", [])], toolchain)
        _compile(name, about, toolchain, source)
        _keep_licences(about, source, base / "licences" / name)
        stamp.write_text(key)


def _key(about: dict[str, Any]) -> str:
    """Changes with anything that the library is made of."""
    text = json.dumps(about, sort_keys=True)
    if "folder" in about:
        text += "".join(digest(path) for path in sorted((HERE / about["folder"]).glob("*.[ch]")))
    return hashlib.sha256(text.encode()).hexdigest()


def _archives(about: dict[str, Any], base: Path) -> list[Path]:
    folder = base / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {folder / name: sha256 for name, sha256 in about["archives"].items()}
    if not all(path.exists() for path in wanted):
        _fetch(f"{about['package']}={about['version']}", base, folder)
    for path, sha256 in wanted.items():
        if not path.exists() or digest(path) != sha256:
            raise SystemExit(f"{path.name} is not the archive that libraries.toml names: Debian may have a newer one")
    return list(wanted)


def _fetch(package: str, base: Path, folder: Path) -> None:
    """By apt, with lists of its own, since most machines have none of sources."""
    own = base / "apt"
    for part in ("lists/partial", "cache/archives/partial"):
        (own / part).mkdir(parents=True, exist_ok=True)
    (own / "debian.sources").write_text(_SOURCES.read_text().replace("Types: deb\n", "Types: deb-src\n"))
    settings = {
        "Dir::Etc::sourcelist": own / "debian.sources",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": own / "lists",
        "Dir::Cache": own / "cache",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "source", "--download-only", package], cwd=folder, check=True)


def _unpack(archives: list[Path], folder: Path) -> None:
    """The first is the library's, a second one Debian's own folder, with its patches."""
    shutil.rmtree(folder, ignore_errors=True)
    draft = folder.with_name(folder.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    with tarfile.open(archives[0]) as packed:
        packed.extractall(draft, filter="tar")
    next(path for path in draft.iterdir() if path.is_dir()).rename(folder)
    shutil.rmtree(draft)
    for archive in archives[1:]:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="tar")


def _patch(source: Path, toolchain: Toolchain) -> None:
    patches = source / "debian/patches"
    if not (patches / "series").exists():
        return
    for line in (patches / "series").read_text().splitlines():
        name = line.split("#")[0].strip()
        if name:
            toolchain.run(["patch", "--strip=1", "--forward", "--input", patches / name], source)


def _compile(name: str, about: dict[str, Any], toolchain: Toolchain, source: Path) -> None:
    for file, text in about.get("files", {}).items():
        (source / file).write_text(text)
    for file, values in about.get("templates", {}).items():
        text = (source / f"{file}.in").read_text()
        (source / file).write_text(re.sub(r"@(\w+)@", lambda match: str(values[match[1]]), text))
    paths = [path for pattern in about["sources"] for path in sorted(source.glob(pattern))]
    left_out = {source / file for file in about.get("leave_out", [])}
    objects = []
    for path in paths:
        if path not in left_out:
            objects.append(path.with_suffix(".o"))
            flags = [flag.replace("@PREFIX@", str(toolchain.prefix)) for flag in about.get("flags", [])]
            command = [toolchain.root / "wcc", "-O2", "-DNDEBUG", *flags, "-c", path, "-o", objects[-1]]
            toolchain.run(command, source)
    archive = toolchain.prefix / "lib" / f"lib{about['library']}.a"
    archive.unlink(missing_ok=True)
    toolchain.run([toolchain.root / "war", "rcsD", archive, *objects], source)
    for pattern, place in about["headers"].items():
        into = toolchain.prefix / "include" / place
        into.mkdir(parents=True, exist_ok=True)
        for header in sorted(source.glob(pattern)):
            shutil.copy(header, into)


def _keep_licences(about: dict[str, Any], source: Path, into: Path) -> None:
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for name in about.get("licenses", []):
        shutil.copy(source / name, into / name.replace("/", "-"))
