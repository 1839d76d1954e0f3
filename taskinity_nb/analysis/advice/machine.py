"""Advice on the machine: too many threads for its cores, or too much else that it does."""

from __future__ import annotations

from ...formatting import counted, time_text
from ...model.metrics import threads_of
from ..judgement import judge, waits_of
from .evidence import NOTICED, SURE, Advice, Case

__all__ = ["busy_machine", "oversubscribed"]

HELPED = 0.3
"""Share of its own processor time that helpers of a task have to add: a library that computes
beside it adds about as much again for each thread, other threads only a trifle."""

CROWDED = 1.25
"""Computing threads a core; a few more than there are cores hardly wait for each other."""


def oversubscribed(case: Case) -> Advice | None:
    """Tell that tasks start threads of their own, more in all than there are cores.

    Only of worker processes of our own it is known what else computes in them (see
    `TaskRun.helpers`); in threads, the clock of the process does not tell for which task a thread
    of a library works.
    """
    tasks = [record for record in case.where("processes") if record.helpers is not None]
    helped = [record for record in tasks if threads_of(record) >= 1 + HELPED]
    extra = sum(record.helpers.cpu for record in helped if record.helpers is not None)
    if extra < NOTICED:
        return None
    each = max(map(threads_of, helped))
    at_once = min(case.at_once, len(helped))
    threads = each * at_once
    if at_once < 2 or threads < CROWDED * case.cores:
        return None
    waited = sum(record.waited or 0.0 for record in helped)
    gain = waited / at_once * max(0.0, 1 - case.cores / threads)
    libraries = sorted({name for record in helped if record.helpers is not None
                        for name in record.helpers.libraries})  # fmt: skip
    whose = f" ({', '.join(libraries)})" if libraries else ""
    return Advice(
        "oversubscribed",
        f"{counted(len(helped), 'task')} started threads of their own{whose}, more in all than "
        f"there are cores.",
        f"{at_once} tasks at once computed with {each:.1f} threads each on "
        f"{counted(case.cores, 'core')}; threads beside their own took {time_text(extra)} of "
        f"processor time, and they waited {time_text(waited)} for a core",
        "let each task have one thread: with threadpoolctl.threadpool_limits(1) around its work, "
        "or OMP_NUM_THREADS=1 in the environment before Python starts; or run it with fewer "
        "workers",
        gain,
        {"tasks": len(helped), "threads": each, "at_once": at_once, "cores": case.cores,
         "cpu_of_helpers": extra, "waited": waited, "libraries": ", ".join(libraries)},
    )  # fmt: skip


def busy_machine(case: Case) -> Advice | None:
    """Tell that tasks waited for cores which something else had, so that times say little.

    The system counts what a thread waits for a core; waiting for the interpreter's lock is not
    among it. What the tasks would wait because of each other, being more than there are cores, is
    taken off. Where so little is in doubt that a ratio is said of the run, this is not said too.
    """
    judgement = judge(case.run)
    if judgement.holds or judgement.kind == "lock":
        return None
    tasks, needed, waited, unexplained, *_ = waits_of(case.run, case.records, case.cores)
    if unexplained < max(NOTICED, SURE * needed):
        return None
    return Advice(
        "busy_machine",
        "The machine was busy with something else, so the times of this run say little.",
        f"tasks that needed {time_text(needed - waited)} of a core waited "
        f"{time_text(unexplained)} for one that no task of this run had",
        "end what else computes, or measure when it has ended; do not compare this run with "
        "others",
        unexplained / case.at_once,
        {"tasks": tasks, "waited": waited, "unexplained": unexplained,
         "cpu": needed - waited, "cores": case.cores},
    )  # fmt: skip
