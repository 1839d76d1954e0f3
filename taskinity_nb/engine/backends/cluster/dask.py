"""Dask: a local cluster of our own, or a user's client or the address of a scheduler."""

from __future__ import annotations

import importlib.util
import logging
import os
import pickle
import sys
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from ....errors import ExecutorError, WorkerLost, described, listed
from ....strangers import is_interrupt
from ...remote.cluster_task import GIVEN_UP
from ...remote.pickling.pickler import size_of
from ...remote.reporter import machine
from ...remote.surroundings.common import taken
from .client import ReportRouter, SlotRef, Submission
from .code_shipping import remote_function, remote_module, shipped_code

__all__ = ["DaskClusterClient", "connect"]

_connections: weakref.WeakKeyDictionary[Any, DaskClusterClient] = weakref.WeakKeyDictionary()
_own: dict[object, Any] = {}
"""Clients that we have made: by the number of workers of a local cluster, or by address."""

_lock = threading.RLock()

GRACE = 0.5
"""Seconds in which a cancelled task may end by itself before its worker is started anew."""


def connect(executor: Any, workers: int | None) -> DaskClusterClient:
    """Return the way to a Dask cluster.

    Parameters
    ----------
    executor : str or distributed.Client
        ``"dask"`` for a local cluster, which is started and kept; the address of a scheduler; or a
        client.
    workers : int, optional
        How many processes a local cluster has; of another one it cannot be said.

    Raises
    ------
    ExecutorError
        If Dask is not installed, the scheduler cannot be reached, or has no workers.
    """
    try:
        import distributed
    except ImportError as error:
        raise ExecutorError(
            "Dask is not installed", remedy="install it: pip install 'taskinity-nb[dask]'"
        ) from error
    if executor != "dask" and workers is not None:
        raise ExecutorError(
            f"a Dask cluster has its own workers, so workers={workers} cannot be kept to",
            remedy="leave it out, or scale the cluster: client.cluster.scale(4)",
        )
    with _lock:
        client = executor
        if executor == "dask":
            client = _local(distributed, workers or 1)
        elif isinstance(executor, str):
            client = _connected(distributed, executor)
        if client.status not in ("running", "connecting"):
            raise ExecutorError(
                f"the Dask client is {client.status}", remedy="make a new one: Client(address)"
            )
        if client.asynchronous:
            raise ExecutorError(
                "the Dask client is asynchronous", remedy="make one without asynchronous=True"
            )
        connection = _connections.get(client)
        if connection is None:
            connection = _connections[client] = DaskClusterClient(client, is_own=executor == "dask")
        connection.look_at_workers()
        return connection


ITS_OWN = ("PYTHONHASHSEED", "DASK_PARENT", "__DASK_PARENT_PID")
"""What Dask sets beside the variables that its configuration lists."""


def _set_by_dask() -> tuple[str, ...]:
    """Return the variables that Dask sets for its workers."""
    import dask

    return (*(dask.config.get("distributed.nanny.pre-spawn-environ", None) or {}), *ITS_OWN)


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Undo what Dask sets for its workers: here it would hold threads of later processes down."""
    before = {name: os.environ.get(name) for name in _set_by_dask()}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@_environment_kept()
def _local(distributed: Any, workers: int) -> Any:
    client = _own.get(workers)
    if client is None or not _works(client):
        if client is not None:
            _abandon(client)
        security = _security(distributed)
        cluster = distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0",
            host="127.0.0.1", silence_logs=logging.CRITICAL, security=security,
        )  # fmt: skip
        client = distributed.Client(cluster, security=security, set_as_default=False)
        _own[workers] = client
    return client


def _security(distributed: Any) -> Any:
    """Return a certificate of this session's own, or None where `cryptography` is missing.

    A cluster runs whatever is sent to it, and other users of the machine can reach its ports.
    """
    if importlib.util.find_spec("cryptography") is None:
        return None
    return distributed.Security.temporary()


def _connected(distributed: Any, address: str) -> Any:
    client = _own.get(address)
    if client is None or not _works(client):
        try:
            client = _own[address] = distributed.Client(address, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ExecutorError(
                f"no Dask scheduler can be reached at '{address}': {error}",
                remedy="is it running? 'client.scheduler_info()' of one that works has its address",
            ) from error
    return client


def _works(client: Any) -> bool:
    """Tell whether a client can be used; of the end of its event loop it does not know."""
    return client.status == "running" and bool(client.loop.asyncio_loop.is_running())


def _abandon(client: Any) -> None:
    """Let go of a local cluster; where its event loop is gone, nobody else ends its processes."""
    from distributed.core import Status

    if client.status == "running":
        for nanny in list(client.cluster.workers.values()):
            process = getattr(nanny.process, "process", None)
            if process is not None:
                process._process.kill()
        client.status = "closed"  # to close it would take its event loop
        client.cluster.status = Status.closed


class DaskClusterClient:
    """The way to a Dask cluster, by a client."""

    hears_by_itself = True
    largest_subgraph = sys.maxsize  # a graph costs less than its parts

    def __init__(self, client: Any, is_own: bool = False) -> None:
        from distributed import WorkerPlugin

        self.workers = 0
        self.unstoppable = "a thread of a Dask worker"
        self._client = weakref.ref(client)
        self._is_own = is_own
        self._topic = f"taskinity_nb-{uuid.uuid4().hex}"
        self._do = remote_function("on_dask")
        self._sealing = remote_module("sealed")
        self._sealing.teach_dask()
        code = shipped_code().code

        class TaskinityNB(WorkerPlugin):  # type: ignore[misc,unused-ignore]
            """Installs what runs on a worker, also on those that come later."""

            name = shipped_code().root
            source = code

            def setup(self, worker: Any) -> None:
                from importlib import import_module

                exec(self.source, {"__name__": self.name})
                import_module(f"{self.name}.engine.remote.sealed").teach_dask()

        client.run_on_scheduler(exec, code, {"__name__": shipped_code().root})
        client.register_plugin(TaskinityNB())
        self.router = ReportRouter(self._ask)
        router = self.router
        client.subscribe_topic(self._topic, lambda event: router.deliver(event[1]))

    @property
    def client(self) -> Any:
        """The client, as long as somebody has it."""
        client = self._client()
        if client is None or client.status == "closed":
            raise ExecutorError(
                "the Dask client was closed", remedy="keep it open until the run has ended, "
                "and as long as its results are needed",
            )  # fmt: skip
        return client

    def look_at_workers(self) -> None:
        """Take note of how many tasks the cluster can run at once."""
        self.workers = sum(self.client.nthreads().values())
        if not self.workers:
            raise ExecutorError(
                "the Dask cluster has no workers", remedy="start some: client.cluster.scale(2)"
            )

    def _ask(self, what: Callable[[], Any]) -> Iterable[Any]:
        told: dict[str, Any] = self.client.run(what)
        return told.values()

    def follow(self) -> None:
        """Have the workers of our own cluster in the surroundings of the caller, as they are now.

        A worker that cannot be asked is about to be replaced by one that begins there.
        """
        if not self._is_own:
            return
        message = taken()
        loggers = message["logs"]["loggers"]
        for name in [name for name in loggers if name.partition(".")[0] == "distributed"]:
            del loggers[name]
        follow = remote_module("surroundings.common").follow
        its_own = [*_set_by_dask()]
        self.client.run(follow, pickle.dumps(message), its_own, on_error="ignore")

    def poll(self, run: str) -> None:
        """Do nothing: the client hears of all events."""

    def forget(self, run: str) -> None:
        """Do nothing: nothing is kept."""

    def check(self, resources: Mapping[str, float]) -> None:
        """Raise an `ExecutorError` if no worker has what a task needs."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        offers = [worker["resources"] for worker in workers]
        if not any(all(offer.get(name, 0) >= resources[name] for name in resources)
                   for offer in offers):  # fmt: skip
            known = sorted({name for offer in offers for name in offer})
            raise ExecutorError(
                f"no worker of the Dask cluster has the resources {dict(resources)}",
                remedy=f"its workers have {listed(known)}; "
                "they say so with 'dask worker --resources \"GPU=1\"'",
            )

    def hand_over(self, submissions: Sequence[Submission]) -> list[Any]:
        from dask._task_spec import Task, TaskRef
        from dask.base import annotate  # type: ignore[attr-defined,unused-ignore]

        token = uuid.uuid4().hex
        keys = {one.slot: (f"{one.group}-{token}", one.slot) for one in submissions}
        graph = {}
        for one in submissions:
            key = keys[one.slot]
            before = [
                TaskRef(keys[b.slot] if isinstance(b, SlotRef) else b.key) for b in one.before
            ]
            graph[key] = Task(key, self._do, self._topic, one.spec, *before)
        # Dask asks a callable for what it is to know of each key; a dict's own can be sent.
        notes: dict[str, Any] = {
            "priority": {keys[one.slot]: -one.priority for one in submissions}.get
        }
        if any(one.resources for one in submissions):
            notes["resources"] = {keys[one.slot]: one.resources for one in submissions}.get
        with annotate(**notes):
            return list(self.client.get(graph, list(graph), sync=False))

    def ship(self, value: Any) -> Any:
        # It is pickled here, and not in the thread of Dask's event loop.
        packed = self._sealing.packed(value, size_of(value))
        return self.client.scatter([(None, packed)], hash=False)[0]

    def pick(self, future: Any, number: int) -> Any:
        return self.client.submit(remote_function("pick"), future, number, pure=False)

    def fetch(self, future: Any, name: str) -> Any:
        client = self.client
        try:
            report, value = client.gather(future)
        except Exception as error:  # whatever keeps it from coming here
            raise ExecutorError(
                f"the result of '{name}' cannot be had from the Dask cluster: {described(error)}"
            ) from error
        try:
            return report, self._sealing.unsealed(value)
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise ExecutorError(
                f"the result of '{name}' cannot be read here: {described(error)}"
            ) from error

    def cancel(self, futures: Iterable[Any]) -> None:
        client, futures = self._client(), list(futures)
        if client is None or client.status != "running" or not futures:
            return  # there is nothing to cancel any more
        client.cancel(futures)
        if self._is_own:
            keys = {str(future.key) for future in futures}
            end = partial(_end_what_runs, client, keys)
            threading.Thread(target=end, name="taskinity_nb", daemon=True).start()

    def ended(self, run: str, futures: Mapping[int, Any]) -> None:
        client = self.client
        asked = []
        for slot, future in futures.items():
            if future.status == "finished":
                asked.append(client.submit(remote_function("told"), future, pure=False))
            elif future.status == "error":
                error = _as_lost(future.exception())
                self.router.tell(machine(), [(GIVEN_UP, run, slot, None, "", error)])
            elif future.status in ("cancelled", "lost"):
                raise ExecutorError(
                    "the Dask cluster has let go of a task: somebody cancelled it, or the "
                    "scheduler is gone",
                    remedy="see whether the scheduler still runs, then go on with run.resume()",
                )
        reports = [report for report in client.gather(asked) if report is not None]
        if reports:
            self.router.tell(machine(), reports)


def _as_lost(error: BaseException) -> BaseException:
    """Return what is told of a task that Dask has given up."""
    if type(error).__name__ != "KilledWorker":
        return error
    lost = WorkerLost(
        "the Dask workers that ran this task died, one after the other",
        remedy="it may need more memory than a worker has; the logs of the workers tell more",
    )
    lost.__cause__ = error
    return lost


def _end_what_runs(client: Any, keys: set[str]) -> None:
    """Have the workers of a cluster of our own started anew that are still at a cancelled task."""
    time.sleep(GRACE)
    try:
        at_work = client.run(_executing)
        busy = [worker for worker, known in at_work.items() if keys & set(known)]
        if busy:
            client.restart_workers(busy, timeout=30, raise_for_error=False)
    except (OSError, RuntimeError, ValueError):  # the cluster was closed meanwhile
        return


def _executing(dask_worker: Any) -> list[str]:
    return [str(task.key) for task in dask_worker.state.executing]
