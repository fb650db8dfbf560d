"""What needs a hand: by file and line, with the reason."""

from __future__ import annotations

from typing import Any


class Report:
    """Collects the lines of the report for one DAG file."""

    def __init__(self, root: str, file: str):
        #: The folder of all sources.
        self.root = root
        #: The DAG file that is evaluated.
        self.file = file
        self._lines: dict[tuple[str, int, str], None] = {}

    def add(self, file: str, line: int, reason: str) -> None:
        """Adds a line; the same one is kept once."""
        self._lines[(file, line, reason)] = None

    def document(self) -> list[dict[str, Any]]:
        """The lines in order of file and line."""
        return [{"file": file, "line": line, "reason": reason} for file, line, reason in sorted(self._lines)]
