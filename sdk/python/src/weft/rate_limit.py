"""How many runs of a DAG start within a span."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from weft.duration import duration


@dataclass(frozen=True)
class RateLimit:
    """At most `runs` runs start within any span of the length `per`: `RateLimit(100, per="1m")`.

    With a `concurrency_key` of the DAG, the limit is that of each key.
    """

    runs: int
    #: Text such as `"1m"`, a `timedelta`, or a number of seconds.
    per: str | timedelta | float

    def __post_init__(self) -> None:
        if isinstance(self.runs, bool) or not isinstance(self.runs, int) or self.runs < 1:
            raise ValueError(f"`runs` of a rate limit is a whole number from 1, not {self.runs!r}")
        span = duration(self.per)
        if not isinstance(span, str) and span <= 0:
            raise ValueError(f"`per` of a rate limit is a span longer than 0, not {self.per!r}")

    def document(self) -> dict[str, Any]:
        """The limit as the document has it."""
        return {"runs": self.runs, "per": duration(self.per)}
