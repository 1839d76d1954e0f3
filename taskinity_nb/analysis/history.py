"""The last runs of each flow: what they took, and what became slower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

from ..display import Shown, renderer
from ..dsl.read import parse_dsl
from ..engine.scheduling.history import PastRun, past_runs, recall
from ..errors import FlowError
from ..formatting import counted
from ..model.events import State
from ..model.flow import Flow
from .judgement import BUSY, DOUBT, LEAST, NOTICED, SHORT, Judgement

__all__ = ["History", "PastRun", "Slower", "differing", "history", "judge_past"]

NOTICEABLE = 0.001
"""Seconds by which a task has to be slower: below, what is measured is the machine."""


class Slower(NamedTuple):
    """A task that took longer than in the run before, in seconds."""

    task: str
    before: float
    after: float

    @property
    def ratio(self) -> float:
        """How many times as long it took."""
        return self.after / self.before if self.before else float("inf")


@dataclass(frozen=True, eq=False, repr=False)
class History(Shown, Sequence[PastRun]):
    """Runs that have ended, the newest first. Shows itself as a table.

    Attributes
    ----------
    rows : tuple of PastRun
        The runs.
    """

    rows: tuple[PastRun, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> PastRun: ...
    @overload
    def __getitem__(self, place: slice) -> History: ...
    def __getitem__(self, place: int | slice) -> PastRun | History:
        found = self.rows[place]
        return History(found) if isinstance(found, tuple) else found

    def before(self, run: PastRun) -> PastRun | None:
        """Return the last run before one that was like it: what it can be compared with.

        That is the same flow on the same executor, on as many workers, with the same inputs.
        """
        older = (one for one in self.rows if one.place < run.place)
        return next((one for one in older if one.is_like(run)), None)

    def last_two(self) -> tuple[PastRun, PastRun]:
        """Return the newest run, after the last one before it that was like it.

        If there is none, the one of the same flow before it.

        Raises
        ------
        FlowError
            If there are no two of one flow.
        """
        if not self.rows:
            raise FlowError("no run is remembered", remedy="run a flow twice to compare its runs")
        last = self.rows[0]
        of_flow = next((row for row in self.rows[1:] if row.flow == last.flow), None)
        before = self.before(last) or of_flow
        if before is None:
            raise FlowError(
                f"only one run of flow '{last.name}' is remembered",
                remedy="run it again to compare its runs",
            )
        return before, last

    def slower(self, by: float = 1.2) -> list[Slower]:
        """Return the tasks that took longer than in the last run before that was like the newest.

        Parameters
        ----------
        by : float
            At least so many times as long; less than a millisecond never counts.

        Returns
        -------
        list of Slower
            Tasks that succeeded in both, those that lost most seconds first.

        Raises
        ------
        FlowError
            If there are no two runs of one flow that were alike (see `before`).
        """
        pair = self.last_two()
        if not pair[0].is_like(pair[1]):
            name, how = pair[1].name, differing(*pair)
            raise FlowError(
                f"no earlier run of flow '{name}' was like the last one: {how}",
                remedy="run it again in the same way to compare its runs",
            )
        before, last = (run.seconds for run in pair)
        found = [
            Slower(task, before[task], seconds)
            for task, seconds in last.items()
            if task in before
            and seconds >= by * before[task]
            and seconds - before[task] >= NOTICEABLE
        ]
        return sorted(found, key=lambda one: one.before - one.after)

    def plot(self, ax: Any = None) -> Any:
        """Draw the last two runs over each other.

        A Gantt chart of both; if one of the runs is gone, because nothing holds it, bars of how
        long its tasks took.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default on a new figure, which pyplot does not know.

        Returns
        -------
        matplotlib.axes.Axes
            Shows itself in a notebook, if it is new.

        Raises
        ------
        FlowError
            If there are no two runs of one flow.
        """
        return renderer().plot(self, ax)


def differing(before: PastRun, last: PastRun) -> str:
    """Write in what two runs of a flow differ that are not alike."""

    def who(run: PastRun) -> str:
        if run.executor == "sequential":
            return run.executor
        return f"{run.executor} on {counted(run.workers, 'worker')}"

    if who(before) != who(last):
        return f"it ran {who(last)}, before {who(before)}"
    return "it was given other inputs"


def judge_past(before: PastRun, last: PastRun) -> Judgement:
    """Tell whether two runs may be compared."""
    if not before.is_like(last):
        return Judgement("unlike", differing(before, last))
    for run, which in ((last, "the last run"), (before, "the run before")):
        if run.state is not State.SUCCEEDED:
            return Judgement("incomplete", f"{which} {run.state.words}")
    if before.seconds.keys() != last.seconds.keys():
        return Judgement("unlike", "not the same tasks ran")
    if max(before.makespan, last.makespan) < LEAST:
        return Judgement("short", SHORT)
    # Alike as they are, they have waited alike for their own tasks, and not for other programs.
    waits = abs(before.waited - last.waited)
    if waits >= max(NOTICED, DOUBT * max(before.task_seconds, last.task_seconds)):
        return Judgement("busy", BUSY)
    return Judgement()


def history(flow: Flow | str | None = None) -> History:
    """Return the last runs, the newest first: those in this process, and earlier ones with a cache.

    Up to 100 runs of a flow are remembered, by its name and structure, so that an edited text
    begins anew. Their results are not. Runs with ``cache=`` are written down there, and remembered
    after a restart: those in ``.taskinity/cache``, and in any folder that this process has used.

    Parameters
    ----------
    flow : Flow or str, optional
        Of which flow; a text is the name of one that ran, or is parsed. By default of all.

    Returns
    -------
    History

    Examples
    --------
    >>> from taskinity_nb import run
    >>> for _ in range(2):
    ...     finished = run("load", namespace={"load": list}, executor="sequential")
    >>> [past.executor for past in history("load")]
    ['sequential', 'sequential']
    """
    recall(flow if isinstance(flow, Flow) else None)
    known = past_runs()
    if isinstance(flow, str):
        named = [one for one in known if one.name == flow]
        chosen = named or [parse_dsl(flow)]
    elif flow is None or isinstance(flow, Flow):
        chosen = list(known) if flow is None else [flow]
    else:
        raise TypeError(f"history takes a flow or its name, not {type(flow).__name__}")
    runs = [run for one in chosen for run in known.get(one, ())]
    return History(tuple(sorted(runs, key=lambda run: run.place, reverse=True)))
