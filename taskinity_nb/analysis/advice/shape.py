"""Advice on how a flow is cut: into too small tasks, for too many workers, around one long task."""

from __future__ import annotations

import math
from statistics import mean, median

from ...formatting import counted, percent, quoted, time_text
from ...model.metrics import longest_path
from ...model.record import TaskRun
from ..prediction.scaling import WORTH_A_WORKER, knee_of
from .evidence import NOTICED, SURE, Advice, Case

__all__ = ["one_task", "small_tasks", "straggler", "too_few_workers", "too_many_workers"]

SMALL = 0.001
"""Seconds a task; handing a longer one out costs less than it takes, on every executor."""

MANY = 50
"""So many small tasks have to be there: the costs of fewer are not worth a change of the code."""

SEEN = 0.05
"""Share of the makespan that handing out has to take; it is measured, not predicted, and repeats of
a run differ by less than that."""

GOOD_SIZE = 0.01
"""Seconds that a task should take: then handing it out is 1 % of it at most, in threads."""

DOMINANT = 2 / 3
"""Share of the critical path: as long as that, a task takes twice as long as all others on it."""

BOUND_BY_PATH = 0.8
"""Share of the makespan from which on the critical path, not the workers, is what it waits for."""

STRAGGLES = 3.0
"""Times the median: an item that takes so much longer is none of the usual spread."""

FEWEST_ITEMS = 4
"""Of fewer items, it cannot be told which of them is the unusual one."""

RARE = 0.1
"""Share of the items: if more of them are long, long items are usual."""

QUARTER_FEWER = 0.75
"""Fewer workers are advised if this share of them is enough; one of many more is no matter."""


def small_tasks(case: Case) -> Advice | None:
    """Tell that handing tasks out costs more than they do.

    What counts is the usual task, the one in the middle, because a few that had to wait for the
    lock or for a core took a thousand times as long; and the average cost of handing one out,
    because tasks that travel together share the most of it.
    """
    run, number = case.run, len(case.records)
    costs = _costs(case)
    if number < MANY or not costs:
        return None
    usual, cost = median(record.duration or 0.0 for record in case.records), mean(costs)
    gain = sum(costs) / case.at_once
    if usual > min(cost, SMALL) or gain < max(NOTICED, SEEN * run.makespan):
        return None
    items = [record for record in case.records if record.item is not None]
    size = math.ceil(GOOD_SIZE / max(usual, 1e-6))
    batch = f"let each task do the work of about {size:,} of them"
    if 2 * len(items) > number:
        remedy = f"{batch}: map over lists of items instead of items"
    else:
        remedy = f"{batch}: make one function of those that follow each other or do the same"
    return Advice(
        "small_tasks",
        f"{counted(number, 'task')} took less time than it takes to hand them out.",
        f"usually {time_text(usual)} a task, on the average {time_text(cost)} to hand it out, "
        f"in a run of {time_text(run.makespan)}",
        remedy,
        gain,
        {"tasks": number, "usual": usual, "cost": cost, "makespan": run.makespan, "batch": size},
    )


def _costs(case: Case) -> list[float]:
    """Return the seconds from when a task could start, its worker being free, to when it did."""
    run = case.run
    tasks, upstream = run.tasks, run.flow.upstream
    ends = {name: record.finished or 0.0 for name, record in tasks.items()}
    could = {name: max((ends[edge.source] for edge in upstream[name]), default=0.0)
             for name in tasks}  # fmt: skip
    free: dict[str | None, float] = {}
    costs = []
    for record in sorted(case.records, key=lambda record: record.started or 0.0):
        if record.worker in free and not record.waited_for:  # else it was held back
            costs.append((record.started or 0.0) - max(free[record.worker], could[record.task]))
        free[record.worker] = record.finished or 0.0
    return costs


def too_few_workers(case: Case) -> Advice | None:
    """Tell that the flow could use more workers, and how many.

    Not where tasks are on the way for longer than they work: this process sends and receives, and
    more workers do not make it any faster.
    """
    run = case.run
    if not case.is_playable or len(case.records) < 2 or run.work < case.metrics.transfer:
        return None
    knee = knee_of(case.load)
    if knee <= run.workers:
        return None
    saved = case.share_saved(knee)
    gain = saved * run.makespan
    if saved < SURE or gain < NOTICED:
        return None
    computes = case.metrics.cpu > run.work / 2
    remedy = f"run it with workers={knee}"
    if run.executor == "sequential":
        word = "processes" if computes else "threads"
        remedy = f'run it with executor="{word}", workers={knee}'
    elif run.executor not in ("threads", "processes"):
        remedy = f"give the executor max_workers={knee}"
    return Advice(
        "too_few_workers",
        f"The flow could use {counted(knee, 'worker')}; it had {run.workers}.",
        f"predicted: {time_text(run.makespan - gain)} instead of {time_text(run.makespan)}; "
        f"from then on a further worker saves less than {percent(WORTH_A_WORKER)}",
        remedy,
        gain,
        {"workers": run.workers, "knee": knee, "makespan": run.makespan,
         "predicted": run.makespan - gain},
    )  # fmt: skip


def too_many_workers(case: Case) -> Advice | None:
    """Tell that fewer workers would do as well; not of a number that nobody has chosen."""
    run = case.run
    chosen = run.workers not in (1, case.cores, min(32, case.cores + 4))
    if not chosen or not case.is_playable or len(case.records) < 2:
        return None
    knee = knee_of(case.load)
    if knee > QUARTER_FEWER * run.workers or case.share_saved(knee) < -WORTH_A_WORKER:
        return None
    return Advice(
        "too_many_workers",
        f"The flow has no use for {run.workers} workers; {knee} would do.",
        f"predicted: {time_text(case.predicted(knee))} on {counted(knee, 'worker')}, "
        f"{time_text(case.usual)} on {run.workers}; at most "
        f"{counted(case.at_once, 'task')} ran at once",
        f"run it with workers={knee}",
        0.0,
        {"workers": run.workers, "knee": knee, "peak": case.at_once,
         "predicted": case.predicted(knee)},
    )  # fmt: skip


def one_task(case: Case) -> Advice | None:
    """Tell that the run waits for one task, which no number of workers makes shorter."""
    run, efforts = case.run, case.run.efforts
    path = [name for name in run.critical_path if efforts[name]]
    if len(case.records) < 2 or run.workers < 2 or not path:
        return None
    name = max(path, key=efforts.__getitem__)
    if run.tasks[name].items is not None:
        return None
    length, longest = case.metrics.critical_path, efforts[name]
    if longest < DOMINANT * length or length < BOUND_BY_PATH * run.makespan:
        return None
    shared, _ = longest_path(
        run.plan, {**efforts, name: longest / run.workers},
        {name: [run.effort_of(item) for item in record.items]
         for name, record in run.tasks.items() if record.items is not None},
    )  # fmt: skip
    gain = run.makespan - max(shared, run.work / run.workers)
    if gain < max(NOTICED, SURE * run.makespan):
        return None
    return Advice(
        "one_task",
        f"The run waits for one task, {quoted([name])}.",
        f"it took {time_text(longest)} of {time_text(run.makespan)}, "
        f"{percent(longest / length)} of the critical path; its work shared by "
        f"{counted(run.workers, 'worker')} would leave {time_text(run.makespan - gain)}",
        "cut it into tasks that do not wait for each other, or map it over the parts of its "
        "input; or make it faster: nothing else shortens this run",
        gain,
        {"task": name, "seconds": longest, "critical_path": length, "makespan": run.makespan},
    )


def straggler(case: Case) -> Advice | None:
    """Tell of the items of a mapped task for which all others wait."""
    run = case.run
    if run.workers < 2 or not case.is_playable:
        return None
    found: list[tuple[float, float, list[TaskRun]]] = []
    for record in run.tasks.values():
        items = [item for item in record.items or () if item.duration is not None]
        if len(items) < FEWEST_ITEMS:
            continue
        usual = median(map(run.effort_of, items))
        long = [item for item in items if run.effort_of(item) > STRAGGLES * usual]
        if long and len(long) <= max(1, RARE * len(items)):
            seconds = list(case.load.seconds)
            for item in long:
                seconds[case.slots[item]] = usual
            saved = case.share_saved(run.workers, case.load._replace(seconds=seconds))
            found.append((saved * run.makespan, usual, long))
    gain, usual, long = max(found, key=lambda one: one[0], default=(0.0, 0.0, []))
    if gain < max(NOTICED, SURE * run.makespan):
        return None
    longest = max(long, key=run.effort_of)
    number = len(run.tasks[longest.task].items or ())
    others = "" if len(long) == 1 else f" and {counted(len(long) - 1, 'other')}"
    return Advice(
        "straggler",
        f"One item, {quoted([longest.name])}, holds up the others."
        if not others
        else f"Some items, {quoted([longest.name])}{others}, hold up the rest.",
        f"it took {time_text(run.effort_of(longest))}, the {counted(number, 'item')} "
        f"{time_text(usual)} in the middle; as long as that, the run would take "
        f"{time_text(run.makespan - gain)}",
        "cut it into smaller items; or put it first, so that it runs beside the others instead "
        "of after them",
        gain,
        {"item": longest.name, "seconds": run.effort_of(longest), "median": usual,
         "stragglers": len(long), "items": number, "makespan": run.makespan},
    )  # fmt: skip
