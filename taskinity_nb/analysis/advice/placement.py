"""Advice on where tasks run: in threads that share a lock, or in processes that share nothing."""

from __future__ import annotations

from ...formatting import counted, quoted, time_text
from ...model.record import TaskRun
from .evidence import NOTICED, SURE, Advice, Case

__all__ = ["costly_transfer", "held_by_lock", "waits_in_processes"]

LONG_ENOUGH = 0.005
"""Seconds a task; those that take less are not helped by processes, on the way to which small
values alone spend up to a millisecond."""

IDLE_SHARE = 0.1
"""Tasks that compute for no more of their time than this wait: ten of them would fit on one core,
and on one lock."""

LARGE_VALUES = 0.005
"""Seconds on the way, a task; small values need less than a millisecond, and on a busy machine a
few."""


def held_by_lock(case: Case) -> Advice | None:
    """Tell that tasks compute in threads, of which the interpreter lets one compute at a time.

    The evidence is processor time: where tasks overlapped and yet computed for no longer than one
    core can, they took turns. Threads whose libraries let go of the lock compute for longer.
    """
    run, tasks = case.run, case.where("threads")
    if run.cores > 1 or case.cores_for_tasks > 1 or case.cores < 2 or case.at_once < 2:
        return None
    held = [record for record in tasks if run.effort_of(record) < (record.duration or 0.0)]
    computed = sum(record.cpu or 0.0 for record in tasks)
    if not held or computed / len(tasks) < LONG_ENOUGH or not case.is_playable:
        return None
    saved = case.share_saved(run.workers, case.load._replace(cores=float(case.cores)))
    gain = saved * run.makespan
    if saved < SURE or gain < NOTICED:
        return None
    turns = sum(
        max(0.0, (record.duration or 0.0) - run.effort_of(record) - (record.waited or 0.0))
        for record in held
    )
    if turns < NOTICED:  # what they waited for was a core
        return None
    predicted = (
        f"; in processes on {counted(case.cores, 'core')} it would take at least "
        f"{time_text(run.makespan - gain)}"
    )
    return Advice(
        "held_by_lock",
        f"{counted(len(held), 'task')} that compute took turns, because threads of one Python "
        f"share a lock.",
        f"{time_text(computed)} of processor time in a run of {time_text(run.makespan)}, and "
        f"{time_text(turns)} of waiting for a turn{predicted if case.is_quiet else ''}",
        'run it with executor="processes", or give the tasks that compute '
        '@task(executor="processes")',
        gain,
        {"tasks": len(held), "cpu": computed, "waiting": turns, "makespan": run.makespan,
         "predicted": run.makespan - gain, "cores": case.cores},
    )  # fmt: skip


def waits_in_processes(case: Case) -> Advice | None:
    """Tell that tasks which wait, for a disk or a network, run in processes.

    What they waited for a core is left out where the system tells it, so that a busy machine does
    not make tasks that compute look as if they were waiting.
    """
    tasks = case.where("processes")
    took = sum((record.duration or 0.0) - (record.waited or 0.0) for record in tasks)
    computed = sum(record.cpu or 0.0 for record in tasks)
    computed += sum(record.helpers.cpu for record in tasks if record.helpers is not None)
    if took < NOTICED or computed > IDLE_SHARE * took:
        return None
    on_the_way = sum(map(sum, (case.ways[record] for record in tasks)))
    return Advice(
        "waits_in_processes",
        "The tasks wait more than they compute, which threads do as well and cheaper than "
        "processes.",
        f"{counted(len(tasks), 'task')} took {time_text(took)}, of which they computed for "
        f"{time_text(computed)}; their values were on the way for {time_text(on_the_way)}",
        'run it with executor="threads", which may be more than there are cores; or keep the '
        "processes if a task has to be stopped in the middle",
        on_the_way / case.at_once,
        {"tasks": len(tasks), "seconds": took, "cpu": computed, "transfer": on_the_way},
    )


def costly_transfer(case: Case) -> Advice | None:
    """Tell that values take longer on the way to and from processes than to be worked with.

    The way to the first task of each worker is left out: there it imports what it needs, too.
    """
    tasks = case.where("processes")
    first: dict[str | None, TaskRun] = {}
    for record in sorted(tasks, key=lambda record: record.started or 0.0):
        first.setdefault(record.worker, record)
    by_task: dict[str, list[TaskRun]] = {}
    for record in tasks:
        by_task.setdefault(record.task, []).append(record)
    costly: dict[str, tuple[float, float]] = {}
    for name, records in by_task.items():
        ways = [case.ways[record] for record in records]
        way = sum(
            after + (0.0 if first[record.worker] is record else before)
            for record, (before, after) in zip(records, ways, strict=True)
        )
        effort = sum(map(case.run.effort_of, records))
        if way > effort and way / len(records) >= LARGE_VALUES:
            costly[name] = (way, effort)
    way, effort = (sum(pair[place] for pair in costly.values()) for place in (0, 1))
    gain = way / case.at_once
    if gain < max(NOTICED, SURE * case.run.makespan):
        return None
    names = sorted(costly, key=lambda name: -costly[name][0])
    return Advice(
        "costly_transfer",
        f"Sending values to {quoted(names)} and back took longer than working with them.",
        f"{time_text(way)} on the way, {time_text(effort)} at work, in a run of "
        f"{time_text(case.run.makespan)}",
        "let tasks hand on less, such as the path of a file; or arrays and bytes, whose buffers "
        "are not copied; or make one task of those that share large values; or run them with "
        'executor="threads"',
        gain,
        {"tasks": ", ".join(names), "transfer": way, "compute": effort,
         "makespan": case.run.makespan},
    )  # fmt: skip
