"""A task that forks: the child is no worker, so it must not go on as one when the task returns."""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["after_fork", "generation", "leave_if_forked"]

generation = 0
"""How many forks lie between this process and the one that imported this."""


def leave_if_forked(before: int, error: BaseException | None = None) -> None:
    """End this process, if it was forked since `generation` was `before`, by a task.

    The code of a `SystemExit` that the task raised here is the code of the process.
    """
    if before == generation:
        return
    code = 0 if error is None else 1
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    os._exit(code)  # the threads and buffers that lie here are the other process's


def after_fork(call: Callable[[], None]) -> Callable[[], None]:
    """Have a function called in each process that this one forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)
    return call


@after_fork
def _forked() -> None:
    global generation
    generation += 1
