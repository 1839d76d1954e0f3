"""Running one flow in several ways, in turns, so that a machine that drifts favours none."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter_ns
from typing import TYPE_CHECKING, NamedTuple

from ...errors import FlowError
from ...formatting import counted, not_whole
from ...model.annotations.misfits import said_once
from ...model.run import Run

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["Setup", "Turn", "in_turns", "setups_of"]


class Setup(NamedTuple):
    """One way to run a flow: its label, and two options of `run`."""

    label: str
    executor: str | Executor
    workers: int | None


class Turn(NamedTuple):
    """One run that was measured: in which round, of which setup, how many seconds, and itself."""

    round: int
    place: int
    seconds: float
    run: Run


def setups_of(
    executors: Iterable[str | Executor] | str | Executor, workers: int | Iterable[int] | None
) -> list[Setup]:
    """Return each executor with each number of workers that it can have.

    Raises
    ------
    FlowError
        If there is none, or a number of workers is none.

    Examples
    --------
    >>> [setup.label for setup in setups_of(["sequential", "threads"], [1, 2])]
    ['sequential', 'threads, 1 worker', 'threads, 2 workers']
    """
    if isinstance(executors, str) or not isinstance(executors, Iterable):
        executors = [executors]
    counts: list[int | None] = [None]
    if workers is not None:
        given = list(workers) if isinstance(workers, Iterable) else [workers]
        for number in given:
            if wrong := not_whole("workers", number):
                raise FlowError(wrong)
        counts = [operator.index(number) for number in given]
    setups: list[Setup] = []
    for executor in executors:
        name = executor if isinstance(executor, str) else type(executor).__name__
        most = getattr(executor, "_max_workers", None)
        usable = [None] if executor == "sequential" else counts
        if isinstance(most, int):
            usable = [count and min(count, most) for count in usable]
        for count in dict.fromkeys(usable):
            told_count = "" if count is None else f", {counted(count, 'worker')}"
            setups.append(Setup(_unused(f"{name}{told_count}", setups), executor, count))
    if not setups:
        raise FlowError("there is nothing to compare", remedy='executors=["sequential", "threads"]')
    return setups


def _unused(label: str, setups: Iterable[Setup]) -> str:
    """Return a label that no setup has: two pools of one class are told apart by a number."""
    used = {setup.label for setup in setups}
    again = (f"{label} ({number})" for number in itertools.count(2))
    return next(name for name in itertools.chain([label], again) if name not in used)


def in_turns(
    setups: Sequence[Setup],
    rounds: int,
    run_once: Callable[[Setup], Run],
    after: Callable[[Turn], object],
    before: Callable[[int, int], object] = lambda number, place: None,
) -> None:
    """Run every setup once in each round, by `run_once`, which alone is measured.

    `before` is called with the round and the place of the setup before each run, and `after` with
    each `Turn`; a run that it does not keep is gone before the next one.
    """
    with said_once():
        for number, (place, setup) in itertools.product(range(rounds), enumerate(setups)):
            before(number, place)
            begun = perf_counter_ns()
            run = run_once(setup)
            seconds = (perf_counter_ns() - begun) * 1e-9
            after(Turn(number, place, seconds, run))
            del run
