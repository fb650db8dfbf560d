"""Records of the standard `logging` on their way to the host's structured log."""

from __future__ import annotations

import logging

from wit_world.imports import log  # type: ignore[import-not-found]

#: The standard attributes of a record; all others came with `extra`.
_OWN = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class HostHandler(logging.Handler):
    """Hands records on, with their logger's name and what came with `extra`."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                # The formatter of the standard library keeps the text for other handlers; here are none.
                message += "\n" + logging.Formatter().formatException(record.exc_info)
            if record.stack_info:
                message += "\n" + record.stack_info
            fields = [("logger", record.name)] if record.name not in ("root", "weft") else []
            fields += [(key, str(value)) for key, value in record.__dict__.items() if key not in _OWN]
            log.write(_level(record.levelno), message, fields)
        except Exception:
            self.handleError(record)


def _level(number: int) -> log.Level:
    if number >= logging.ERROR:
        return log.Level.ERROR
    if number >= logging.WARNING:
        return log.Level.WARN
    if number >= logging.INFO:
        return log.Level.INFO
    return log.Level.DEBUG if number >= logging.DEBUG else log.Level.TRACE


def install() -> None:
    """Everything from INFO on goes to the host; the author may set another level."""
    root = logging.getLogger()
    root.handlers[:] = [HostHandler()]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
