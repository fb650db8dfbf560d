"""`.airflowignore`: files that Airflow does not look into."""

from __future__ import annotations

import fnmatch
import os


def ignored(name: str, sources: dict[str, str]) -> bool:
    """Whether an ignore file in a folder above names the file, by Airflow 3's globs."""
    found = False
    folder = ""
    for part in ["", *os.path.dirname(name).split("/")]:
        folder = f"{folder}{part}/" if part else folder
        text = sources.get(f"{folder}.airflowignore")
        if text is None:
            continue
        within = name[len(folder) :]
        for line in text.splitlines():
            pattern = line.split("#")[0].strip()
            negated = pattern.startswith("!")
            if pattern and _matches(pattern.lstrip("!"), within):
                found = not negated
    return found


def _matches(pattern: str, name: str) -> bool:
    """A pattern with a slash is of the whole path, one without of any part of it."""
    anchored = "/" in pattern.rstrip("/")
    pattern = pattern.strip("/")
    if anchored:
        pattern = pattern.replace("**/", "*").replace("/**", "/*")
        return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name, f"{pattern}/*")
    return any(fnmatch.fnmatchcase(part, pattern) for part in name.split("/"))
