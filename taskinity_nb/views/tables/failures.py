"""What failed in a run, in words: where no traceback is shown."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from ...engine.control import Control
from ...errors import Cancelled, FlowError, described
from ...formatting import printable
from ...model.events import State
from ...model.run import Run
from ..style.palette import LOOKS
from ..style.words import error_line
from ..tracebacks import render_error

__all__ = ["failures_bundle", "failures_text"]

MOST = 10
"""Tasks whose errors are told."""


def failures_text(run: Run) -> str:
    """Return the errors of the tasks that failed, a line each.

    Examples
    --------
    >>> from taskinity_nb import run
    >>> failures_text(run("load", namespace={"load": lambda: 1 / 0}, on_error="continue"))
    "task 'load' failed: ZeroDivisionError: division by zero"
    """
    errors = run.errors
    lines = [
        printable(f"task '{task}' failed: {error_line(error)}")
        for task, error in list(errors.items())[:MOST]
    ]
    if len(errors) > MOST:
        lines.append(f"… and {len(errors) - MOST:,} tasks more failed")
    return "\n".join(lines)


def failures_bundle(run: Run) -> dict[str, Any] | None:
    """Return what is shown of a run that failed in the background: what waiting for it raises."""
    error = run.control.error(run) if isinstance(run.control, Control) else None
    if error is None:
        text = failures_text(run)
    elif isinstance(error, Cancelled):
        text = f"Cancelled: {error.message}"
    elif not isinstance(error, FlowError):
        text = described(error)
    else:
        text = re.sub(r"\x1b\[\d+m", "", "\n".join(render_error(error)))
    if not text:
        return None
    line = f"border-left: 4px solid {LOOKS[State.FAILED].fill}; padding-left: 8px"
    return {"text/plain": text, "text/html": f'<pre style="{line}">{escape(text)}</pre>'}
