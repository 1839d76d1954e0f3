"""The way to a cluster: what differs between one kind and another."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ...remote.reporter import hello, machine

__all__ = ["ClockOffsets", "ClusterClient", "Report", "ReportRouter", "SlotRef", "Submission"]


class Submission(NamedTuple):
    """A task as it is handed over.

    Attributes
    ----------
    slot : int
        Which task or item.
    group : str
        What to call it on the cluster's own pages.
    spec : tuple
        A `cluster_task.TaskSpec`.
    before : list
        The futures that it waits for; what is handed over with it is named by a `SlotRef`.
    priority : int
        The smaller, the earlier.
    resources : dict of str to float
        What it needs of a worker.
    """

    slot: int
    group: str
    spec: tuple[Any, ...]
    before: list[Any]
    priority: int
    resources: dict[str, float]


class SlotRef(NamedTuple):
    """Stands for the future of a task that is handed over in the same subgraph."""

    slot: int


class ClusterClient(Protocol):
    """The way to a cluster. A future is the cluster's own, of a `cluster_task.Product`.

    Attributes
    ----------
    workers : int
        How many tasks it can run at once.
    router : ReportRouter
        Where the reports of its workers arrive.
    unstoppable : str
        What a task is called that has begun and goes on after a time-out or a cancellation.
    hears_by_itself : bool
        Whether reports arrive without `poll`.
    largest_subgraph : int
        How many tasks are handed over at once, at most.
    """

    workers: int
    router: ReportRouter
    unstoppable: str
    hears_by_itself: bool
    largest_subgraph: int

    def follow(self) -> None:
        """Give the workers of a cluster of our own what they have in common with the caller."""

    def poll(self, run: str) -> None:
        """Wait for reports, for a moment at most."""

    def forget(self, run: str) -> None:
        """Let go of what is known of a run that has ended."""

    def check(self, resources: Mapping[str, float]) -> None:
        """Raise an `ExecutorError` if no worker has what a task needs."""

    def hand_over(self, submissions: Sequence[Submission]) -> list[Any]:
        """Hand over a subgraph, each task after those that it waits for; return futures."""

    def ship(self, value: Any) -> Any:
        """Put a value on the cluster; return its future."""

    def pick(self, future: Any, number: int) -> Any:
        """Return the future of one item of a list that lies on the cluster."""

    def fetch(self, future: Any, name: str) -> Any:
        """Bring a product here; raise an `ExecutorError` if it is not to be had."""

    def cancel(self, futures: Iterable[Any]) -> None:
        """Withdraw what has not begun, and end what has, where that can be done."""

    def ended(self, run: str, futures: Mapping[int, Any]) -> None:
        """Have what is known of some slots reported, after a while in which nothing was heard.

        Raises
        ------
        ExecutorError
            If the cluster is gone.
        """


class ClockOffsets:
    """Brings the times of other machines to the clock of this one.

    The processes of a machine have one clock. The clock of another is asked a few times, and what
    counts is the answer that took the shortest time, taken half-way between asking and hearing.

    Examples
    --------
    >>> offsets = ClockOffsets()
    >>> offsets.of(machine()), offsets.of("another")
    (0, None)
    >>> offsets.learn("another", [(100, 1_000, 300), (400, 1_260, 420)])
    >>> offsets.of("another")
    850
    """

    def __init__(self) -> None:
        self._ahead = {machine(): 0}

    def of(self, other: str) -> int | None:
        """Return by how many nanoseconds the clock of a machine is ahead of the one here."""
        return self._ahead.get(other)

    def learn(self, other: str, exchanges: Iterable[tuple[int, int, int]]) -> None:
        """Take note of exchanges: when it was asked, what its clock said, when that was heard."""
        asked, said, heard = min(exchanges, key=lambda exchange: exchange[2] - exchange[0])
        self._ahead[other] = said - (asked + heard) // 2


Report = tuple[Any, ...]


class ReportRouter:
    """Hands the reports of a cluster's workers to the runs that they are about.

    It asks the time by `ask`, which has a function called on all machines of the cluster and
    returns what each returned.
    """

    def __init__(self, ask: Callable[[Callable[[], tuple[str, int]]], Iterable[Any]]) -> None:
        self._ask = ask
        self._offsets = ClockOffsets()
        self._runs: dict[str, Callable[[str, list[Report]], object]] = {}
        self._lock = threading.Lock()

    def subscribe(self, run: str, take: Callable[[str, list[Report]], object]) -> None:
        """Have the reports about a run taken, with the machine that they come from."""
        with self._lock:
            self._runs[run] = take

    def unsubscribe(self, run: str) -> None:
        """Have them dropped from now on."""
        with self._lock:
            self._runs.pop(run, None)

    def deliver(self, message: bytes) -> None:
        """Take a message from a worker."""
        self.tell(*pickle.loads(message))

    def tell(self, sender: str, reports: list[Report]) -> None:
        """Take reports that come from a machine."""
        by_run: dict[str, list[Report]] = {}
        for report in reports:
            by_run.setdefault(report[1], []).append(report)
        for run, own in by_run.items():
            with self._lock:
                take = self._runs.get(run)
            if take is not None:
                take(sender, own)

    def ahead(self, sender: str) -> int:
        """Return by how much a machine's clock is ahead; asks it, if that is not known."""
        known = self._offsets.of(sender)
        if known is None:
            exchanges: dict[str, list[tuple[int, int, int]]] = {}
            for _ in range(5):
                asked = time.perf_counter_ns()
                for other, said in self._ask(hello):
                    exchanges.setdefault(other, []).append((asked, said, time.perf_counter_ns()))
            for other, told in exchanges.items():
                self._offsets.learn(other, told)
            known = self._offsets.of(sender)
        return known or 0
