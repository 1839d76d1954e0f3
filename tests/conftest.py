"""What every test may rely on."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from alarm import Alarm
from hypothesis import settings
from leftovers import KINDS, Moment, begun, left_streams

from taskinity_nb.engine.scheduling import history
from taskinity_nb.model import task as task_module

EXECUTORS = ("sequential", "threads", "processes", "thread pool", "fork", "forkserver", "spawn")
"""The words, a user's thread pool, and a user's process pool under each start method."""


# The modules are compiled once, not by each of the hundreds of interpreters that are started.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Nor are the tests compiled anew by each worker of each run, which takes half of the collection.
WRITES_NO_BYTECODE, sys.dont_write_bytecode = sys.dont_write_bytecode, False

# It comes with nbformat, takes a second to read its grammar, and looks at the form of addresses.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

os.environ.setdefault("KMP_DUPLICATE_LIB_OK", "True")  # as threadpoolctl does on its import

# Ray lets its workers stand behind all else, so that beside a browser they hardly come to work.
os.environ.setdefault("RAY_worker_niceness", "0")

# Clusters are kept while other tests run, and Dask's workers look what they do 100 times a second.
os.environ.setdefault("DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED", "False")

# A shell's background job, and all that it starts, ignores interrupts; here they are tested.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes depends on who else uses the core.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    config.option.loadscopereorder = False  # groups begin in the order of their first tests
    config.addinivalue_line(
        "markers",
        f"leaves(*kinds, reason): the test leaves something of these kinds behind: {KINDS}",
    )


alarm = Alarm()


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool | None:
    """Have the same thread wait for the time-out of each test."""
    if settings.method != "thread":
        return None
    from pytest_timeout import timeout_timer

    alarm.set(settings.timeout, lambda: timeout_timer(item, settings))
    item.cancel_timeout = alarm.call_off  # type: ignore[attr-defined]
    return True


LARGE = 100
"""Tests; a group of more begins early."""


def shares(item: pytest.Item) -> bool:
    """Tell whether a test uses what is made once for its module, such as a kernel or a browser."""
    fixtures = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    return any(found[-1].scope == "module" for found in fixtures.values())


def group(item: pytest.Item) -> str:
    """Return the group that a test belongs to, or its own name if to none."""
    mark = item.get_closest_marker("xdist_group")
    return mark.args[0] if mark else item.nodeid


@pytest.hookimpl(wrapper=True, tryfirst=True)  # xdist reads the groups, and others change the order
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, object, object]:
    """Say what goes to the same worker, and have what takes long begin first.

    The quick tests of a module stay together, and so do those that share what it makes once. A slow
    test that shares nothing is a group by itself, as long as it does not name another.
    """
    named = {group(item) for item in items if item.get_closest_marker("xdist_group")}
    for item in items:
        is_slow = item.get_closest_marker("slow") and "executor" not in getattr(
            item, "fixturenames", ()
        )
        is_alone = is_slow and not shares(item)
        if not is_alone and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    result = yield
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        groups.setdefault(group(item), []).append(item)

    def rank(name: str) -> tuple[bool | int, ...]:
        return (
            name not in named,
            not any(item.get_closest_marker("browser") for item in groups[name]),
            not any(item.get_closest_marker("slow") for item in groups[name]),
            not any(map(shares, groups[name])),
            len(groups[name]) < LARGE,  # what is left for the end is small
        )

    items[:] = [item for name in sorted(groups, key=rank) for item in groups[name]]
    for name, members in groups.items() if getattr(config.option, "loadgroup", False) else ():
        for item in members:
            put_into_name(item, name)
    return result


def put_into_name(item: pytest.Item, name: str) -> None:
    """Have the name of a test end with its group, by which xdist sends it to a worker.

    What xdist 3.8 does itself for that has no effect with pytest 9.2, where a name has parts; tests
    of a group would be spread over the workers, and what they share made by each.
    """
    if name != item.nodeid and not item.nodeid.endswith(f"@{name}"):
        item._id = type(item.id).parse(f"{item.nodeid}@{name}")


def pytest_collection_finish() -> None:
    """Have no collection of garbage look through all the tests and modules that are there now."""
    sys.dont_write_bytecode = WRITES_NO_BYTECODE
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Nor through what the modules before have imported, and the reports of their tests."""
    result = yield
    if nextitem is not None and nextitem.path != item.path:
        gc.collect()
        gc.freeze()
    return result


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


OTHERS = ("forkserver", "spawn")
"""Start methods that the quick tests leave out: they differ in how workers begin, no more."""


@pytest.fixture(
    params=[pytest.param(each, marks=[pytest.mark.slow] * (each in OTHERS)) for each in EXECUTORS]
)
def executor(request: pytest.FixtureRequest, pools: dict[str, Executor]) -> object:
    """Each executor in turn: a word or a pool."""
    return pools.get(request.param, request.param)


@pytest.fixture(scope="session")
def kept_kernel() -> Iterator[Any]:
    """A kernel for all modules that leave it in order; each asks for it `as_new()`."""
    from kernels import KeptKernel

    kept = KeptKernel()
    kept.as_new()  # before it is noted what a test has found
    yield kept
    kept.end()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A notebook with a cluster; pytest has all tests on one of them follow each other."""
    from clusters import KeptCluster

    pytest.importorskip({"dask": "distributed"}.get(request.param, request.param))
    kept = KeptCluster(request.param)
    try:
        kept.begin()
        yield kept
    finally:
        kept.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Any:
    """End a cluster after the last test on it, and not with the session."""
    if "cluster" not in getattr(nextitem, "fixturenames", ()):
        kept = getattr(item, "funcargs", {}).get("cluster")
        if kept is not None:
            kept.end()
    return (yield)


@pytest.fixture(scope="session")
def kept_browser() -> Iterator[None]:
    """Keep a browser, which takes long to begin, for all tests that open pages."""
    from chromium import keep_browser

    with keep_browser():
        yield


def kept(app: str) -> Any:
    """Return a fixture that serves in an application: once, since that takes seconds to begin."""

    @pytest.fixture(scope="session", name=f"kept_{app}")
    def serving(tmp_path_factory: pytest.TempPathFactory, kept_browser: None) -> Iterator[Any]:
        from browsers import serve

        with serve(tmp_path_factory.mktemp(app), app) as place:
            yield place

    return serving


kept_lab, kept_notebook = kept("lab"), kept("notebook")
