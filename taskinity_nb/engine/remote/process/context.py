"""The context in which tasks run, in a process that shares its caller's surroundings."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any

__all__ = ["in_context", "set_context"]

_latest: list[Context] = []


def set_context(context: Context) -> None:
    """Have each task run in a copy of a context from now on."""
    _latest[:] = [context]


def in_context(call: Callable[..., Any], *args: Any) -> Any:
    """Make a call in a copy of the context that was set last, if one was set.

    Examples
    --------
    >>> in_context(abs, -3)
    3
    """
    return _latest[0].copy().run(call, *args) if _latest else call(*args)
