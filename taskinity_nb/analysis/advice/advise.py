"""Advice on a run: what holds it back, the figures that show it, and what to change."""

from __future__ import annotations

from ...model.events import State
from ...model.run import Run
from .evidence import Advice, AdviceList, Case
from .kept import kept_results
from .limits import too_little, too_many_for_memory, too_much
from .machine import busy_machine, oversubscribed
from .placement import costly_transfer, held_by_lock, waits_in_processes
from .shape import one_task, small_tasks, straggler, too_few_workers, too_many_workers

__all__ = ["Advice", "advise"]

SHORTEST = 0.1
"""Seconds; a run that takes less is over before anybody has begun to wait for it."""


def advise(run: Run) -> list[Advice]:
    """Return what would make a run better, what saves most time first.

    Nothing is said that the record of the run does not show, and nothing that is not worth a
    change; of most runs there is nothing to say. The kinds of advice:

    ``small_tasks``
        Handing tasks out costs more than they do: batch or fuse them.
    ``held_by_lock``
        Tasks that compute take turns in threads: use processes.
    ``waits_in_processes``
        Tasks that wait run in processes: threads are cheaper.
    ``too_few_workers``, ``too_many_workers``
        The flow could use more, or does not need as many; up to how many each further one makes it
        5 % faster.
    ``too_little``, ``too_much``
        More of a resource would make the run shorter, or less of it does as well.
    ``too_many_for_memory``
        Fewer workers fit into the memory that the run may take, and they are as fast.
    ``kept_results``
        Large results are held until the end, although no task takes them any more.
    ``one_task``
        One task takes most of the critical path.
    ``costly_transfer``
        Values take longer on the way to processes and back than to be worked with.
    ``straggler``
        An item of a mapped task takes much longer than the others, which wait for it.
    ``oversubscribed``
        Tasks in processes start threads of their own, more in all than there are cores.
    ``busy_machine``
        Something else had the cores, so the times say little.

    Parameters
    ----------
    run : Run
        A run. One that goes on, was cancelled or failed has not shown what it takes.

    Returns
    -------
    list of Advice
        Empty where there is nothing worth saying.

    Raises
    ------
    TypeError
        If it is no run.

    Examples
    --------
    >>> from taskinity_nb.engine.run import run
    >>> advise(run("one -> two", namespace={"one": lambda: 1, "two": abs}))
    []
    """
    if not isinstance(run, Run):
        raise TypeError(f"advise takes a run, not {type(run).__name__}: advise(run)")
    if run.state is not State.SUCCEEDED or run.makespan < SHORTEST:
        return AdviceList()
    case = Case(run)
    checks = [oversubscribed, busy_machine, waits_in_processes, kept_results]
    if case.is_quiet:  # else how long tasks take, and what others would save, is not known
        checks += [one_task, straggler]
    found = [advice for check in checks if (advice := check(case)) is not None]
    # What these find, more or fewer workers do not mend.
    cause = small_tasks(case) or held_by_lock(case) or costly_transfer(case)
    found += [cause] if cause else []
    if cause is None and case.is_quiet:
        limits = too_many_for_memory(case) or too_little(case)
        workers = limits or too_few_workers(case) or too_many_workers(case)
        found += [advice for advice in (workers, too_much(case)) if advice]
    return AdviceList(sorted(found, key=lambda advice: -advice.gain))
