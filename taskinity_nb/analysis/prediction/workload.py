"""What there is to do in a flow, in seconds: by a run that was recorded, or by what is given.

A task that ran to its end would take as long again; one that was cut off, or did not come to run,
as long as the others usually do. One that was skipped would be skipped again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from types import MappingProxyType
from typing import NamedTuple

from ...dsl.read import parse_dsl
from ...engine.runtime.cores import available_cores
from ...engine.scheduling.history import recall, weights_of
from ...engine.scheduling.limits.admission import Limits
from ...engine.scheduling.limits.demands import limits_of
from ...errors import FlowError
from ...formatting import not_seconds
from ...model.binding import resolve
from ...model.events import Items, State
from ...model.flow import Flow
from ...model.forms.expand import drawable
from ...model.limits.capacities import capacities
from ...model.plan import Plan
from ...model.record import TaskRun
from ...model.run import Run
from ..metrics import cores_of, handovers
from .memory import memory_of

__all__ = ["Workload", "workload_of"]


class Workload(NamedTuple):
    """What has to be done, in seconds; a task is its slot, and items follow the tasks.

    Tasks that ask for more than the `limits` leave wait; each takes so many bytes of `memory`, by
    slot, where that is known.

    `seconds` a task takes alone, of which it wants a core for `shares`; `before` its start and
    `after` its end its worker is held too, and `gap` before it takes the next one.
    """

    plan: Plan
    seconds: list[float]
    shares: list[float]
    before: list[float]
    after: list[float]
    gap: float
    cores: float
    items: dict[int, Items]
    done: frozenset[int]
    limits: Limits | None = None
    memory: Mapping[int, float] = MappingProxyType({})


def workload_of(
    run_or_flow: Run | Flow | str,
    durations: Mapping[str, float] | None = None,
    resources: object = None,
) -> Workload:
    """Return what `simulate` plays, so that many numbers of workers can be tried quickly."""
    durations = _checked(durations)
    if isinstance(run_or_flow, Run):
        load = _of_run(run_or_flow, durations)
    else:
        flow = parse_dsl(run_or_flow) if isinstance(run_or_flow, str) else run_or_flow
        load = _of_flow(flow, durations)
    for name, seconds in (durations or {}).items():
        slot = load.plan.index.get(name)
        if slot is None:
            raise FlowError(f"flow '{load.plan.flow.name}' has no task '{name}'")
        load.seconds[slot] = float(seconds)
    if resources is None and isinstance(run_or_flow, Run):
        resources = run_or_flow.resources
    return load._replace(limits=limits_of(load.plan, capacities(resources)))


def _checked(durations: Mapping[str, float] | None) -> dict[str, float] | None:
    """Return durations that were given; one without an end would never be played to its end."""
    if durations is None:
        return None
    try:
        given = dict(durations)  # whatever maps, as a column of a table does
    except (TypeError, ValueError):
        raise FlowError(
            f"durations maps tasks to seconds, and is no {type(durations).__name__}",
            remedy="give durations={'task': seconds, ...}",
        ) from None
    for name, seconds in given.items():
        if wrong := not_seconds(f"the duration of '{name}'", seconds):
            raise FlowError(wrong)
    return given


def _of_flow(flow: Flow, durations: Mapping[str, float] | None) -> Workload:
    flow = drawable(flow)
    if weights_of(flow) is None:
        recall(flow)
    known = weights_of(flow)
    if known is None:
        known = [_usual(flow, [], durations)] * len(flow.tasks)
    nothing = [0.0] * len(flow.tasks)
    plan = _without_functions(flow)
    return Workload(
        plan, known, nothing, nothing, nothing, 0.0, available_cores(), {}, frozenset(),
        memory=memory_of(plan),
    )  # fmt: skip


def _without_functions(flow: Flow) -> Plan:
    """Return the plan of a flow of which only the arrows count."""
    names = [flow.function_of(name) for name in flow.tasks]
    is_plain = not (flow.inputs or flow.constants or any("." in name for name in names))
    anything = _anything if is_plain else _Anything()
    functions = {name.partition(".")[0]: anything for name in names}
    needed = [name for name, default in flow.inputs.items() if default is None]
    return resolve(
        flow.bind(functions) if flow.homes else flow, dict.fromkeys(needed) or None, functions
    )


def _usual(flow: Flow, known: Sequence[float], durations: Mapping[str, float] | None) -> float:
    """Return what a task takes of which nothing is known but that others take so long."""
    if known:
        return median(known)
    if durations is None:
        raise FlowError(
            f"nothing is known of how long the tasks of flow '{flow.name}' take",
            remedy="run it once to its end, or give durations={'task': seconds, ...}",
        )
    return median(map(float, durations.values())) if durations else 0.0


def _anything(*results: object) -> None:
    """Stand for a function."""


class _Anything:
    """Stands for a function that may be given inputs and constants, and for a module of such."""

    def __getattr__(self, name: str) -> _Anything:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *results: object, inputs: object = None, **constants: object) -> None:
        """Stand for a function."""


def _of_run(run: Run, durations: Mapping[str, float] | None) -> Workload:
    tasks = list(run.tasks.values())
    records: list[TaskRun] = list(tasks)
    items: dict[int, Items] = {}
    for slot, record in enumerate(tasks):
        if record.items is not None:
            items[slot] = Items(len(records), len(record.items))
            records += record.items
    known = [run.effort_of(r) for r in records if _is_known(r)]
    is_open = any(r.items is None and r.state not in _SETTLED for r in records)
    usual = _usual(run.flow, known, durations) if is_open else 0.0
    seconds = [_seconds_of(run, r, usual) for r in records]
    ran = [r for r in records if r.duration is not None and r.items is None]
    shares = [_share(r, s) for r, s in zip(records, seconds, strict=True)]
    ways = handovers(run)
    return Workload(
        run.plan,
        seconds,
        shares,
        [ways[r][0] if r in ways else 0.0 for r in records],
        [ways[r][1] if r in ways else 0.0 for r in records],
        _gap(ran),
        cores_of(run),
        items,
        frozenset(i for i, r in enumerate(tasks) if r.state is State.CACHED)
        | run.plan.left_out.keys(),
        memory=memory_of(run.plan, records, items),
    )


def _is_known(record: TaskRun) -> bool:
    """Tell whether it was measured how long a task takes, and not only until it was cut off."""
    return record.duration is not None and record.items is None and record.state in _WHOLE


_WHOLE = (State.SUCCEEDED, State.SKIPPED)
"""How a task ends that did what it does."""

_SETTLED = (*_WHOLE, State.CACHED)
"""How a task ends that need not take as long as is usual."""


def _seconds_of(run: Run, record: TaskRun, usual: float) -> float:
    """Return how long a task would take; one that was cut off, as long as others at least."""
    if _is_known(record):
        return run.effort_of(record)
    if record.state is State.SKIPPED:  # because of another one, as it would be again
        return 0.0
    has_begun = record.duration is not None and record.items is None
    return max(usual, run.effort_of(record)) if has_begun else usual


def _share(record: TaskRun, seconds: float) -> float:
    """Return for which share of its time a task wants a core, whether or not it gets one."""
    cpu = min(record.cpu or 0.0, seconds)
    return (cpu + min(record.waited or 0.0, seconds - cpu)) / seconds if seconds else 0.0


def _gap(ran: Sequence[TaskRun]) -> float:
    """Return the usual seconds from one result to the next task that its worker takes."""
    by_worker: dict[str | None, list[TaskRun]] = {}
    for record in sorted(ran, key=lambda r: r.submitted or 0.0):
        by_worker.setdefault(record.worker, []).append(record)
    gaps = [
        (after.submitted or 0.0) - max(before.received or 0.0, after.ready or 0.0)
        for records in by_worker.values()
        for before, after in pairwise(records)
        if (after.ready or 0.0) <= (before.received or 0.0)
        and after.submitted != before.submitted
        and not after.waited_for
    ]
    return max(0.0, median(gaps)) if gaps else 0.0
