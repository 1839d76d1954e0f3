"""What a run is told of its tasks: results that are given, and tasks that are to run again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import FlowError, listed
from ...model.binding import resolve
from ...model.extents.extent import Extent, extent_of, given_results, names_in, tasks_called
from ...model.flow import Flow
from ...model.plan import Plan
from ...model.run import Run
from ...strangers import type_name
from ...values import OnceError, collected, is_once, kind_of

__all__ = [
    "GIVEN", "check_unread_results", "collected_overrides", "given_slots", "planned",
    "tasks_to_rerun",
]  # fmt: skip

GIVEN = "given by overrides"
"""Why a task did not run whose result was given."""


def collected_overrides(overrides: Any) -> Any:
    """Return results that are given with lists in place of iterators, so that each run has them.

    Examples
    --------
    >>> collected_overrides({"load": map(abs, [-1, 2])})
    {'load': [1, 2]}
    """
    if not isinstance(overrides, Mapping):
        return overrides  # the run says it
    given = dict(overrides)
    for name, value in given.items():
        try:
            given[name] = collected(value)
        except OnceError as error:
            raise FlowError(f"overrides gives the result of '{name}': {error}") from None
    return given


def planned(
    flow: Flow, inputs: Any, namespace: Any, *, targets: Any = None, overrides: Any = None,
    rerun: Any = (),
) -> tuple[Plan, dict[str, Any], set[str]]:  # fmt: skip
    """Return the plan of a run, the results that are given, and the tasks that run in any case.

    Examples
    --------
    >>> flow = Flow("Example", [("load", "fit")])
    >>> plan, given, again = planned(flow, None, {"fit": len}, overrides={"load": [1, 2]})
    >>> plan.extent.given, given, again
    (frozenset({'load'}), {'load': [1, 2]}, set())
    """
    given: dict[str, Any] = {}
    again: set[str] = set()

    def choose(whole: Flow) -> Extent:
        given.update(given_results(whole, overrides))
        extent = extent_of(whole, targets, given)
        again.update(tasks_to_rerun(whole, extent, rerun))
        return extent

    is_chosen = targets is not None or overrides or rerun
    return resolve(flow, inputs, namespace, choose if is_chosen else None), given, again


def given_slots(plan: Plan, given: Mapping[str, Any]) -> dict[int, Any]:
    """Return the results that are given, by slot, as the tasks would have handed them on.

    Raises
    ------
    FlowError
        If that of a mapped task is no list, or can be read only once and goes to several.
    """
    found: dict[int, Any] = {}
    for name, value in given.items():
        slot = plan.index[name]
        if slot in plan.maps and not isinstance(value, list | tuple):
            raise FlowError(
                f"overrides gives the result of '{name}', which runs once for each item, as "
                f"{type_name(value)}",
                remedy="give a list of the results of its items",
            )
        try:
            made = plan.finish(slot)(value)
        except OnceError as error:
            raise FlowError(f"overrides gives the result of '{name}': {error}") from None
        found[slot] = list(made) if slot in plan.maps else made
    return found


def check_unread_results(
    plan: Plan, given: Mapping[str, Any], kept: Mapping[int, Any], earlier: Run
) -> None:
    """Raise if a task takes a given result which the earlier run has read already."""
    for name, value in given.items():
        slot = earlier.plan.index.get(name)
        if not is_once(value) or slot is None or earlier.record.values[slot] is not value:
            continue
        for edge in plan.flow.downstream[name]:
            record, taker = earlier.tasks.get(edge.target), plan.index[edge.target]
            was_begun = record is not None and record.started is not None
            if edge.kind != "wait" and was_begun and taker not in kept:
                raise FlowError(
                    f"task '{edge.target}' runs again, but the result that is given for '{name}', "
                    f"{kind_of(value)}, can be read only once, and the earlier run has begun to "
                    "read it",
                    remedy="give it anew: run.resume(overrides=...)",
                )


def tasks_to_rerun(flow: Flow, extent: Extent, rerun: Any, option: str = "rerun") -> frozenset[str]:
    """Return the tasks that are to run again; in errors, the option is called `option`.

    Raises
    ------
    FlowError
        If a name is none of the flow's tasks, or of one that does not run.

    Examples
    --------
    >>> flow = Flow("Example", [("load", "fit")])
    >>> tasks_to_rerun(flow, Extent(given=frozenset(["load"])), ["load"])
    Traceback (most recent call last):
        ...
    taskinity_nb.errors.FlowError: rerun names 'load', which does not run: given by overrides
    leave it out of one of the two
    """
    again: set[str] = set()
    for name in names_in(rerun, option):
        tasks = tasks_called(flow, name, option)
        running = [task for task in tasks if extent.runs(task)]
        if not running:
            raise FlowError(
                f"{option} names {listed([name])}, which does not run: "
                f"{extent.left_out.get(tasks[0], GIVEN)}",
                remedy="leave it out of one of the two"
                if tasks[0] in extent.given
                else "name it among the targets as well",
            )
        again.update(running)
    return frozenset(again)
