"""What a Gantt chart says: which runs it shows in which panels, and its words."""

from __future__ import annotations

import math
from itertools import chain
from typing import NamedTuple

from ...analysis.judgement import Judgement, judge, judge_times
from ...formatting import counted, elided, one_line, percent, printable, speed, time_text
from ...model.events import State
from ...model.run import Run
from ..style.words import labels_of, on_workers, outcome, saved_by_cache
from .gantt_bars import Panel, cut_off, most_at_once, panel_of, replayed

__all__ = ["Chart", "chart_of"]

MOST_TIMES_LONGER = 5.0
"""The sequential run is cut off after so many times the longest other one, which is to be seen."""

PLAIN = (bool, int, float, str)
"""Classes of inputs whose values are compared."""

ABOUT = 1.05
"""Two lengths of the critical path, shown and alone, that are nearer than this are one."""


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

    A run is compared with the sequential run, if there is one, and otherwise with its own tasks one
    after the other; where that says nothing, what is known of it is told (see `judge`).
    """
    measured = [run for run in runs if run.executor == "sequential"]
    others = [run for run in runs if run.executor != "sequential"]
    same = all(run.flow == runs[0].flow for run in runs)
    # Tasks that get in each other's way take longer; the least work is nearest to a sequential run.
    sound = [run for run in others if run.state is State.SUCCEEDED]
    alike = same and not any(_unlike(run, sound[0]) for run in sound)
    source = min(sound, key=lambda run: run.work) if sound and not measured and alike else None
    if source is not None and not (source.work and judge(source).tells_work):
        source = None
    longest = max([*(run.makespan for run in runs), source.work if source is not None else 0.0])

    panels = [_measured(run, longest, bound=not others) for run in measured]
    if source is not None:
        bound = judge(source).bound
        panels.append(replayed(source, longest, alone=len(others) == 1, bound=bound))
    if others:
        most = MOST_TIMES_LONGER * max(run.makespan for run in others)
        panels = [cut_off(panel, most) if panel.makespan > most else panel for panel in panels]
    found = [_compared(run, source, measured, same) for run in others]
    panels += [
        _measured(run, longest, bound=True, gain=gain if len(others) > 1 else None)
        for run, (gain, _) in zip(others, found, strict=True)
    ]

    names = list(dict.fromkeys(run.flow.name for run in runs))
    tasks = dict.fromkeys(task for run in runs for task in run.flow.tasks)
    labels = dict(chain.from_iterable(labels_of(run.plan).items() for run in runs))
    best = max(zip(found, others, strict=True), key=lambda pair: pair[0][0] or 0.0, default=None)
    (gain, said), main = best or ((None, judge(runs[0])), runs[0])
    told = [f"{on_workers(run)} {time_text(run.makespan, longest)}" for run in measured]
    if source is not None:
        told.append(f"sequential {judge(source).bound}{time_text(source.work, longest)} (replayed)")
    drawn = panels[len(panels) - len(others) :]
    for run, panel, (times, why) in zip(others, drawn, found, strict=True):
        told.append(f"{on_workers(run)} {time_text(run.makespan, longest)}")
        told += [speed(times)] if times else [why.words] if why.words else []
        told += [waiting.label for waiting in panel.waits]
    return Chart(
        tuple(panels),
        tuple(tasks),
        labels,
        _title(main, gain, said, longest, several=len(others) > 1),
        _subtitle(names, main if len(runs) - len(measured) <= 1 else None, labels, longest, said),
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
        is_shown = run.critical_seconds < ABOUT * path
        why = "critical path" if is_shown else "critical path, each task alone"
    else:
        why = f"work / {_capacity(run.workers, at_once)}"
    label = f"lower bound {time_text(least, longest)} ({why})"
    return panel._replace(bound=least, bound_label=label)


def _capacity(workers: int, at_once: int) -> str:
    return counted(workers, "worker") if at_once <= workers else f"{at_once} at once"


def _tasks_that_ran(run: Run) -> frozenset[str]:
    """Return which tasks a run computed: not those that it had from an earlier one, or skipped."""
    return frozenset(name for name, record in run.tasks.items() if record.state is State.SUCCEEDED)


def _unlike(run: Run, other: Run) -> str:
    """Tell why two runs of a flow that succeeded did not have the same work; nothing if they had.

    Of what they were given, plain numbers and texts are compared.
    """
    if _tasks_that_ran(run) != _tasks_that_ran(other):
        return "not the same tasks ran"
    pairs = zip(run.plan.constants, other.plan.constants, strict=False)  # a simulated one has none
    plain = [(a, b) for a, b in pairs if type(a) in PLAIN and type(b) in PLAIN]
    if any(a != b and a == a for a, b in plain):  # no NaN is like itself
        return "it was given other inputs"
    return ""


def _compared(
    run: Run, source: Run | None, measured: list[Run], same: bool
) -> tuple[float | None, Judgement]:
    """Return how many times faster a run was than one after the other; if not, why not."""
    if not same or not measured:
        own = judge(run)
        if not own.holds or not run.makespan:
            return None, own
        base = run if source is None or not judge(source).holds else source
        return base.work / run.makespan, own
    base = measured[0]
    if run.state is base.state is State.SUCCEEDED and (unlike := _unlike(run, base)):
        return None, Judgement("unlike", unlike)
    judgement = judge_times([run, base], [run.makespan, base.makespan])
    if not judgement.holds or not run.makespan:
        return None, judgement
    return base.makespan / run.makespan, judgement


def _title(
    run: Run, gain: float | None, judgement: Judgement, longest: float, *, several: bool
) -> str:
    records = list(run.tasks.values())
    if not records:
        return "A flow without tasks"
    if not any(record.started is not None for record in run.on_workers()):
        told = ", ".join(filter(None, (outcome(run), saved_by_cache(run)))) or "all cached"
        return f"No task of {len(records)} ran ({told})"
    seconds = time_text(run.makespan, longest)
    if gain is not None:
        who = f"{run.executor} " if several else ""
        at_once = max(1, run.workers, most_at_once(panel_of(run)))
        where = "with" if at_once > run.workers else "on"
        told = (
            f"{who}{speed(gain)} than one after the other {where} "
            f"{_capacity(run.workers, at_once)} ({percent(gain / at_once)} efficiency)"
        )
    elif run.executor == "sequential":
        told = f"one after the other in {seconds}"
    else:  # what is to be said of a busy machine fills the line; the panel has the workers
        who = one_line(run.executor, 20) if judgement.kind == "busy" else on_workers(run)
        told = f"{who} in {seconds}"
    if judgement.kind in ("incomplete", "going"):
        told = f"{judgement.words}; {told}"
    elif run.executor != "sequential" and judgement.words:
        told = f"{told}; {judgement.words}"
    return told[:1].upper() + told[1:]


def _subtitle(
    names: list[str],
    run: Run | None,
    labels: dict[str, str],
    longest: float,
    judgement: Judgement,
) -> str:
    text = elided(", ".join(names), 60 if run is None else 36)
    note = f"; {judgement.note}" if judgement.note else ""
    if run is None:
        return f"{text}; outlined: the critical path{note}"
    path = [name for name in run.critical_path if run.tasks[name].duration]
    if not path:
        return f"{text}{note}"
    seconds = run.critical_seconds
    shown = [labels[name] for name in path]
    if len(shown) > 6:
        shown = [*shown[:3], f"… {len(shown) - 5} more …", *shown[-2:]]
    way = f"critical path, {time_text(seconds, longest)}: {' → '.join(shown)}"
    return f"{text}; outlined: {way}{note}"
