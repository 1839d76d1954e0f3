"""What a function draws: no two tasks draw alike, and on processes the same seed gives the same."""

from __future__ import annotations

import functools
import importlib
import itertools
import multiprocessing
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from random import random as draw_one

import pytest

from taskinity_nb import Task, TaskError, run

np = pytest.importorskip("numpy")

MODULE = """
import itertools, random
import numpy as np

rng = np.random.default_rng(1)
ids = itertools.count()

def draw(scan=0):
    return float(rng.random())

def number(scan=0):
    return next(ids)
"""


class Sampler:
    def __init__(self, rng):
        self.rng = rng

    def draw(self, scan=0):
        return float(self.rng.random())

    def __call__(self, scan=0):
        return self.draw()


def of_closure(rng):
    return lambda scan=0: float(rng.random())


def of_helper(rng):
    def helper():
        return float(rng.random())

    return lambda scan=0: helper()


def of_default(rng):
    def draw(scan=0, rng=rng):
        return float(rng.random())

    return draw


def of_keyword(rng):
    def draw(scan=0, *, rng=rng):
        return float(rng.random())

    return draw


def of_global(rng):
    names = {"rng": rng, "__name__": "__main__", "__builtins__": __builtins__}
    exec("def draw(scan=0): return float(rng.random())", names)
    return names["draw"]


def of_class(rng):
    class Local:
        own = rng

        @classmethod
        def draw(cls):
            return float(cls.own.random())

    return lambda scan=0: Local.draw()


def of_import(rng):
    uniform = rng.random
    return lambda scan=0: float(uniform())


HOLDERS = {
    "a closure": of_closure,
    "a helper": of_helper,
    "a default": of_default,
    "a keyword's default": of_keyword,
    "a global": of_global,
    "a class": of_class,
    "an imported function": of_import,
    "a partial": lambda rng: functools.partial(lambda rng, scan=0: float(rng.random()), rng),
    "a bound method": lambda rng: Sampler(rng).draw,
    "an object": Sampler,
    "a validator": lambda rng: Task(
        lambda scan=0: float(rng.random()), validate_output=lambda r: rng.random() >= 0
    ),
}
GENERATORS = {
    "default_rng": lambda: np.random.default_rng(1),
    "RandomState": lambda: np.random.RandomState(1),
    "Random": lambda: random.Random(1),
    "Philox": lambda: np.random.Generator(np.random.Philox(1)),
    "MT19937": lambda: np.random.Generator(np.random.MT19937(1)),
    "SFC64": lambda: np.random.Generator(np.random.SFC64(1)),
}


def is_far(executor):
    return executor not in ("sequential", "threads") and not hasattr(executor, "_threads")


def draws(function, executor, **options):
    names = {"scan": lambda: list(range(6)), "draw": function}
    text = "scan -> map draw\n scan -.-> [draw as a, draw as b]"
    done = run(text, namespace=names, executor=executor, **options)
    return [*done["draw"], done["a"], done["b"]]


@pytest.mark.parametrize(
    ("holder", "kind"),
    [*((holder, "default_rng") for holder in HOLDERS),
     *(("a closure", kind) for kind in GENERATORS),
     *(("an imported function", kind) for kind in ("RandomState", "Random"))],
)  # fmt: skip
def test_no_two_draw_alike(executor, holder, kind):
    first = draws(HOLDERS[holder](GENERATORS[kind]()), executor)
    assert len(set(first)) == 8
    if is_far(executor):
        assert draws(HOLDERS[holder](GENERATORS[kind]()), executor, workers=1) == first


@pytest.mark.parametrize("kind", GENERATORS)
def test_all_far_executors_draw_the_same(pools, kind):
    drawn = {
        tuple(draws(of_closure(GENERATORS[kind]()), executor, workers=workers))
        for executor in ("processes", pools["fork"], pools["spawn"])
        for workers in (1, 2)
    }
    assert len(drawn) == 1


def test_another_seed_and_another_state_give_other_numbers():
    rng = np.random.default_rng(1)
    first = draws(of_closure(rng), "processes")
    assert draws(of_closure(rng), "processes") == first  # what workers draw does not count here
    rng.random()
    second = draws(of_closure(rng), "processes")
    assert set(first).isdisjoint(second)
    assert set(first).isdisjoint(draws(of_closure(np.random.default_rng(2)), "processes"))


def test_functions_of_the_modules(executor):
    def by_import(scan=0):
        return draw_one()

    def by_name(scan=0):
        return random.random()

    uniform = np.random.rand

    def of_numpy(scan=0):
        return float(uniform())

    def of_numpy_by_name(scan=0):
        return float(np.random.rand())

    for function in (by_import, by_name, of_numpy, of_numpy_by_name):
        assert len(set(draws(function, executor))) == 8


@pytest.mark.parametrize("seeds", [False, True])
def test_forked_workers_do_not_draw_alike_from_numpy_itself(seeds, tmp_path):
    def draw(folder):
        (folder / str(os.getpid())).touch()
        while len(list(folder.iterdir())) < 2:  # until each worker has one
            time.sleep(0.002)
        return float(np.random.rand())

    np.random.seed(1)
    with ProcessPoolExecutor(
        2,
        mp_context=multiprocessing.get_context("fork"),
        initializer=np.random.seed if seeds else None,
        initargs=(5,) if seeds else (),
    ) as pool:
        done = run("a\n b", {"folder": tmp_path}, namespace={"a": draw, "b": draw}, executor=pool)
    np.random.seed(None)
    assert (done["a"] == done["b"]) is seeds


def test_pairs_and_children(executor):
    """The second of a pair of normal numbers is drawn with the first one, and children are new."""
    old, seeds = np.random.RandomState(1), np.random.SeedSequence(1)
    new = np.random.default_rng(2)
    old.randn()

    def draw(scan=0):
        children = [*new.spawn(1), np.random.default_rng(seeds.spawn(1)[0])]
        return (float(old.randn()), *(float(each.random()) for each in children))

    assert [len(set(column)) for column in zip(*draws(draw, executor), strict=True)] == [8, 8, 8]


def test_one_generator_in_two_places_is_one(executor):
    rng = random.Random(1)
    other = rng.random

    def draw(scan=0):
        return rng.random() != other()

    assert all(draws(draw, executor))


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "module_that_draws.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("module_that_draws")
    sys.modules.pop("module_that_draws", None)


def test_a_module_of_the_user_s(module):
    def outer(scan=0):
        return module.draw()

    def names_it(scan=0):
        import module_that_draws

        return module_that_draws.draw()

    for function in (module.draw, outer, names_it):
        first = draws(function, "processes", workers=2)
        assert len(set(first)) == 8
        assert draws(function, "processes", workers=1) == first
    with pytest.raises(TaskError, match=r"it uses 'ids', an itertools.count"):
        draws(module.number, "processes")


def test_arguments_are_what_they_are(executor):
    rng = random.Random(1)
    names = {"take": lambda rng: rng.random()}
    assert run("take", {"rng": rng}, namespace=names, executor=executor)["take"] == (
        random.Random(1).random()
    )


@pytest.mark.parametrize("kind", GENERATORS)
def test_an_argument_of_several_gives_each_its_own_stream(executor, kind):
    names = {
        "scan": lambda: list(range(4)),
        "work": lambda scan, rng: float(rng.random()),
        "alone": lambda rng: float(rng.random()),
    }
    text = "scan -> map work\n alone as a\n alone as b"
    inputs = {"rng": GENERATORS[kind]()}
    done = run(text, inputs, namespace=names, executor=executor)
    drawn = [*done["work"], done["a"], done["b"]]
    assert len(set(drawn)) == 6
    names["make"] = GENERATORS[kind]
    text = "make -> [alone as a, alone as b]\n scan -> map work\n make -> work"
    names["work"] = lambda scan, make: float(make.random())
    done = run(text, namespace=names, executor=executor)
    assert len({*done["work"], done["a"], done["b"]}) == 6
    if is_far(executor):
        again = run(text, namespace=names, executor=executor, workers=1)
        assert (again["work"], again["a"]) == (done["work"], done["a"])


def test_items_are_what_they_are(executor):
    names = {
        "scan": lambda: [random.Random(1), random.Random(1), random.Random(2)],
        "draw": lambda rng: rng.random(),
    }
    one, same, other = run("scan -> map draw", namespace=names, executor=executor)["draw"]
    assert one == same != other


# ---- iterators ----------------------------------------------------------------------------------

ITERATORS = {
    "count": itertools.count,
    "cycle": lambda: itertools.cycle([1, 2]),
    "islice": lambda: itertools.islice([1, 2, 3, 4, 5, 6, 7, 8, 9], 9),
    "iter": lambda: iter(range(9)),
    "map": lambda: map(abs, range(9)),
    "zip": lambda: zip(range(9), strict=True),
    "enumerate": lambda: enumerate("abcdefghi"),
    "generator": lambda: (n for n in range(9)),
}


class Numbered:
    def __init__(self, ids):
        self.ids = ids

    def take(self, scan=0):
        return next(self.ids)


def by_closure(ids):
    return lambda scan=0: next(ids)


def by_helper(ids):
    def helper():
        return next(ids)

    return lambda scan=0: helper()


def by_method(ids):
    take = ids.__next__
    return lambda scan=0: take()


def by_default(ids):
    return lambda scan=0, ids=ids: next(ids)


def by_list(ids):
    all_ids = [ids]
    return lambda scan=0: next(all_ids[0])


NAMERS = {
    "a closure": (by_closure, "it uses 'ids', an? "),
    "a helper": (by_helper, r"it uses 'ids' \(<lambda> → helper → ids\), an? "),
    "a method of it": (by_method, "it uses 'take', an? "),
    "a default": (by_default, "it uses 'ids', an? "),
    "an attribute": (lambda ids: Numbered(ids).take, "it uses 'ids', an? "),
    "a list": (
        lambda ids: lambda scan=0, all_ids=[ids]: next(all_ids[0]),
        "it uses 'all_ids', an? ",
    ),
}


@pytest.mark.parametrize(
    ("namer", "kind"),
    [*((namer, "count") for namer in NAMERS), *(("a closure", kind) for kind in ITERATORS)],
)
def test_an_iterator_is_not_copied(executor, namer, kind):
    make, text = NAMERS[namer]
    if is_far(executor):
        with pytest.raises(TaskError, match=f"its function cannot be sent .*: {text}.*"):
            draws(make(ITERATORS[kind]()), executor)
    else:
        draws(make(ITERATORS[kind]()), executor)


def test_an_attribute_of_that_name_is_another(executor):
    names = {"real": itertools.count(), "__name__": "__main__"}
    exec("def take(scan): return scan.real", names)
    names |= {"scan": lambda: 7}
    assert run("scan -> take", namespace=names, executor=executor)["take"] == 7


def test_a_file_is_not_copied(tmp_path):
    (tmp_path / "data").write_text("a\nb\n")
    with (tmp_path / "data").open() as file, pytest.raises(TaskError, match="it uses 'file', a T"):
        run("a", namespace={"a": lambda: next(file)}, executor="processes")
