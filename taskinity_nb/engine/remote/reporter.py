"""How a process of a cluster tells the run what happens there: in messages of many reports.

This module travels to the cluster, like all of `remote`.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from functools import lru_cache, partial
from typing import Any

__all__ = ["BatchedSend", "hello", "machine", "sender_on_dask", "sender_on_ray"]

INTERVAL = 0.02
"""Seconds between two messages of one process, at least."""

A_MOMENT = 0.1
"""Seconds in which a task may end before its start is told on its own."""

IDLE_SECONDS = 30.0
"""After so long without a report, a sender has no thread any more."""


class BatchedSend:
    """Sends the reports of this process, a few times a second at most.

    `send` takes a message: the pickle of ``(machine, reports)``. `name` is that of this process as
    a worker.

    Examples
    --------
    >>> messages, came = [], threading.Event()
    >>> sender = BatchedSend(lambda message: (messages.append(message), came.set()), "worker-1")
    >>> sender.add(("started", 7)), came.wait(10), pickle.loads(messages[0])[1]
    (None, True, [('started', 7)])
    """

    def __init__(self, send: Callable[[bytes], object], name: str) -> None:
        self._send = send
        self._name = name
        self._reports: deque[Any] = deque()
        self._lock = threading.Lock()
        self._filled = threading.Event()
        self._thread: threading.Thread | None = None
        self._numbers: dict[int, int] = {}

    def worker(self) -> str:
        """Return the name of the worker that this thread is, of the process if it has only one."""
        number = self._numbers.setdefault(threading.get_ident(), len(self._numbers))
        return f"{self._name}/{number + 1}" if number else self._name

    def add(self, report: tuple[Any, ...]) -> None:
        """Have a report sent, soon."""
        self._reports.append(report)
        if not self._filled.is_set():
            with self._lock:
                self._filled.set()
                if self._thread is None:
                    self._thread = threading.Thread(target=self._send_often, daemon=True)
                    self._thread.start()

    def _send_often(self) -> None:
        sent = 0.0
        while True:
            if not self._filled.wait(IDLE_SECONDS):
                with self._lock:
                    if not self._filled.is_set():
                        self._thread = None
                        return
            time.sleep(max(0.0, sent + INTERVAL - time.monotonic()))
            self._filled.clear()
            sent = time.monotonic()
            reports = [self._reports.popleft() for _ in range(len(self._reports))]
            if reports:
                self._send(pickle.dumps((machine(), reports), 5))


class SlowTaskSend(BatchedSend):
    """Sends only what a task has begun that has not ended a moment later."""

    def __init__(self, send: Callable[[bytes], object], name: str) -> None:
        super().__init__(send, name)
        self._begun: dict[int, tuple[Any, ...]] = {}

    def add(self, report: tuple[Any, ...]) -> None:
        thread = threading.get_ident()
        if self._begun.pop(thread, None) is None:
            self._begun[thread] = report
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_slow_ones, daemon=True)
                self._thread.start()

    def _send_slow_ones(self) -> None:
        seen: list[tuple[Any, ...]] = []
        sent: list[tuple[Any, ...]] = []
        while True:
            time.sleep(A_MOMENT)
            begun = list(self._begun.values())
            late = [report for report in begun if report in seen and report not in sent]
            if late:
                self._send(pickle.dumps((machine(), late), 5))
            sent = [report for report in begun if report in sent] + late
            seen = begun


_senders: dict[Hashable, BatchedSend] = {}
_lock = threading.Lock()


def _sender(key: Hashable, make: Callable[[], BatchedSend]) -> BatchedSend:
    sender = _senders.get(key)
    if sender is None:
        with _lock:
            sender = _senders.get(key) or _senders.setdefault(key, make())
    return sender


def sender_on_dask(topic: str) -> BatchedSend:
    """Return the sender of a Dask worker, whose messages are events of a topic."""
    from distributed import get_worker

    worker = get_worker()

    def make() -> BatchedSend:
        name = str(worker.name).rpartition("://")[2]
        return BatchedSend(
            partial(worker.log_event, topic), f"dask-{name}" if name.isdigit() else name
        )

    return _sender((id(worker), topic), make)


def sender_on_ray(board: str) -> BatchedSend:
    """Return the sender of a Ray worker, whose messages go to an actor."""

    def make() -> BatchedSend:
        import ray

        pin: Any = ray.get_actor(board, namespace=board).pin
        host = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call,unused-ignore]
        place = "" if host == "127.0.0.1" else f"{host}:"
        return SlowTaskSend(pin.remote, f"ray-{place}{os.getpid()}")

    return _sender(board, make)


def hello() -> tuple[str, int]:
    """Return what tells this machine from others, and the time on its clock."""
    return machine(), time.perf_counter_ns()


@lru_cache(1)
def machine() -> str:
    """Return what tells a running machine from others: its clock is common to its processes."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        import platform

        return platform.node()
