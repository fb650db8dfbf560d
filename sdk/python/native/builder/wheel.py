"""Packs what was built as a wheel, the same bytes each time, with the licences of all that is in it."""

from __future__ import annotations

import base64
import email
import email.policy
import fnmatch
import hashlib
import io
import zipfile
from pathlib import Path

from builder.recipe import LEFT_OUT, Recipe
from builder.toolchain import Toolchain

_TIME = (1980, 1, 1, 0, 0, 0)
#: What libraries are linked with: the compiler's runtime, and parts of the C++ library that are in headers.
_RUNTIME = ("libclang-rt-22-dev-wasm32", "libc++-22-dev-wasm32")
_MAGIC = b"\0asm"


def pack(recipe: Recipe, toolchain: Toolchain, source: Path, made: Path, into: Path) -> Path:
    """The wheel's path."""
    files = {}
    for path in sorted(made.rglob("*")):
        name = path.relative_to(made).as_posix()
        if path.is_file() and name != "CRATES" and not _is_left_out(recipe, name):
            files[name] = path.read_bytes()
    libraries = [name for name in files if name.endswith(".so")]
    if not libraries:
        raise SystemExit(f"{recipe.name} was built without a library")
    for name in libraries:
        if not files[name].startswith(_MAGIC):
            raise SystemExit(f"{name} of {recipe.name} is no library of WebAssembly")
    normalized = recipe.name.replace("-", "_").lower()
    info = f"{normalized}-{recipe.version}.dist-info"
    licences = _licences(recipe, source, made)
    tag = f"cp314-{'abi3' if all('.abi3.' in name for name in libraries) else 'cp314'}-{toolchain.pins['platform']}"
    for name, text in licences.items():
        files[f"{info}/licenses/{name}"] = text
    files[f"{info}/METADATA"] = _metadata(recipe, source, list(licences))
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: weft native\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    )
    if recipe.imports:
        files[f"{info}/weft-imports.txt"] = "".join(f"{name}\n" for name in recipe.imports).encode()
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in sorted(files.items()))
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    into.mkdir(parents=True, exist_ok=True)
    for old in into.glob(f"{normalized}-*.whl"):
        old.unlink()
    wheel = into / f"{normalized}-{recipe.version}-{tag}.whl"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    wheel.write_bytes(buffer.getvalue())
    return wheel


def _is_left_out(recipe: Recipe, name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in [*LEFT_OUT, *recipe.leave_out])


def _licences(recipe: Recipe, source: Path, made: Path) -> dict[str, bytes]:
    found = {}
    named = email.message_from_bytes((source / "PKG-INFO").read_bytes(), policy=email.policy.compat32)
    patterns = [*(named.get_all("License-File") or []), *recipe.licenses]
    for pattern in patterns or ["LICEN[CS]E*", "COPYING*", "NOTICE*"]:
        for path in sorted(source.glob(pattern)):
            if path.is_file():
                found[path.relative_to(source).as_posix().replace("/", "-")] = path.read_bytes()
    if not found:
        raise SystemExit(f"{recipe.name} has no file of its licence")
    if (made / "CRATES").exists():
        found["RUST-CRATES.txt"] = (made / "CRATES").read_bytes()
    for library in recipe.libraries:
        for path in sorted((made.parents[1] / "licences" / library).glob("*")):
            found[f"{library}-{path.name}"] = path.read_bytes()
    sysroot = made.parents[1] / "toolchain/sysroot/licences"
    for name in _RUNTIME:
        found[f"RUNTIME-{name}.txt"] = (sysroot / name).read_bytes()
    return found


def _metadata(recipe: Recipe, source: Path, licences: list[str]) -> bytes:
    """The package's own metadata, with what this build requires besides, and the licences' names."""
    message = email.message_from_bytes((source / "PKG-INFO").read_bytes(), policy=email.policy.compat32)
    for field in ("License-File", "License", "License-Expression", "Description-Content-Type", "Metadata-Version"):
        del message[field]
    message.set_payload("")
    for classifier in message.get_all("Classifier") or []:
        if classifier.startswith("License"):
            kept = [other for other in message.get_all("Classifier") or [] if not other.startswith("License")]
            del message["Classifier"]
            for other in kept:
                message["Classifier"] = other
            break
    text = f"Metadata-Version: 2.4\n{message.as_string().rstrip()}\n"
    text += f"License-Expression: {recipe.license}\n"
    text += "".join(f"License-File: {name}\n" for name in licences)
    text += "".join(f"Requires-Dist: {requirement}\n" for requirement in recipe.requires)
    return text.encode()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def patch(source: Path, patches: list[Path], toolchain: Toolchain) -> None:
    for path in patches:
        toolchain.run(["patch", "--strip=1", "--forward", "--input", path], source)


