"""What the conditions of a flow were in a run, where that has kept a task from running."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...formatting import elided, visible
from ...model.events import State
from ...model.forms.edges import CONDITIONS
from .forms import tail_of

if TYPE_CHECKING:
    from ...model.flow import Edge
    from ...model.record import TaskRun
    from ...model.run import Run

__all__ = ["verdicts_of"]

LONGEST_VERDICT = 12
"""Characters that are shown of what a condition was, at its edge."""


def verdicts_of(run: Run) -> dict[tuple[str, str, str], str]:
    """Return the verdicts that have kept tasks from running, each by the condition's edge.

    That is its source, its target, and what stands at it in a picture. Where items of a mapped task
    have verdicts of their own, it is said for how many of them the condition was true.

    Examples
    --------
    >>> from taskinity_nb import parse_dsl, run
    >>> flow = parse_dsl("check\\nreport when check")
    >>> done = run(flow, namespace={"check": lambda: 0, "report": list}, executor="sequential")
    >>> verdicts_of(done)
    {('check', 'report', 'when'): 'false'}
    """
    told: dict[tuple[str, str, str], str] = {}
    for record in list(run.tasks.values()):
        if record.items:
            told |= _of_items(run, record)
        if record.state is not State.SKIPPED or record.cause is not None:
            continue
        for edge in run.flow.incoming.get(record.name, ()):
            if edge.kind in CONDITIONS and (verdict := _verdict(edge, record.why)):
                at = visible(tail_of(run.flow, edge))
                told[edge.source, edge.target, at] = elided(visible(verdict), LONGEST_VERDICT)
                break
    return told


def _of_items(run: Run, record: TaskRun) -> dict[tuple[str, str, str], str]:
    """Return for how many items each condition was true that has kept some of them from running.

    It is said of the items that have come so far: that ran, or were skipped by it.
    """
    items = record.items or ()
    ran = sum(item.started is not None or item.state.is_success for item in items)
    skipped = Counter(i.why for i in items if i.state is State.SKIPPED and i.started is None)
    conditions = [edge for edge in run.flow.incoming[record.name] if edge.kind in CONDITIONS]
    told = {}
    for place, edge in enumerate(conditions):
        kept, later = (
            sum(number for why, number in skipped.items() if any(_verdict(e, why) for e in edges))
            for edges in (conditions[place : place + 1], conditions[place + 1 :])
        )
        if kept:
            passed = ran + later
            true = passed if edge.kind == "when" else kept
            at = visible(tail_of(run.flow, edge))
            told[edge.source, edge.target, at] = f"{true:,} of {passed + kept:,} true"
    return told


def _verdict(edge: Edge, why: str) -> str:
    """Return what a condition was if that is why a task was skipped; else an empty string."""
    origin = f"'{edge._replace(optional=False).origin}'"
    if why == f"skipped: nothing came of {origin}":
        return "nothing"
    _, is_it, what = why.partition(f"skipped: {origin} was ")
    if not is_it:
        return ""
    if edge.kind == "when" and edge.equals is not None:
        other = f", not {edge.equals}"
        return what.removesuffix(other) if what.endswith(other) else ""
    return what if what == (edge.equals or what) else ""
