"""What came of a task: of a mapped one, for each of its items; and why there is no result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ...errors import FlowError, MapError, NoResultError, described
from ..events import State
from ..refs import RELEASED, Missing

__all__ = ["failed_items", "no_result", "results_of_items"]

WELL = (State.SUCCEEDED, State.CACHED)


class Recorded(Protocol):
    """What is asked of the record of a task."""

    name: str
    state: State
    error: BaseException | None
    cause: str | None
    item: int | None
    is_mapped: bool

    @property
    def why(self) -> str: ...
    @property
    def items(self) -> Sequence[Recorded] | None: ...
    @property
    def has_result(self) -> bool: ...
    @property
    def result(self) -> Any: ...


def results_of_items(record: Recorded) -> list[Any]:
    """Return the results that a mapped task has, in the order of its items."""
    if record.items is not None:
        return [item.result for item in record.items if item.state in WELL]
    _check_mapped(record, ".result is what it returned")
    return list(record.result) if record.has_result else []


def failed_items(record: Recorded) -> list[tuple[Any, BaseException]]:
    """Return the items on which a mapped task failed, each with what was raised."""
    if record.items is None:
        _check_mapped(record, ".error is what it raised")
        return []
    if isinstance(record.error, MapError):
        return [(item, error) for _, item, error in record.error.items]
    failed = [item for item in record.items if item.state.is_failure]
    return [(item.item, item.error) for item in failed if item.error is not None]


def _check_mapped(record: Recorded, remedy: str) -> None:
    if not record.is_mapped:
        raise FlowError(f"task '{record.name}' is not mapped, so it has no items", remedy=remedy)


def no_result(record: Recorded, value: Missing, is_all: bool) -> NoResultError:
    """Return the error that tells why a task has no result; `is_all` if no task has one any more.

    It had one if it was released.
    """
    if value is RELEASED and record.state in WELL:
        if is_all:
            return NoResultError(
                f"task '{record.name}': its result was released, as all of the run, "
                "by run.release()",
                remedy="run the flow again, or look before run.release()",
            )
        return NoResultError(
            f"task '{record.name}': its result was released when its last consumer was done",
            remedy='run the flow with keep="all" to look at what is in between',
        )
    why = f" ('{record.cause}' failed)" if record.cause else ""
    if record.state is State.SKIPPED and record.why:
        why = f" ({record.why.removeprefix('skipped: ')})"
    if record.error is not None:
        why = f" ({described(record.error)})"
    remedy = ""
    if record.cause and record.state is State.UPSTREAM_FAILED:
        remedy = f"write '{record.cause}?' where its result goes on, to go on with what there is"
    if any(item.has_result for item in record.items or ()):
        remedy = f"run.tasks['{record.name}'].results has those of the items that went well"
        if isinstance(record.error, MapError):
            remedy += ", and .failed the others"
    text = f"task '{record.name}' has no result: it is {record.state}{why}"
    return NoResultError(text, remedy=remedy)
