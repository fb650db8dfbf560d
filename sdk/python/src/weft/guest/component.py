"""The export of the contract: `describe` and `run`."""

from __future__ import annotations

import json
import sys
from typing import Any, Callable

from componentize_py_types import Err  # type: ignore[import-not-found]
from wit_world.imports import weft_dag_types as types  # type: ignore[import-not-found]

from weft import attempt, host
from weft.document import Catalogue
from weft.guest import randomness
from weft.guest.imports import Imports

#: Where a build puts what it makes the component of.
BUILD_FOLDER = "/0"

compact: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode

#: Documents of the host start without a space.
_read = json.JSONDecoder().scan_once


class Tasks:
    """What the module that Python is linked with calls (`weft_component`)."""

    catalogue: Catalogue
    #: `describe`'s answer, made while the component is built; empty in a base.
    document: str = ""
    host: Callable[[], host.Host] = Imports

    def describe(self) -> str:
        if not self.document:
            from weft.guest.prepare import prepare

            prepare(BUILD_FOLDER)
        return self.document

    def run(self, task: str, inputs: list[tuple[str, str]]) -> Any:
        node = self.catalogue.tasks.get(task)
        if node is None:
            raise Err(types.Failure(False, f"this component has no task {task!r}", None))
        # One attempt is all that an instance lives for.
        host.install(self.host())
        # Python's start has set it to nothing, and `argparse` wants a program's name.
        sys.argv[:] = [task]
        randomness.renew()
        outcome = attempt.run(node, {name: _read(value, 0)[0] for name, value in inputs})
        kind = type(outcome)
        if kind is attempt.Success:
            return types.Outcome_Success(compact(outcome.output))
        if kind is attempt.Control:
            return types.Outcome_Control(compact(outcome.document))
        more = None if outcome.more is None else compact(outcome.more)
        raise Err(types.Failure(outcome.retryable, outcome.message, more))


def serve(catalogue: Catalogue) -> None:
    """What every instance of the component answers with."""
    Tasks.catalogue = catalogue
    Tasks.document = compact(catalogue.document)
