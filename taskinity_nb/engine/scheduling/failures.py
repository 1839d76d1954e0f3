"""What the caller is told when a run has not gone well: exceptions with the run, and warnings."""

from __future__ import annotations

import reprlib
import sys
import threading
import warnings
from collections.abc import Sequence
from itertools import islice
from typing import Any

from ...errors import Cancelled, FlowError, MapError, TaskError, described
from ...model.refs import is_ref
from ...model.run import Run
from ...strangers import text_of
from ..runtime.interrupts import is_interrupt

__all__ = ["FailedItem", "cancelled", "map_error", "task_error", "timed_out", "warn"]

MOST_NOTES = 20
"""Other failed tasks that the error of a run tells of; its `run.errors` has all of them."""

MOST_ITEMS = 10
"""Failed items of a map that its error tells of."""

FailedItem = tuple[int, Any, BaseException]
"""Which item it was, the item, and what the task raised for it."""


def cancelled(run: Run, how: str) -> Cancelled:
    """Return the exception of a run that was cancelled or interrupted."""
    error = Cancelled(
        f"flow '{run.flow.name}' was {how}: {len(run)} of {len(run.plan.calls)} tasks had finished",
        remedy="their results are in the run: this exception's '.run'",
    )
    error.run = run
    return error


def timed_out(name: str, timeout: float | None, unstoppable: str = "") -> TimeoutError:
    """Return the exception of an attempt that took too long, perhaps on what cannot be stopped."""
    left = f"; {unstoppable} cannot be stopped, and goes on unseen" if unstoppable else ""
    return TimeoutError(f"task '{name}' has not ended in {timeout:g} s{left}")


def map_error(name: str, failed: Sequence[FailedItem], count: int) -> MapError:
    """Return the error of a mapped task, of whose `count` items these failed.

    It is made under the scheduler's lock. To bring an item here and to show it is to run code of
    the user's, so that is done when somebody asks for the text or the items.
    """
    failed = list(failed)

    def tell() -> tuple[str, list[FailedItem]]:
        items = [(place, _brought(item), why) for place, item, why in failed]
        lines = [
            f"task '{name}': {len(items)} of {count:,} item{'s' * (count != 1)} failed",
            *(f"  {name}[{place}] on {_shown(on)}: {described(why)}"
              for place, on, why in items[:MOST_ITEMS]),
        ]  # fmt: skip
        if len(items) > MOST_ITEMS:
            lines.append(f"  … and {len(items) - MOST_ITEMS:,} more")
        return "\n".join(lines), items

    error = MapError(tell)
    error.task = name
    return error


def task_error(run: Run, first: str) -> tuple[TaskError, BaseException]:
    """Return the error of a run whose task `first` failed, and the user's exception behind it."""
    errors = run.errors
    cause = errors.pop(first)
    error: TaskError
    is_of_items = type(cause) is MapError and run.tasks[first].items is not None
    if is_of_items and isinstance(cause, MapError) and cause.items:  # and not of a flow inside it
        error = of_items = MapError(cause.message)
        of_items.items = cause.items
        cause = cause.items[0][2]
    else:
        name = run.flow.function_of(first)
        called = f" (function '{name}')" if name != first else ""
        is_ours = type(cause).__module__ == FlowError.__module__
        text = str(cause).removeprefix(f"task '{first}': ") if is_ours else described(cause)
        error = TaskError(f"task '{first}'{called} failed: {text}")
    error.run = run
    error.task = first
    for task, other in islice(errors.items(), MOST_NOTES):
        error.add_note(f"task '{task}' failed too: {described(other)}")
    if len(errors) > MOST_NOTES:
        error.add_note(f"… and {len(errors) - MOST_NOTES:,} tasks more failed too")
    return error, cause


def warn(text: str) -> None:
    """Tell in a thread of ours, which nobody waits for, what the run goes on in spite of.

    Nothing is raised, not even if there is no place left to tell it.
    """
    try:
        try:
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        except RuntimeWarning:  # who wants errors for warnings gets one
            thread = threading.current_thread()
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), thread)))
    except (
        BaseException
    ) as error:  # both are shown on a stream of the user's, by code of the user's
        if is_interrupt(error):
            raise


def _shown(item: Any) -> str:
    """Return a short text of an item."""
    return text_of(item, reprlib.repr)


def _brought(item: Any) -> Any:
    """Return an item itself, if it lies elsewhere and can be had."""
    if not is_ref(item):
        return item
    try:
        return item.fetch()
    except BaseException as gone:
        if is_interrupt(gone):
            raise
        return item
