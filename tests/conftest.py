"""What every test may rely on."""

from __future__ import annotations

import multiprocessing
import signal
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from taskinity_nb.engine import learning, past
from taskinity_nb.model import task as task_module

EXECUTORS = ("sequential", "threads", "processes", "thread pool", "fork", "forkserver", "spawn")
"""The words, a user's thread pool, and a user's process pool under each start method."""


# A shell's background job, and all that it starts, ignores interrupts; here they are tested.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a registry of tasks and a memory of runs of its own."""
    monkeypatch.setattr(task_module, "_registry", {})
    monkeypatch.setattr(learning, "_seconds", OrderedDict())
    monkeypatch.setattr(learning, "_orders", OrderedDict())
    monkeypatch.setattr(past, "_past", OrderedDict())


@pytest.fixture(scope="session")
def pools() -> Iterator[dict[str, object]]:
    """User's pools of two workers, made once."""
    made: dict[str, object] = {"thread pool": ThreadPoolExecutor(2)}
    for method in ("fork", "forkserver", "spawn"):
        context = multiprocessing.get_context(method)
        made[method] = ProcessPoolExecutor(2, mp_context=context)
    yield made
    for pool in made.values():
        pool.shutdown()


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest, pools: dict[str, object]) -> object:
    """Each executor in turn: a word or a pool."""
    return pools.get(request.param, request.param)
