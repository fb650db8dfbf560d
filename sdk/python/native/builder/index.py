"""The list of wheels, which `wfctl` embeds, and by which it holds a wheel to its digest."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from builder import recipe
from builder.toolchain import digest

NAME = "index.json"


def write(folder: Path, platform: str) -> None:
    """Lists the wheels in a folder beside them."""
    packages = [_entry(folder, name, platform) for name in sorted(recipe.names()) if _wheels(folder, name)]
    text = json.dumps({"platform": platform, "packages": packages}, indent=2)
    (folder / NAME).write_text(text + "\n")


def _wheels(folder: Path, name: str) -> list[Path]:
    normalized = name.replace("-", "_").lower()
    return sorted(folder.glob(f"{normalized}-*.whl"))


def _entry(folder: Path, name: str, platform: str) -> dict[str, Any]:
    wanted = recipe.read(name)
    wheel, *more = _wheels(folder, name)
    if more or f"-{wanted.version}-" not in wheel.name or not wheel.name.endswith(f"-{platform}.whl"):
        raise SystemExit(f"{wheel.name} is not what its recipe makes: build {name} again")
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()
    libraries = [entry for entry in entries if entry.filename.endswith(".so")]
    return {
        "name": name,
        "version": wanted.version,
        "license": wanted.license,
        "file": wheel.name,
        "sha256": digest(wheel),
        "bytes": wheel.stat().st_size,
        "unpacked_bytes": sum(entry.file_size for entry in entries),
        "libraries": len(libraries),
        "note": wanted.note,
    }
