"""The author's files, and those of packages, for reading where there is no file system.

`open(Path(__file__).with_name("query.sql"))` finds its file in a task as it
does on the author's machine: what no folder of the sandbox has is looked for
among the files that came along.
"""

from __future__ import annotations

import builtins
import io
import os
from typing import Any

from weft.guest.archive import Archive


def install(archive: Archive) -> None:
    """Lets `open`, and with it `pathlib`, fall back on the archive."""
    plain = io.open

    def open_(file: Any, mode: str = "r", *args: Any, **keywords: Any) -> Any:
        try:
            return plain(file, mode, *args, **keywords)
        except FileNotFoundError:
            data = None if set(mode) & set("wax+") else _found(archive, file)
            if data is None:
                raise
            if "b" in mode:
                return io.BytesIO(data)
            return io.TextIOWrapper(io.BytesIO(data), *_text(args, keywords))

    builtins.open = open_  # type: ignore[assignment]
    io.open = open_  # type: ignore[assignment]


def _found(archive: Archive, file: Any) -> bytes | None:
    try:
        name = os.path.normpath(os.fspath(file)).lstrip("/")
    except TypeError:
        return None
    return archive.read(name) if name in archive.names else None


def _text(args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, Any, Any]:
    """How the text is encoded: the arguments of `open` after `buffering`."""
    given = dict(zip(("buffering", "encoding", "errors", "newline"), args)) | keywords
    return given.get("encoding"), given.get("errors"), given.get("newline")
