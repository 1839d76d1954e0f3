"""A local Dask cluster of our own follows the notebook as worker processes do."""

from __future__ import annotations

import decimal
import logging
import os
import sys
import time
import warnings
from functools import partial

import pytest
from users_modules import PREFIX, UsersModule, calling

from taskinity_nb import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("clusters"),
    pytest.mark.leaves(
        "threads", "descriptors", "processes", "environment", "signals",
        reason="a cluster is kept, and Dask sets variables for its workers",
    ),
]  # fmt: skip


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    yield partial(UsersModule, tmp_path)
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        del sys.modules[name]


def on(executor, work):
    return run("work", namespace={"work": work}, executor=executor, workers=1)


def both(work):
    here, there = (on(executor, work)["work"] for executor in ("threads", "dask"))
    assert here == there
    return there


def test_modules_follow(module):
    users = module("RATE = 1\ndef f(n): return n * RATE\nclass Model:\n    rate = 1")
    other = module(f"from {users.name} import f\ndef g(n): return f(n)")
    work = calling(users.name, "f(10), Model.rate")
    theirs = calling(other.name, "g(10)")
    assert both(work), both(theirs) == ((10, 1), 10)
    users.write("RATE = 1\ndef f(n): return n * RATE * 2\nclass Model:\n    rate = 2")
    assert both(work) == (10, 1)
    users.reload()
    assert both(work) == (20, 2)
    assert both(theirs) == 10
    other.reload()
    assert both(theirs) == 20
    users.it.RATE, users.it.Model.rate = 3, 5
    assert both(work) == (60, 5)
    users.reload()
    assert both(work) == (20, 2)


def test_a_task_of_a_module_that_was_reloaded(module):
    users = module("def f(): return 1")
    assert both(users.it.f) == 1
    users.write("def f(): return 20")
    users.reload()
    assert both(users.it.f) == 20


def test_the_process_follows(tmp_path, monkeypatch):
    def work():
        return (
            os.environ.get("OF_TODAY"),
            os.getcwd(),
            sys.path,
            sys.getrecursionlimit(),
            decimal.getcontext().prec,
            [each[:2] for each in warnings.filters],
        )

    both(work)
    monkeypatch.setenv("OF_TODAY", "5")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    limit = sys.getrecursionlimit()
    with decimal.localcontext(prec=7), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "this alone")
        sys.setrecursionlimit(limit + 10)
        try:
            assert both(work)[4] == 7
        finally:
            sys.setrecursionlimit(limit)
    monkeypatch.undo()
    assert both(work)[0] is None


def test_what_a_task_leaves_is_gone_and_what_dask_needs_stays():
    def leaving():
        os.environ.clear()
        os.chdir("/")

    def work():
        return os.environ.get("PATH"), os.getcwd()

    on("dask", lambda: None)
    on("dask", leaving)
    assert both(work) == (os.environ["PATH"], os.getcwd())


def test_what_is_logged_is_seen(monkeypatch):
    def work():
        logging.getLogger("users").info("heard")

    root = logging.getLogger()
    handler, level = logging.StreamHandler(), root.level
    handler.setFormatter(logging.Formatter("<%(name)s> %(message)s"))
    # Ray's start gives a format of its own to the handlers by which pytest listens to it.
    monkeypatch.setattr(root, "handlers", [handler])
    root.setLevel(logging.INFO)
    try:
        assert "<users> heard\n" in on("dask", work).tasks["work"].stderr
    finally:
        monkeypatch.undo()
        root.setLevel(level)
    assert on("dask", work).tasks["work"].stderr == ""


def test_results_of_an_earlier_run_stay_there(module):
    users = module("def f(): return [time.time_ns()]\nimport time")
    earlier = on("dask", users.it.f)
    users.write("def f(): return 2")
    users.reload()
    assert on("dask", users.it.f)["work"] == 2
    assert earlier["work"][0] < time.time_ns()
