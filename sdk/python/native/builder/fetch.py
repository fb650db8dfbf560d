"""Sources, by name and version from the package index that pip is set to, held to the recipe's digest.

`pip download` runs a package's build to learn its metadata, which fails for some
that are built for another machine. So this uses pip's parts: its finder and
its downloader, with its settings.
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from builder.toolchain import digest


def source(name: str, version: str, sha256: str, into: Path) -> Path:
    """The source archive, downloaded if it isn't there yet."""
    into.mkdir(parents=True, exist_ok=True)
    kept = into / f"{name}-{version}.tar.gz"
    if not kept.exists():
        _download(name, version, kept)
    found = digest(kept)
    if found != sha256:
        raise SystemExit(f"the source of {name} {version} has the digest {found}, and its recipe says {sha256!r}")
    return kept


def _download(name: str, version: str, to: Path) -> None:
    from pip._internal.commands import create_command
    from pip._internal.models.format_control import FormatControl

    command = create_command("download")
    options, _ = command.parse_args([name])
    options.format_control = FormatControl({":all:"}, set())
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)  # type: ignore[attr-defined]
        links = [
            candidate.link
            for candidate in finder.find_all_candidates(name)
            if str(candidate.version) == version and candidate.link.filename.endswith((".tar.gz", ".zip"))
        ]
        if not links:
            raise SystemExit(f"the package index has no source of {name} {version}")
        answer = session.get(links[0].url_without_fragment, headers={"Accept-Encoding": "identity"})
        answer.raise_for_status()
        to.write_bytes(answer.content)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpacks it to a folder, without the folder that everything in it is in."""
    shutil.rmtree(folder, ignore_errors=True)
    draft = folder.with_name(folder.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    with tarfile.open(archive) as packed:
        packed.extractall(draft, filter="tar")
    inner = next(path for path in draft.iterdir() if path.is_dir())
    inner.rename(folder)
    shutil.rmtree(draft)
    return folder
