"""Ray: a cluster that runs already, or one on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pickle
import sys
import threading
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from ....errors import ExecutorError, WorkerLost, described, listed
from ....strangers import is_interrupt
from ...remote.cluster_task import GIVEN_UP, on_ray_at_once
from ...remote.pickling.pickler import size_of
from ...remote.reporter import machine
from ...remote.withdrawn import Name
from ..following import what_ours_follow
from .board import ray_board
from .client import ReportRouter, SlotRef, Submission
from .code_shipping import remote_module, shipped_code

__all__ = ["RayClusterClient", "connect"]

ASKED_AGAIN = 2
"""How often Ray begins a task again whose worker has died, as our own processes do."""

INTERVAL = 0.02
"""Seconds that tasks are waited for at most, before others are looked at."""

MOST_AT_ONCE = 200
"""Tasks that are waited for at a time; what that costs goes by their number."""

LATE = "timed out during startup"
"""What Ray says if its own processes did not come up in time."""

OPEN_TO_ALL = (
    "executor='ray' has started Ray, which takes connections from other machines without a "
    "password; on a network that you do not trust, set RAY_AUTH_MODE=token before Python starts"
)

_connection: list[RayClusterClient] = []
_lock = threading.RLock()


def connect(workers: int | None) -> RayClusterClient:
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
        is_own = not ray.is_initialized() and _begin(ray, workers)
        if not _connection or not _connection[0].is_open:
            _connection[:] = [RayClusterClient(ray, is_own)]
        connection = _connection[0]
        connection.count_workers()
    if workers is not None and workers != connection.workers:
        raise ExecutorError(
            f"Ray runs with {connection.workers} processors, "
            f"so workers={workers} cannot be kept to",
            remedy="leave it out, or call ray.shutdown() before; the results that lie there are "
            "lost then",
        )
    return connection


def _begin(ray: Any, workers: int | None) -> bool:
    """Connect to the running cluster that Ray knows of, or start one; return whether it was."""
    from ...runtime.cores import available_cores

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Ray's, of settings of its own
        try:
            init(
                ray, num_cpus=workers or available_cores(), include_dashboard=False,
                _node_ip_address="127.0.0.1", **options,
            )  # fmt: skip
            _say_who_can_reach_it()
        except ValueError:  # one runs already, and takes no number
            ray.init(**options)
            return False
    return True


def init(ray: Any, **options: Any) -> None:
    """Start Ray, and up to two times more while its own processes are late.

    It gives them 30 seconds, which cannot be changed and which a busy machine may not keep.
    """
    for tries_left in (2, 1, 0):
        try:
            ray.init(**options)
            return
        except Exception as error:
            if LATE not in str(error) or not tries_left:
                raise
            ray.shutdown()


def _say_who_can_reach_it() -> None:
    """Tell once that Ray opens ports to others, which it does whatever address it is given."""
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        with contextlib.suppress(OSError, ValueError):  # there may be no stream to say it on
            print(OPEN_TO_ALL, file=sys.stderr)


class RayClusterClient:
    """The way to a Ray cluster: tasks with object references, and an actor that takes messages."""

    unstoppable = "a thread of a Ray worker"
    hears_by_itself = False
    largest_subgraph = 20  # each task is a call; the first ones run while the others are made

    def __init__(self, ray: Any, is_own: bool) -> None:
        self.workers = 1
        self._is_own = is_own
        self._told: tuple[bytes, list[Any]] = b"", []
        """What the workers have in common with the caller: its digest, and where it lies."""
        self._ray = ray
        self._session = self._now()
        self.router = ReportRouter(self._ask)
        name = f"taskinity_nb-{uuid.uuid4().hex}"
        self._board = ray_board(ray, name)
        ray.get(self._board.pin.remote(b""))  # it is there before a worker asks for it
        self._do = ray.remote(max_retries=ASKED_AGAIN, num_returns=2)(
            _there("surroundings.followed.on_ray_following", name)
        )
        self._pick = ray.remote(max_retries=ASKED_AGAIN)(_there("cluster_task.pick_on_ray"))
        self._messages = self._board.take.remote()
        self._board_lock = threading.Lock()
        self._reports: dict[str, dict[Any, tuple[Any, ...]]] = {}  # of each run, with its specs
        self._at: dict[str, int] = {}  # where to look next
        self._names: dict[str, dict[bytes, Name]] = {}  # of each run, by what stands for the result

    @property
    def is_open(self) -> bool:
        """Whether Ray still runs as it did when this was made."""
        ray = self._ray
        if not ray.is_initialized():
            return False
        return self._now() == self._session

    def _now(self) -> tuple[str, str]:
        """Return what tells this connection to Ray from one after a shutdown."""
        context = self._ray.get_runtime_context()
        return context.get_node_id(), context.get_job_id()

    def count_workers(self) -> None:
        """Take note of how many tasks the cluster can run at once."""
        self.workers = int(self._ray.cluster_resources().get("CPU", 0)) or 1

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

    def hand_over(self, submissions: Sequence[Submission]) -> list[Any]:
        by_slot = {one.slot: one for one in submissions}
        references: dict[int, Any] = {}
        for first in sorted(submissions, key=lambda one: one.priority):  # Ray goes by the order
            stack = [first]
            while stack:
                one = stack[-1]
                wanted = [before.slot for before in one.before if isinstance(before, SlotRef)]
                missing = [by_slot[slot] for slot in wanted if slot not in references]
                stack += missing
                if not missing:
                    stack.pop()
                    if one.slot not in references:
                        references[one.slot] = self._submit(one, references)
        return [references[one.slot] for one in submissions]

    def _submit(self, one: Submission, references: Mapping[int, Any]) -> Any:
        before = [references[b.slot] if isinstance(b, SlotRef) else b for b in one.before]
        do = self._do.options(**_in_words_of_ray(one.resources)) if one.resources else self._do
        product, report = do.remote(self._told, pickle.dumps(one.spec, 5), *before)
        self._reports.setdefault(one.spec[0], {})[report] = one.spec
        self._names.setdefault(one.spec[0], {})[product.binary()] = one.spec[:3]
        return product

    def ship(self, value: Any) -> Any:
        return self._ray.put(on_ray_at_once(value, size_of(value)))

    def pick(self, future: Any, number: int) -> Any:
        return self._pick.remote(future, number)

    def fetch(self, future: Any, name: str) -> Any:
        self._check_open()
        try:
            _, value = remote_module("cluster_task").opened(self._ray.get(future))
            return None, remote_module("sealed").unsealed(value)
        except BaseException as error:  # whatever keeps it from coming here, or from being read
            if is_interrupt(error):
                raise
            raise ExecutorError(
                f"the result of '{name}' cannot be had from Ray: {described(error)}"
            ) from error

    def cancel(self, futures: Iterable[Any]) -> None:
        wanted = {future.binary(): future for future in futures}
        runs = list(self._names.values())
        found = [(names[key], wanted[key]) for names in runs for key in wanted if key in names]
        if found and self.is_open:
            self._board.withdraw.remote(found)  # see `withdrawn` for why not by `ray.cancel`

    def ended(self, run: str, futures: Mapping[int, Any]) -> None:
        self._check_open()

    def _check_open(self) -> None:
        if not self.is_open:
            raise ExecutorError(
                "Ray was shut down",
                remedy="keep it up until the run has ended, and as long as its results are needed",
            )

    def follow(self) -> None:
        """Have the workers of a Ray that was started here follow the caller, as it is now."""
        if not self._is_own:
            return
        message = what_ours_follow()
        digest = hashlib.sha256(message).digest()
        if digest != self._told[0]:
            self._told = digest, [self._ray.put(message)]

    def poll(self, run: str) -> None:
        """Wait a moment for the ends of a run's tasks, of a few at a time, and for messages.

        It is called by the run's own thread, which calls Ray no more when the run has ended: who
        calls Ray after it was shut down ends the process.
        """
        own, at = self._reports.get(run, {}), self._at.get(run, 0)
        if at >= len(own):  # all were looked at once: again from the first
            at = 0
        waiting = list(islice(own, at, at + MOST_AT_ONCE))
        self._at[run] = 0
        reads_board = self._board_lock.acquire(blocking=False)
        try:
            awaited = [*waiting, self._messages] if reads_board else waiting
            done, _ = self._ray.wait(
                awaited, num_returns=len(waiting) or 1, timeout=INTERVAL, fetch_local=False
            )
            if reads_board and self._messages in done:
                done.remove(self._messages)
                for message in self._ray.get(self._messages):
                    self.router.deliver(message)
                self._messages = self._board.take.remote()
        finally:
            if reads_board:
                self._board_lock.release()
        if len(done) < len(waiting):
            self._at[run] = at + len(waiting) - len(done)
        for sender, reports in self._reports_of(own, done).items():
            self.router.tell(sender, reports)

    def forget(self, run: str) -> None:
        for known in (self._reports, self._at, self._names):
            known.pop(run, None)

    def _reports_of(
        self, specs_of: dict[Any, tuple[Any, ...]], done: list[Any]
    ) -> dict[str, list[Any]]:
        """Return reports of the ends of tasks, or why Ray has given them up, by machine."""
        specs = [specs_of.pop(one) for one in done]
        told: dict[str, list[Any]] = {}
        try:
            reports = [pickle.loads(message) for message in self._ray.get(done)]
        except BaseException:  # of one of them
            reports = [
                _report_at(self._ray, one, each) for one, each in zip(done, specs, strict=True)
            ]
        for sender, report in reports:
            if report is not None:
                told.setdefault(sender, []).append(report)
        return told


def _report_at(ray: Any, reference: Any, spec: tuple[Any, ...]) -> tuple[str, Any]:
    """Return the machine and the report that a reference stands for, or why there is none."""
    try:
        told: tuple[str, Any] = pickle.loads(ray.get(reference))
    except BaseException as error:  # Ray reads what a task has raised
        return machine(), (GIVEN_UP, *spec[:3], "", _as_lost(error))
    return told


def _there(name: str, *leading: Any) -> Callable[..., Any]:
    """Return a function that travels as what it is, and calls one of `remote` on the worker.

    `name` is that of the function, after its module's.

    On this machine the worker finds the modules that are found here.
    """
    where, _, what = name.rpartition(".")
    root, code, host, path = shipped_code().root, shipped_code().code, machine(), list(sys.path)

    def call(*args: Any) -> Any:
        import sys
        from importlib import import_module

        if root not in sys.modules:
            exec(code, {"__name__": root})
            if import_module(f"{root}.engine.remote.reporter").machine() == host:
                sys.path += [place for place in path if place not in sys.path]
        module = import_module(f"{root}.engine.remote.{where}")
        return getattr(module, what)(*leading, *args)

    call.__name__ = call.__qualname__ = f"taskinity_nb_{what}"
    return call


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
