"""Ray: a cluster that runs already, or one on this machine."""

from __future__ import annotations

import logging
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from ...errors import ExecutorError, WorkerLost, described, listed
from .bundle import bundle
from .mail import machine
from .port import Job, Letters, Slot
from .remote import GIVEN_UP

__all__ = ["RayPort", "port_to"]

ASKED_AGAIN = 2
"""How often Ray begins a task again whose worker has died, as our own processes do."""

INTERVAL = 0.01
"""Seconds between two looks at what has ended; more, the more there is to look at."""

MOST_AT_ONCE = 5_000
"""Tasks that are looked at, those that were handed over first."""

_port: list[RayPort] = []
_lock = threading.RLock()


def port_to(workers: int | None) -> RayPort:
    """Return the way to Ray; where none runs, it is started on this machine and kept.

    Parameters
    ----------
    workers : int, optional
        How many processors Ray gets where it is started; of a running one it cannot be said.

    Raises
    ------
    ExecutorError
        If Ray is not installed, or runs with another number of processors.
    """
    try:
        import ray
    except ImportError as error:
        raise ExecutorError(
            "Ray is not installed", remedy="install it: pip install 'taskinity-nb[ray]'"
        ) from error
    with _lock:
        if not ray.is_initialized():
            _begin(ray, workers)
        if not _port or not _port[0].is_open:
            _port[:] = [RayPort(ray)]
        port = _port[0]
        port.count_workers()
    if workers is not None and workers != port.workers:
        raise ExecutorError(
            f"Ray runs with {port.workers} processors, so workers={workers} cannot be kept to",
            remedy="leave it out, or call ray.shutdown() before; the results that lie there are "
            "lost then",
        )
    return port


def _begin(ray: Any, workers: int | None) -> None:
    """Connect to the running cluster that Ray knows of, or start one."""
    from ..crews import available_cores

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        ray.init(
            num_cpus=workers or available_cores(), include_dashboard=False,
            _node_ip_address="127.0.0.1", **options,
        )  # fmt: skip
    except ValueError:  # one runs already, and takes no number
        ray.init(**options)


class RayPort:
    """The way to a Ray cluster: tasks with object references, and an actor that takes letters."""

    unstoppable = "a thread of a Ray worker"

    def __init__(self, ray: Any) -> None:
        self.workers = 1
        self._ray = ray
        self._session = ray.get_runtime_context().get_job_id()
        self.letters = Letters(self._ask)
        name = f"taskinity_nb-{uuid.uuid4().hex}"
        self._board = _board_class(ray).options(name=name, namespace=name, num_cpus=0).remote()
        ray.get(self._board.pin.remote(b""))  # it is there before a worker asks for it
        self._do = ray.remote(max_retries=ASKED_AGAIN, num_returns=2)(_there("on_ray", name))
        self._pick = ray.remote(max_retries=ASKED_AGAIN)(_there("pick"))
        self._reports: dict[Any, tuple[Any, ...]] = {}  # the tickets, by their references
        self._lock = threading.Lock()
        self._any = threading.Event()
        for listen in (self._read_board, self._listen):
            threading.Thread(target=listen, name="taskinity_nb", daemon=True).start()

    @property
    def is_open(self) -> bool:
        """Whether Ray still runs as it did when this was made."""
        ray = self._ray
        if not ray.is_initialized():
            return False
        now: bool = ray.get_runtime_context().get_job_id() == self._session
        return now

    def count_workers(self) -> None:
        """Take note of how many tasks the cluster can run at once."""
        self.workers = int(self._ray.cluster_resources().get("CPU", 0)) or 1

    def _read_board(self) -> None:
        while True:
            try:
                letters = self._ray.get(self._board.take.remote())
            except (Exception, SystemExit):  # Ray was shut down, or its node is gone: see `ended`
                return
            for letter in letters:
                self.letters.deliver(letter)

    def _ask(self, what: Callable[[], Any]) -> Iterable[Any]:
        """Ask the clock of the board's machine, and of each other node by a task of its own."""
        ray = self._ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
        asked = [
            ray.remote(num_cpus=0)(what)
            .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False))
            .remote()
            for node in nodes
        ]
        told: list[Any] = ray.get(asked)
        return told

    def check(self, resources: Mapping[str, float]) -> None:
        offers = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if not any(all(offer.get(name, 0) >= resources[name] for name in resources)
                   for offer in offers):  # fmt: skip
            known = {name for offer in offers for name in offer if ":" not in name}
            raise ExecutorError(
                f"no node of the Ray cluster has the resources {dict(resources)}",
                remedy=f"its nodes have {listed(sorted(known))}",
            )

    def hand_over(self, jobs: Sequence[Job]) -> list[Any]:
        by_slot = {job.slot: job for job in jobs}
        references: dict[int, Any] = {}
        for first in sorted(jobs, key=lambda job: job.priority):  # Ray goes by the order
            stack = [first]
            while stack:
                job = stack[-1]
                wanted = [before.slot for before in job.before if isinstance(before, Slot)]
                missing = [by_slot[slot] for slot in wanted if slot not in references]
                stack += missing
                if not missing:
                    stack.pop()
                    if job.slot not in references:
                        references[job.slot] = self._submit(job, references)
        self._any.set()
        return [references[job.slot] for job in jobs]

    def _submit(self, job: Job, references: Mapping[int, Any]) -> Any:
        before = [references[one.slot] if isinstance(one, Slot) else one for one in job.before]
        do = self._do.options(**_in_words_of_ray(job.resources)) if job.resources else self._do
        outcome, report = do.remote(job.ticket, *before)
        with self._lock:
            self._reports[report] = job.ticket
        return outcome

    def ship(self, value: Any) -> Any:
        return self._ray.put((None, value))

    def pick(self, future: Any, number: int) -> Any:
        return self._pick.remote(future, number)

    def fetch(self, future: Any, name: str) -> Any:
        try:
            return self._ray.get(future)
        except Exception as error:  # whatever keeps it from coming here
            raise ExecutorError(
                f"the result of '{name}' cannot be had from Ray: {described(error)}"
            ) from error

    def cancel(self, futures: Iterable[Any]) -> None:
        if self.is_open:
            for future in futures:
                self._ray.cancel(future, force=True, recursive=False)

    def ended(self, run: str, futures: Mapping[int, Any]) -> None:
        if not self.is_open:
            raise ExecutorError(
                "Ray was shut down", remedy="keep it up until the run has ended, and as long as "
                "its results are needed",
            )  # fmt: skip

    def _listen(self) -> None:
        """Hear of the ends of tasks, in the order in which they were handed over, many at once."""
        ray = self._ray
        while True:
            if not self._reports:
                self._any.wait()
                self._any.clear()
            with self._lock:
                waiting = list(islice(self._reports, MOST_AT_ONCE))
            try:
                done, _ = ray.wait(
                    waiting, num_returns=len(waiting), timeout=INTERVAL * (1 + len(waiting) / 200),
                    fetch_local=False,
                )  # fmt: skip
                told = self._reports_of(done)
            except (Exception, SystemExit):  # Ray was shut down: see `ended`
                return
            for sender, reports in told.items():
                self.letters.tell(sender, reports)

    def _reports_of(self, done: list[Any]) -> dict[str, list[Any]]:
        """Return reports of the ends of tasks, or why Ray has given them up, by machine."""
        with self._lock:
            tickets = [self._reports.pop(one) for one in done]
        told: dict[str, list[Any]] = {}
        try:
            answers = self._ray.get(done)
        except Exception:  # of one of them
            answers = [
                _answer(self._ray, one, each) for one, each in zip(done, tickets, strict=True)
            ]
        for sender, report in answers:
            if report is not None:
                told.setdefault(sender, []).append(report)
        return told


def _answer(ray: Any, reference: Any, ticket: tuple[Any, ...]) -> tuple[str, Any]:
    """Return the machine and the report that a reference stands for, or why there is none."""
    try:
        answer: tuple[str, Any] = ray.get(reference)
    except Exception as error:
        return machine(), (GIVEN_UP, *ticket[:3], "", _as_lost(error))
    return answer


def _there(name: str, *leading: Any) -> Callable[..., Any]:
    """Return a function that travels as what it is, and calls one of `remote` on the worker.

    On this machine the worker finds the modules that are found here.
    """
    root, code, host, path = bundle().root, bundle().code, machine(), list(sys.path)

    def call(*args: Any) -> Any:
        import sys
        from importlib import import_module

        if root not in sys.modules:
            exec(code, {"__name__": root})
            if import_module(f"{root}.engine.clusters.mail").machine() == host:
                sys.path += [place for place in path if place not in sys.path]
        return getattr(import_module(f"{root}.engine.clusters.remote"), name)(*leading, *args)

    call.__name__ = call.__qualname__ = f"taskinity_nb_{name}"
    return call


def _board_class(ray: Any) -> Any:
    """Return the class of the actor at which workers pin their letters."""

    class Board:
        def __init__(self) -> None:
            import asyncio

            self._letters: list[bytes] = []
            self._came = asyncio.Event()

        async def pin(self, letter: bytes) -> None:
            if letter:
                self._letters.append(letter)
                self._came.set()

        async def take(self) -> list[bytes]:
            await self._came.wait()
            self._came.clear()
            letters, self._letters = self._letters, []
            return letters

    return ray.remote(Board)


def _in_words_of_ray(resources: Mapping[str, float]) -> dict[str, Any]:
    """Return options of Ray: what it knows by a name of its own, and other resources.

    Examples
    --------
    >>> _in_words_of_ray({"GPU": 1, "scanner": 2})
    {'num_gpus': 1, 'resources': {'scanner': 2}}
    """
    own = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}
    options: dict[str, Any] = {own[name]: n for name, n in resources.items() if name in own}
    others = {name: amount for name, amount in resources.items() if name not in own}
    return options | ({"resources": others} if others else {})


def _as_lost(error: BaseException) -> BaseException:
    """Return what is told of a task that Ray has given up."""
    if type(error).__name__ == "RayTaskError":
        return error
    lost = WorkerLost(
        f"the Ray workers that ran this task died, one after the other: {type(error).__name__}",
        remedy="it may need more memory than there is; Ray's logs tell more",
    )
    lost.__cause__ = error
    return lost
