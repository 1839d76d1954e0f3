"""What every test may rely on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from leftovers import KINDS, Moment, begun, left_streams

from taskinity_nb.engine.scheduling import history
from taskinity_nb.model import task as task_module

EXECUTORS = ("sequential", "threads", "processes", "thread pool", "fork", "forkserver", "spawn")
"""The words, a user's thread pool, and a user's process pool under each start method."""


os.environ.setdefault("KMP_DUPLICATE_LIB_OK", "True")  # as threadpoolctl does on its import

# A shell's background job, and all that it starts, ignores interrupts; here they are tested.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"leaves(*kinds, reason): the test leaves something of these kinds behind: {KINDS}",
    )


def allowed(item: pytest.Item) -> set[str]:
    """Return the kinds of things that a test says that it leaves behind."""
    marks = list(item.iter_markers("leaves"))
    assert all(mark.kwargs["reason"] and set(mark.args) <= set(KINDS) for mark in marks)
    return {kind for mark in marks for kind in mark.args}


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Have no test leave the streams replaced, in whatever it does itself."""
    before = sys.stdout, sys.stderr
    result = yield
    patch = getattr(item, "funcargs", {}).get("monkeypatch")
    patched = {name for owner, name, _ in getattr(patch, "_setattr", ()) if owner is sys}
    if "streams" not in allowed(item) and (left := left_streams(before, patched)):
        pytest.fail("left behind: " + "; ".join(left), pytrace=False)
    return result


moments: dict[pytest.Item, Moment] = {}
"""What there was before the test that is going on."""


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Generator[None, object, object]:
    """Count in what a fixture makes for several tests, if that comes after a test has begun."""
    earlier = Moment() if moments and fixturedef.scope != "function" else None
    result = yield
    for moment in moments.values() if earlier is not None else ():
        moment.count_in(earlier)
    return result


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have each test leave everything as it was, or say what it leaves and why.

    It comes before all other fixtures of a test, so it looks when they are done.
    """
    before = moments[request.node] = Moment()
    yield
    del moments[request.node]
    if "signals" in allowed(request.node):
        before.put_signals_back()  # the next test is to begin as if this one had not been
    if left := before.left(kind for kind in KINDS if kind not in allowed(request.node)):
        pytest.fail("left behind:\n  " + "\n  ".join(left), pytrace=False)


@pytest.fixture(autouse=True)
def nothing_known(nothing_left: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a registry of tasks and a memory of runs of its own."""
    monkeypatch.setattr(task_module, "_registry", {})
    monkeypatch.setattr(history, "_known", OrderedDict())


@pytest.fixture(scope="session")
def pools() -> Iterator[dict[str, Executor]]:
    """User's pools of two workers, made once; all workers are there when a test begins."""
    made: dict[str, Executor] = {"thread pool": ThreadPoolExecutor(2)}
    for method in ("fork", "forkserver", "spawn"):
        context = multiprocessing.get_context(method)
        made[method] = ProcessPoolExecutor(2, mp_context=context)
    for pool in made.values():
        begun(pool)
    yield made
    for pool in made.values():
        pool.shutdown()


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest, pools: dict[str, Executor]) -> object:
    """Each executor in turn: a word or a pool."""
    return pools.get(request.param, request.param)
