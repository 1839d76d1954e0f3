"""What tasks log elsewhere goes to the handlers that are here, as if they had logged it here."""

from __future__ import annotations

import copy
import logging
import pickle
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["handle", "put_logs", "taken_logs"]


Level = tuple[int, bool, bool, bool]
"""Of a logger: its level, whether it passes on, whether it is off, and whether it has handlers."""


def taken_logs() -> dict[str, Any]:
    """Return how loggers are set here.

    Examples
    --------
    >>> logging.getLogger("taskinity.example").setLevel("DEBUG")
    >>> taken_logs()["loggers"]["taskinity.example"]
    (10, True, False, False)
    >>> logging.getLogger("taskinity.example").setLevel("NOTSET")
    """
    root = logging.root
    loggers = {"": _set(root)}
    for name, logger in list(root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger):
            found = _set(logger)
            if found != (0, True, False, False):
                loggers[name] = found
    return {
        "loggers": loggers,
        "below": root.manager.disable,
        "format": _format(root),
        "warnings": _captures_warnings(),
    }


def _captures_warnings() -> bool:
    """Tell whether warnings are logged; `logging` keeps what has shown them before."""
    return getattr(logging, "_warnings_showwarning", None) is not None


def _format(logger: logging.Logger) -> tuple[str | None, str | None]:
    """Return how lines are written by the first handler of a logger that says so."""
    for handler in logger.handlers:
        formatter = handler.formatter
        if type(formatter) is logging.Formatter and type(formatter._style) is logging.PercentStyle:
            return formatter._fmt, formatter.datefmt
    return None, None


def _set(logger: logging.Logger) -> Level:
    handlers = [one for one in logger.handlers if not isinstance(one, logging.NullHandler)]
    return int(logger.level), bool(logger.propagate), bool(logger.disabled), bool(handlers)


class _Printed(logging.Handler):
    """Prints what is logged, to where ``sys.stderr`` leads then."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "_was_sent", False):
            return
        record._was_sent = True
        try:
            print(self.format(record), file=sys.stderr)
        except Exception:
            self.handleError(record)


class _Forward(logging.Handler):
    """Sends what is logged to where the run was started."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "_was_sent", False):
            return  # two loggers have handlers, on the way from one to the other
        record._was_sent = True
        try:
            self._send(_packed(record))
        except Exception:
            self.handleError(record)


def _packed(record: logging.LogRecord) -> bytes:
    """Return a record as bytes: what cannot be pickled of it as text."""
    record = copy.copy(record)
    record.msg, record.args = record.getMessage(), None
    if record.exc_info:
        record.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
        record.exc_info = None
    fields = vars(record)
    fields.pop("_was_sent", None)
    try:
        return pickle.dumps(fields)
    except Exception:
        plain = {name: value for name, value in fields.items() if type(value) in _PLAIN}
        return pickle.dumps(plain)


_PLAIN = frozenset({bool, bytes, float, int, str, type(None)})


def handle(packed: bytes) -> None:
    """Give what was logged elsewhere to the handlers here."""
    record = logging.makeLogRecord(pickle.loads(packed))
    logging.getLogger(None if record.name == "root" else record.name).handle(record)


_put: set[str] = set()
"""The loggers that were set here."""


def put_logs(settings: dict[str, Any], send: Callable[[bytes], object] | None) -> None:
    """Set loggers as they are elsewhere, with handlers that `send` what is logged, or print it.

    What was set here for another run, and is not set there, is as it was made.
    """
    loggers: dict[str, Level] = settings["loggers"]
    for name in loggers.keys() | _put:
        level, passes_on, is_off, has_handlers = loggers.get(name, (0, True, False, False))
        logger = logging.getLogger(name or None)
        keep = [one for one in logger.handlers if isinstance(one, logging.NullHandler)]
        handler = _Printed() if send is None else _Forward(send)
        handler.setFormatter(logging.Formatter(*settings["format"]))
        logger.handlers[:] = [*keep, handler] if has_handlers else keep
        logger.propagate, logger.disabled = passes_on, is_off
        if logger.level != level:
            logger.setLevel(level)
    _put.clear()
    _put.update(loggers)
    if settings["warnings"] or _captures_warnings():
        logging.captureWarnings(False)  # something else may have been put in its place
        logging.captureWarnings(settings["warnings"])
    if logging.root.manager.disable != settings["below"]:
        logging.disable(settings["below"])
