"""Runs a flow on several executors and numbers of workers, and tells which of them pays."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ...display import Shown, renderer
from ...dsl.read import parse_dsl
from ...engine.rerun.given import collected_overrides
from ...engine.rerun.inputs import repeatable_inputs
from ...engine.run import run
from ...engine.runtime.cores import available_cores
from ...errors import FlowError, suggestion
from ...model.extents.extent import names_in
from ...model.flow import Flow
from ...model.limits.capacities import Rate
from ...model.run import Run
from ..judgement import Judgement, judge_times
from .measurement import Measurement, check_counts, clock_step
from .turns import Setup, Turn, in_turns, setups_of

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["Case", "Comparison", "compare"]


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Case(Measurement):
    """One way in which a flow was run: a `Measurement` of the whole of `run`, and what ran it.

    Attributes
    ----------
    executor : str
        Its name.
    workers : int
        How many tasks could run at once.
    first : float
        Seconds of the first run, which starts pools, imports and fills caches; it is not among
        `seconds`.
    run : Run
        The run whose makespan is the median of the repeats; its results were released.
    """

    executor: str
    workers: int
    first: float
    run: Run


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Shown):
    """How long one flow takes in several ways. Shows itself as a table.

    Attributes
    ----------
    flow : Flow
        What was run.
    cases : tuple of Case
        The ways, in the order of the executors and of the numbers of workers.
    baseline : str or None
        Label of the case that speed-ups are counted from: the sequential one; without one, the
        first on one worker.
    python : str
        Version of Python that it was measured with.
    cores : int
        Cores that the measuring process could use.
    """

    flow: Flow
    cases: tuple[Case, ...]
    baseline: str | None
    python: str
    cores: int

    @property
    def best(self) -> Case:
        """The case of the smallest median."""
        return min(self.cases, key=lambda case: case.median)

    @property
    def speedup(self) -> float | None:
        """How many times faster the best case is than the baseline, median by median."""
        return self.best.speedup

    @property
    def judgement(self) -> Judgement:
        """Whether something can be said of how much faster one case is than another."""
        return judge_times([case.run for case in self.cases], [case.median for case in self.cases])

    def case(self, label: str) -> Case:
        """Return the case of a label.

        Raises
        ------
        FlowError
            If there is none.
        """
        for case in self.cases:
            if case.label == label:
                return case
        labels = [case.label for case in self.cases]
        hint = suggestion(label, labels) if isinstance(label, str) else ""
        remedy = hint or f"the cases are: {'; '.join(labels)}"
        raise FlowError(f"no case of this comparison is called {label!r}", remedy=remedy)

    def plot(self, ax: Any = None) -> Any:
        """Draw speed-up over workers: `plot_speedup` of this comparison."""
        return renderer().plot(self, ax)


def compare(
    flow: Flow | str,
    inputs: Any = None,
    *,
    executors: Iterable[str | Executor] | str | Executor = ("sequential", "threads", "processes"),
    workers: int | Iterable[int] | None = None,
    repeats: int = 3,
    namespace: Mapping[str, Any] | ModuleType | None = None,
    targets: str | Iterable[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    resources: Mapping[str, float | str | Rate] | None = None,
) -> Comparison:
    """Run a flow on each executor with each number of workers, in turns, and compare the times.

    Each round runs every case once, so that a machine that becomes slower or faster favours none.
    The first round is told apart: it starts pools, imports and fills caches. What is measured is
    the whole of `run`, from the flow to its results, which are then released.

    Parameters
    ----------
    flow : Flow or str
        What to run; a text is parsed once, unmeasured.
    inputs : object, optional
        As in `run`.
    executors : iterable of str or concurrent.futures.Executor
        As in `run`; an executor is labelled with the name of its class, and not shut down.
    workers : int or iterable of int, optional
        How many tasks may run at once; by default what `run` chooses. ``"sequential"`` has one, and
        an executor no more than its own.
    repeats : int
        How often each case is measured after the first round.
    namespace : mapping of str to callable, or module, optional
        As in `run`.
    targets : str or iterable of str, optional
        As in `run`: which tasks are wanted.
    overrides : mapping of str to object, optional
        As in `run`: results that are given.
    resources : mapping of str to float or str, optional
        As in `run`: how much there is of what tasks ask for.

    Returns
    -------
    Comparison

    Raises
    ------
    FlowError
        What `run` raises; or if there is nothing to compare, or `workers` or `repeats` are no whole
        numbers from 1 on.

    Examples
    --------
    >>> functions = {"load": lambda: [3, 4], "total": sum}
    >>> comparison = compare("load -> total", executors=["sequential", "threads"], workers=[1, 2],
    ...                      namespace=functions)
    >>> [case.label for case in comparison.cases], comparison.baseline
    (['sequential', 'threads, 1 worker', 'threads, 2 workers'], 'sequential')
    >>> [len(case.seconds) for case in comparison.cases], comparison.case("sequential").speedup
    ([3, 3, 3], 1.0)
    """
    check_counts(repeats, 0)
    setups = setups_of(executors, workers)
    parsed = parse_dsl(flow) if isinstance(flow, str) else flow
    inputs = repeatable_inputs(inputs)
    given = collected_overrides(overrides)
    names = None if targets is None else names_in(targets, "targets")
    tallies = [_Tally(repeats) for _ in setups]

    def run_once(setup: Setup) -> Run:
        return run(
            parsed, inputs, executor=setup.executor, workers=setup.workers, namespace=namespace,
            targets=names, overrides=given, resources=resources,
        )  # fmt: skip

    def write_down(turn: Turn) -> None:
        tallies[turn.place].add(turn)

    labels = [setup.label for setup in setups]
    with renderer().progress(parsed.name, labels, repeats) as progress:
        in_turns(setups, 1 + repeats, run_once, write_down, progress.before)
    cases = [tally.case(setup.label) for tally, setup in zip(tallies, setups, strict=True)]
    base = _baseline(cases)
    label, median = (None, None) if base is None else (base.label, base.median)
    return Comparison(
        parsed,
        tuple(replace(case, baseline=median) for case in cases),
        label,
        platform.python_version(),
        available_cores(),
    )


def _baseline(cases: list[Case]) -> Case | None:
    sequential = [case for case in cases if case.executor == "sequential"]
    return next(iter(sequential + [case for case in cases if case.workers == 1]), None)


class _Tally:
    """What is known of one case while it is measured."""

    def __init__(self, repeats: int) -> None:
        self._repeats = repeats
        self._first = 0.0
        self._seconds: list[float] = []
        self._makespans: list[float] = []
        self._runs: list[Run] = []

    def add(self, turn: Turn) -> None:
        """Write a run down; let go of its results, and of the runs that are not to be kept."""
        turn.run.release()
        if not turn.round:
            self._first = turn.seconds
            return
        self._seconds.append(turn.seconds)
        self._runs = sorted([*self._runs, turn.run], key=lambda run: run.makespan)
        self._makespans = sorted([*self._makespans, turn.run.makespan])
        # Each run to come moves the median by one place at most.
        middle, left = (self._repeats - 1) // 2, self._repeats - len(self._seconds)
        possible = self._makespans[max(0, middle - left) : middle + 1]
        self._runs = [run for run in self._runs if possible[0] <= run.makespan <= possible[-1]]

    def case(self, label: str) -> Case:
        """Return what is known in the end."""
        kept = self._runs[0]
        return Case(
            label, tuple(self._seconds), clock=clock_step(), executor=kept.executor,
            workers=kept.workers, first=self._first, run=kept,
        )  # fmt: skip
