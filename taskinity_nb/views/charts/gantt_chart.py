"""What a Gantt chart says: which runs it shows in which panels, and its words."""

from __future__ import annotations

import math
from itertools import chain
from typing import NamedTuple

from ...formatting import counted, elided, percent, printable, speed, time_text
from ...model.events import State
from ...model.run import Run
from ..style.words import labels_of, on_workers, outcome
from .gantt_bars import Panel, cut_off, most_at_once, panel_of, replayed

__all__ = ["Chart", "chart_of"]

MOST_TIMES_LONGER = 5.0
"""The sequential run is cut off after so many times the longest other one, which is to be seen."""


class Chart(NamedTuple):
    """All panels, top down; the tasks in the order of their colours; and the words."""

    panels: tuple[Panel, ...]
    tasks: tuple[str, ...]
    labels: dict[str, str]
    title: str
    subtitle: str
    summary: str


def chart_of(runs: tuple[Run, ...]) -> Chart:
    """Choose what to draw of some runs: the sequential one above, replayed if there is none.

    A run is compared with the sequential run if both succeeded; otherwise with its own tasks one
    after the other, because a run that stopped half-way has not done the same work.
    """
    measured = [run for run in runs if run.executor == "sequential"]
    others = [run for run in runs if run.executor != "sequential"]
    same = all(run.flow == runs[0].flow for run in runs)
    # Tasks that get in each other's way take longer; the least work is nearest to a sequential run.
    sound = [run for run in others if run.state is State.SUCCEEDED]
    source = min(sound or others, key=lambda run: run.work) if others and not measured else None
    longest = max(
        [*(run.makespan for run in runs), source.work if source is not None and same else 0.0]
    )

    panels = [_measured(run, longest, bound=not others) for run in measured]
    if source is not None and source.done and same and source.work:
        panels.append(replayed(source, longest, alone=len(others) == 1))
    if others:
        most = MOST_TIMES_LONGER * max(run.makespan for run in others)
        panels = [cut_off(panel, most) if panel.makespan > most else panel for panel in panels]
    gains = [_gain(run, source, measured, same) for run in others]
    panels += [
        _measured(run, longest, bound=True, gain=gain if len(others) > 1 else None)
        for run, gain in zip(others, gains, strict=True)
    ]

    names = list(dict.fromkeys(run.flow.name for run in runs))
    tasks = dict.fromkeys(task for run in runs for task in run.flow.tasks)
    labels = dict(chain.from_iterable(labels_of(run.plan).items() for run in runs))
    best = max(zip(gains, others, strict=True), key=lambda pair: pair[0] or 0.0, default=None)
    main = best[1] if best else runs[0]
    told = [f"{on_workers(run)} {time_text(run.makespan, longest)}" for run in measured]
    if source is not None and source.done and same and source.work:
        told.append(f"sequential {time_text(source.work, longest)} (replayed)")
    for run, gain in zip(others, gains, strict=True):
        told.append(f"{on_workers(run)} {time_text(run.makespan, longest)}")
        told += [speed(gain)] if gain else []
        told += [run.state.value] if run.state is not State.SUCCEEDED else []
    return Chart(
        tuple(panels),
        tuple(tasks),
        labels,
        _title(main, best[0] if best else None, longest, several=len(others) > 1),
        _subtitle(names, main if len(runs) - len(measured) <= 1 else None, labels, longest),
        printable(f"Gantt of {', '.join(names)}: {', '.join(told)}"),
    )


def _measured(run: Run, longest: float, *, bound: bool, gain: float | None = None) -> Panel:
    panel = panel_of(run)
    idle = run.workers - len(panel.rows)
    parts = [f"{on_workers(run)}: {time_text(run.makespan, longest)}"]
    parts += [speed(gain)] if gain else []
    parts += [f"{idle} without a task"] if idle > 0 and panel.bars else []
    parts += [text] if (text := outcome(run)) else []
    panel = panel._replace(heading=", ".join(parts))
    path = run.lower_bound(math.inf)
    at_once = max(run.workers, most_at_once(panel))
    least = path if run.executor == "sequential" else run.lower_bound(at_once)
    if not bound or not run.done or least <= 0:
        return panel
    if run.executor == "sequential":
        why = "critical path, on any number of workers"
    elif least <= path * (1 + 1e-9):
        why = "critical path"
    else:
        why = f"work / {_capacity(run.workers, at_once)}"
    label = f"lower bound {time_text(least, longest)} ({why})"
    return panel._replace(bound=least, bound_label=label)


def _capacity(workers: int, at_once: int) -> str:
    return counted(workers, "worker") if at_once <= workers else f"{at_once} at once"


def _gain(run: Run, source: Run | None, measured: list[Run], same: bool) -> float | None:
    """Return how many times faster a run was than one after the other, if that can be told."""
    if not run.done or not run.work or not run.makespan:
        return None
    if not same or (source is run and not measured):
        return run.speedup
    if run.state is not State.SUCCEEDED:
        return None if measured else run.speedup
    base = measured[0] if measured else source
    if base is None or base.state is not State.SUCCEEDED:
        return None
    return (base.makespan if measured else base.work) / run.makespan


def _title(run: Run, gain: float | None, longest: float, *, several: bool) -> str:
    records = list(run.tasks.values())
    total = counted(len(records), "task")
    if not records:
        return "A flow without tasks"
    if not any(record.started is not None for record in records):
        return f"No task of {len(records)} ran ({outcome(run) or 'all cached'})"
    said = ""
    if run.state is State.FAILED:
        said = f"{sum(record.state.is_failure for record in records)} of {total} failed"
    elif run.state is not State.SUCCEEDED:
        finished = sum(record.state is State.SUCCEEDED for record in records)
        said = f"{run.state.value.capitalize()}: {finished} of {total} succeeded"
    if run.executor == "sequential":
        told = f"one after the other in {time_text(run.makespan, longest)}"
    elif gain is None:
        told = f"{on_workers(run)} in {time_text(run.makespan, longest)}"
    else:
        who = f"{run.executor} " if several else ""
        at_once = max(1, run.workers, most_at_once(panel_of(run)))
        where = "with" if at_once > run.workers else "on"
        told = (
            f"{who}{speed(gain)} than one after the other {where} "
            f"{_capacity(run.workers, at_once)} ({percent(gain / at_once)} efficiency)"
        )
    return f"{said}; {told}" if said else told[:1].upper() + told[1:]


def _subtitle(names: list[str], run: Run | None, labels: dict[str, str], longest: float) -> str:
    text = elided(", ".join(names), 60 if run is None else 36)
    if run is None:
        return f"{text}; outlined: the critical path"
    path = [name for name in run.critical_path if run.efforts[name]]
    if not path:
        return text
    seconds = run.lower_bound(math.inf)
    shown = [labels[name] for name in path]
    if len(shown) > 6:
        shown = [*shown[:3], f"… {len(shown) - 5} more …", *shown[-2:]]
    return f"{text}; outlined: critical path, {time_text(seconds, longest)}: {' → '.join(shown)}"
