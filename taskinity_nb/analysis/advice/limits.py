"""Advice on how much there is of what tasks ask for: too little of it, more than helps, memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

from ...engine.scheduling.limits.demands import MEMORY
from ...formatting import counted, percent, size_of, size_text, time_text
from ...model.limits.capacities import Rate
from ..prediction.scaling import WORTH_A_WORKER
from ..prediction.simulate import play
from ..prediction.workload import Workload
from .evidence import NOTICED, SURE, Advice, Case

__all__ = ["too_little", "too_many_for_memory", "too_much"]

MORE = (1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
"""How many times as much is tried."""

LESS = (0.75, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05)
"""Which share is tried; a little less of it would be no matter."""

QUARTER_FEWER = 0.75
"""As of workers in general: those beyond memory are worth a word if there are so many of them."""


@dataclass(frozen=True)
class _Limit:
    """How much there was of a resource, for a run some of whose tasks have waited for it."""

    case: Case
    name: str
    amount: float | Rate
    waited: int

    def scaled(self, by: float) -> float | Rate:
        """Return another amount; a whole number stays one."""
        old = self.amount.amount if isinstance(self.amount, Rate) else self.amount
        new = old * by
        if old == int(old):
            new = float(ceil(new) if by > 1 else floor(new))
        return self.amount._replace(amount=new) if isinstance(self.amount, Rate) else new

    def load(self, amount: float | Rate | None) -> Workload | None:
        """Return the workload with another amount, or with no limit; None if a task wants more."""
        limits = self.case.load.limits
        assert limits is not None  # since somebody has waited
        capacities, demands = dict(limits.capacities), limits.demands
        if amount is None:
            del capacities[self.name]
            demands = {
                slot: tuple(pair for pair in demand if pair[0] != self.name)
                for slot, demand in demands.items()
            }
        else:
            capacities[self.name] = amount
            most = amount.amount if isinstance(amount, Rate) else amount
            wanted = [much for demand in demands.values() for name, much in demand
                      if name == self.name]  # fmt: skip
            if most <= 0 or max(wanted, default=0.0) > most:
                return None
        return self.case.load._replace(
            limits=limits._replace(capacities=capacities, demands=demands)
        )

    def written(self, amount: float | Rate) -> str:
        """Write so much of it, as in ``resources=``.

        Examples
        --------
        >>> _Limit(None, "memory", 4e9, 1).written(6e9), _Limit(None, "api", 3.0, 1).written(6.0)
        ('"6 GB"', '6')
        """
        if isinstance(amount, Rate):
            return f'"{amount}"'
        return f'"{size_text(round(amount))}"' if self.name == MEMORY else f"{amount:.12g}"

    def told(self, amount: float | Rate) -> str:
        """Write the same in a sentence: ``api=3``."""
        return f"{self.name}={self.written(amount).strip(chr(34))}"


def _limits(case: Case) -> Iterator[_Limit]:
    """Yield what tasks have waited for, that a prediction knows of."""
    if not case.is_playable or case.load.limits is None:
        return
    asked = {name for demand in case.load.limits.demands.values() for name, _ in demand}
    for name, amount in case.run.resources.items():
        waited = sum(name in record.waited_for.split(", ") for record in case.records)
        if waited and name in asked:
            yield _Limit(case, name, amount, waited)


def too_little(case: Case) -> Advice | None:
    """Tell that more of a resource would make the run shorter, and how much more."""
    found = [advice for limit in _limits(case) if (advice := _too_little(case, limit))]
    return max(found, key=lambda advice: advice.gain, default=None)


def _too_little(case: Case, limit: _Limit) -> Advice | None:
    run = case.run
    without = limit.load(None)
    if case.share_saved(run.workers, without) < SURE:
        return None
    most = (1 + WORTH_A_WORKER) * case.predicted(run.workers, without)
    for by in MORE:
        amount = limit.scaled(by)
        load = limit.load(amount)
        if case.predicted(run.workers, load) <= most:
            break
    gain = case.share_saved(run.workers, load) * run.makespan
    if gain < max(NOTICED, SURE * run.makespan):
        return None
    return Advice(
        "too_little",
        f"{limit.told(limit.amount)} held {counted(limit.waited, 'task')} back.",
        f"predicted with {limit.told(amount)}: {time_text(run.makespan - gain)} instead of "
        f"{time_text(run.makespan)}; more of it than that saves less than "
        f"{percent(WORTH_A_WORKER)}",
        f'run it with resources={{"{limit.name}": {limit.written(amount)}}}, if what stands behind '
        f"it can bear that",
        gain,
        {"resource": limit.name, "amount": str(limit.amount), "enough": str(amount),
         "waited": limit.waited, "makespan": run.makespan, "predicted": run.makespan - gain},
    )  # fmt: skip


def too_much(case: Case) -> Advice | None:
    """Tell that less of a resource does as well, although tasks have waited for it.

    Of memory that is told by the number of workers (see `too_many_for_memory`).
    """
    for limit in _limits(case):
        if limit.name != MEMORY and (advice := _too_much(case, limit)):
            return advice
    return None


def _too_much(case: Case, limit: _Limit) -> Advice | None:
    run, enough, taken = case.run, None, 0.0
    for by in LESS:
        amount = limit.scaled(by)
        load = limit.load(amount)
        if (
            load is None
            or (predicted := case.predicted(run.workers, load)) > (1 + WORTH_A_WORKER) * case.usual
        ):
            break
        enough, taken = amount, predicted
    if enough is None:
        return None
    return Advice(
        "too_much",
        f"{limit.told(enough)} would do; more of it saves nothing.",
        f"predicted: {time_text(taken)} with {limit.told(enough)}, {time_text(case.usual)} with "
        f"{limit.told(limit.amount)}, although {counted(limit.waited, 'task')} waited for it",
        f'run it with resources={{"{limit.name}": {limit.written(enough)}}}, and leave the rest '
        f"to others",
        0.0,
        {"resource": limit.name, "amount": str(limit.amount), "enough": str(enough),
         "waited": limit.waited, "predicted": taken, "usual": case.usual},
    )  # fmt: skip


def too_many_for_memory(case: Case) -> Advice | None:
    """Tell how many workers fit into the memory that the run may take, where it had more of them.

    Only if so many are as fast: where small tasks go on beside the large ones, the others are of
    use.
    """
    run, there_is = case.run, case.run.resources.get(MEMORY)
    if not isinstance(there_is, float) or not case.is_playable or len(case.records) < 2:
        return None
    load = case.load._replace(limits=None)
    if case.load.limits is not None:
        free = _Limit(case, MEMORY, there_is, 0).load(None)
        load = load if free is None else free
    fit, peak = 0, 0
    for workers in range(1, run.workers + 1):
        more = play(load, workers).peak_memory
        if more is None or more > there_is:
            break
        fit, peak = workers, more
    if not 0 < fit <= QUARTER_FEWER * run.workers or more is None:
        return None
    if case.share_saved(fit) < -WORTH_A_WORKER:
        return None
    verb = "fits" if fit == 1 else "fit"
    return Advice(
        "too_many_for_memory",
        f"{counted(fit, 'worker')} {verb} into memory, {fit + 1} do not; it had {run.workers}.",
        f"predicted: tasks that run at once take {size_of(peak, there_is)} on "
        f"{counted(fit, 'worker')}, and would take {size_text(more)} on {fit + 1}",
        f"run it with workers={fit}, which takes as long; or let each task take less, by smaller "
        f"parts",
        0.0,
        {"workers": run.workers, "fit": fit, "peak": peak, "beyond": more, "memory": there_is},
    )
