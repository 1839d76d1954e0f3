"""A process pool of the user's follows what is changed in the notebook, and nothing else."""

from __future__ import annotations

import csv
import decimal
import logging
import multiprocessing
import os
import socket
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest
from users_modules import PREFIX, UsersModule, calling

from taskinity_nb import run
from taskinity_nb.engine.backends import following
from taskinity_nb.engine.remote.surroundings import libraries


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    yield partial(UsersModule, tmp_path)
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        del sys.modules[name]


def initialize():
    os.environ["OF_THE_POOL"] = "theirs"
    sys.setrecursionlimit(3_000)
    decimal.DefaultContext.prec = decimal.getcontext().prec = 11
    import numpy as np

    np.seterr(all="ignore")


@pytest.fixture(params=["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def pool(request, monkeypatch):
    monkeypatch.setattr(following, "_changed", set())  # by other tests
    monkeypatch.setattr(libraries, "_changed", {name: set() for name in libraries._changed})
    context = multiprocessing.get_context(request.param)
    with ProcessPoolExecutor(1, mp_context=context, initializer=initialize) as pool:
        yield pool


def on(executor, work):
    return run("work", namespace={"work": work}, executor=executor)["work"]


def both(pool, work):
    here, there = on("threads", work), on(pool, work)
    assert here == there
    return there


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestPool:
    def test_what_has_not_changed_is_as_the_pool_was_made(self, pool):
        def work():
            import numpy as np

            return (
                os.environ.get("OF_THE_POOL"),
                sys.getrecursionlimit(),
                decimal.getcontext().prec,
                np.geterr()["divide"],
            )

        assert on(pool, work) == ("theirs", 3_000, 11, "ignore")

    def test_what_has_changed_follows(self, pool, monkeypatch):
        import numpy as np

        def work():
            import numpy as np

            return (
                os.environ.get("OF_TODAY"),
                decimal.getcontext().prec,
                str(np.array([1 / 3])),
                [each[:2] for each in warnings.filters][:1],
            )

        on(pool, work)
        with (
            monkeypatch.context() as patch,
            np.printoptions(precision=2),
            decimal.localcontext(prec=7),
            warnings.catch_warnings(),
        ):
            patch.setenv("OF_TODAY", "5")
            warnings.simplefilter("ignore", UserWarning)
            assert both(pool, work)[:3] == ("5", 7, "[0.33]")
        assert both(pool, work)[0] is None

    def test_plain_settings_of_the_standard_library(self, pool):
        def work():
            return (
                socket.getdefaulttimeout(),
                csv.field_size_limit(),
                logging.root.manager.disable,
                sys.getswitchinterval(),
                sys.get_int_max_str_digits(),
            )

        def put(timeout, size, below, interval, digits):
            socket.setdefaulttimeout(timeout)
            csv.field_size_limit(size)
            logging.disable(below)
            sys.setswitchinterval(interval)
            sys.set_int_max_str_digits(digits)

        before = both(pool, work)
        put(3.5, 1_000_000, logging.INFO, 0.25, 9_000)
        try:
            assert both(pool, work) == (3.5, 1_000_000, logging.INFO, 0.25, 9_000)
        finally:
            put(*before)
        assert both(pool, work) == before

    def test_modules(self, pool, module):
        users = module("RATE = 1\ndef f(): return RATE")
        work = calling(users.name, "f()")
        assert both(pool, work) == 1
        users.write("RATE = 1\ndef f(): return RATE * 20")
        assert both(pool, work) == 1
        users.reload()
        assert both(pool, work) == 20
        users.it.RATE = 3
        assert both(pool, work) == 60
        users.it.f = lambda: "mine"
        assert both(pool, work) == "mine"
        users.reload()
        assert both(pool, work) == 20


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_package_whose_parts_take_from_one_another(pool, module):
    util = module("class C:\n    v = 1\ndef f(): return 1")
    core = module(f"from {util.name} import C, f\nclass D(C): pass\n"
                  "def go(): return C.v, D.v, f()")  # fmt: skip
    package = module(f"from {core.name} import go")
    work = calling(package.name, "go()")
    assert both(pool, work) == (1, 1, 1)
    util.write("class C:\n    v = 22\ndef f(): return 22")
    util.reload()
    assert both(pool, work)[2] == 1
    core.reload()
    package.reload()
    assert both(pool, work) == (22, 22, 22)


def test_a_pool_that_a_worker_forks(module):
    users = module("RATE = 1\ndef f(): return RATE")
    users.it.RATE = 3
    inner = calling(users.name, "f()")

    def work():
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
            return run("inner", namespace={"inner": inner}, executor=pool)["inner"]

    assert run("work", namespace={"work": work}, executor="processes")["work"] == 3
