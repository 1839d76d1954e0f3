"""Two computations that are not the same have two keys; what is the same again has one."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from recounted import functions, states, whys

from taskinity_nb import run, start
from taskinity_nb.engine.cache import keys, opening

STAR = """
def a(): return 1
def b(): return 2
def both(*args): return args
"""


def test_several_arguments_of_one_name(tmp_path):
    flow = "a -> both\nb -> both"
    run(flow, namespace=functions(STAR), cache=tmp_path)
    for old, new, wanted, source in [("1", "3", (3, 2), "a"), ("2", "4", (1, 4), "b")]:
        edited = functions(STAR.replace(f"return {old}", f"return {new}"))
        again = run(flow, namespace=edited, cache=tmp_path)
        assert again["both"] == wanted
        assert whys(again)["both"] == f"runs again: '{source}' gave another result"
        run(flow, namespace=functions(STAR), cache=tmp_path, rerun="both")


def test_arguments_that_a_name_and_a_place_tell_apart(tmp_path):
    source = "def f({}, **more): return {}, more"
    made = [
        run("f(y=x, x=y)", {"x": 1, "y": 2}, namespace=functions(source.format(*each)),
            cache=tmp_path)["f"]
        for each in [("x", "x"), ("y", "y")]
    ]  # fmt: skip
    assert made == [(2, {"y": 1}), (1, {"x": 2})]


def test_a_number_that_is_too_large_to_be_told(tmp_path):
    space = functions("def grow(n): return n + 1")
    for number in (10**6000, 10**6000 + 1, 10**6000):
        made = run("grow", {"n": number}, namespace=space, cache=tmp_path)
        assert made["grow"] == number + 1
    assert states(made) == {"grow": "cached"}


def test_equal_results_that_are_built_otherwise(tmp_path):
    source = "def one():\n    x = [0]\n    return [x, x]\ndef two(): return [[0], [0]]"
    for _ in range(2):
        made = run("one -> two", namespace=functions(source), cache=tmp_path)
        assert made["one"][0] is made["one"][1]
        assert made["two"][0] is not made["two"][1]
    assert set(states(made).values()) == {"cached"}


def test_a_folder_counts_as_where_it_is(tmp_path, monkeypatch):
    space = functions("def names(folder): return sorted(os.listdir(folder))", os=os)
    for name in ("here", "there", "here"):
        (tmp_path / name / "data" / name).mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(tmp_path / name)
        made = run("names", {"folder": Path("data")}, namespace=space, cache=tmp_path / "cache")
        assert made["names"] == [name]
    assert states(made) == {"names": "cached"}
    monkeypatch.chdir(tmp_path / "there")
    (tmp_path / "there" / "data" / "more").touch()
    other = functions("def names(folder): return len(os.listdir(folder))", os=os)
    run("names", {"folder": Path("data")}, namespace=other, cache=tmp_path / "cache")
    monkeypatch.chdir(tmp_path / "here")
    again = run("names", {"folder": Path("data")}, namespace=other, cache=tmp_path / "cache")
    assert whys(again)["names"] == (
        "runs again: the working directory is another, from which a path leads on"
    )


def test_a_given_list_is_what_a_map_made(tmp_path):
    space = functions(
        "def load(): return [1, 2]\ndef twice(n): return 2 * n\ndef total(twice): return sum(twice)"
    )
    flow = "load -> map twice -> total"
    first = run(flow, namespace=space)
    run(flow, namespace=space, cache=tmp_path)
    given = run(flow, namespace=space, overrides={"twice": [2, 4]}, cache=tmp_path)
    assert states(given)["total"] == "cached"
    space = space | functions("def total(twice): return 0 + sum(twice)")
    run(flow, namespace=space, cache=tmp_path)
    kept = first.resume(namespace=space, cache=tmp_path)
    assert states(kept)["total"] == "cached" and kept["total"] == 6


def test_who_is_tried_again_says_why_once(tmp_path):
    space = functions(
        "tries = iter([0, 1] * 4)\n"
        "@task(retries=1, cache=True)\n"
        "def fetch(n):\n    return n / TRIES.pop()\n", TRIES=_Tries([1, 0, 1]),
    )  # fmt: skip
    run("fetch", {"n": 1}, namespace=space, cache=tmp_path)
    again = run("fetch", {"n": 2}, namespace=space, cache=tmp_path)
    assert whys(again) == {"fetch": "runs again: its input 'n' was 1 and is 2"}


class _Tries(list):
    """What counts as nothing, so that taking something away is no change."""

    def __reduce__(self):
        return _Tries, ()


def test_a_run_that_nobody_waits_for_lets_go_of_its_store(tmp_path):
    going = start("work", namespace={"work": lambda: 1}, cache=tmp_path)
    going_on = threading.Event()
    while opening._open:
        assert not going_on.wait(0.001)
    assert going.done and going["work"] == 1


def test_what_ends_after_its_run_was_cancelled(tmp_path, recwarn):
    begun, let_end = threading.Event(), threading.Event()
    source = """
    def quick(): return 1
    def slow(quick):
        EVENTS[0].set()
        EVENTS[1].wait()
        return 2
    """
    space = functions("\n".join(line[4:] for line in source.splitlines()))
    space["EVENTS"] = _Tries([begun, let_end])
    going = start("quick -> slow", namespace=space, cache=tmp_path)
    begun.wait()
    going.cancel()
    with pytest.raises(Exception, match="was cancelled"):
        going.wait()
    let_end.set()
    while opening._open:
        begun.wait()
    assert whys(going) == {"quick": "", "slow": ""}
    again = run("quick -> slow", namespace=space, cache=tmp_path)
    assert states(again) == {"quick": "cached", "slow": "succeeded"}
    assert not recwarn.list


def test_a_task_that_changes_what_it_gets_and_returns_it(tmp_path):
    source = """
    def load(): return [1]
    def grown(load):
        load.append(2)
        return load
    def both(grown, load): return list(grown)
    """
    flow = "load -> grown -> both\nload -> both"
    space = functions("\n".join(line[4:] for line in source.splitlines()))
    for _ in range(2):
        made = run(flow, namespace=space, cache=tmp_path, executor="sequential")
        assert made["both"] == [1, 2]
    assert set(states(made).values()) == {"cached"}
    other = functions("def grown(load): return load")
    made = run(flow, namespace=space | {"grown": other["grown"]}, cache=tmp_path)
    assert made["both"] == [1]


def test_a_broadcast_value_is_looked_at_once(tmp_path, monkeypatch):
    looked = []
    known = keys._taken
    monkeypatch.setattr(keys, "_taken", lambda value: looked.append(value) or known(value))
    source = "def load(): return {'big': BIG, 'n': 1}\ndef f(n, big): return n + len(big)"
    space = functions(source, BIG=(0,) * 1000)
    for flow in ("input ns\nns -> map f\nload.big -> f", "input ns, big\nns -> map f\nbig -> f"):
        given = {"ns": [1, 2, 3]} | ({"big": space["BIG"]} if "input ns, big" in flow else {})
        made = run(flow, given, namespace=space, cache=tmp_path)
        assert made["f"] == [1001, 1002, 1003]
    assert len([value for value in looked if value is space["BIG"]]) <= 1


@pytest.mark.parametrize("options", [{"executor": "nonsense"}, {"resume": 3}])
def test_a_run_that_cannot_begin_lets_go_of_its_store(tmp_path, options):
    with pytest.raises(Exception, match=r"nonsense|int"):  # and holds the frames it came through
        run("work", namespace={"work": lambda: 1}, cache=tmp_path, **options)
    assert not opening._open


def test_what_says_a_name_that_does_not_lead_to_it(tmp_path):
    source = "grow = np.frompyfunc(lambda x: x + {}, 1, 1)\ndef f(): return grow(1)"
    for more in (1, 2):
        made = run("f", namespace=functions(source.format(more)), cache=tmp_path)
        assert made["f"] == 1 + more
        assert whys(made)["f"] == (
            "not cached: 'grow', which it uses, has no copy (a 'numpy.ufunc')"
        )
    known = functions("def f(): return np.add(1, 2)")
    for _ in range(2):
        made = run("f", namespace=known, cache=tmp_path)
    assert states(made) == {"f": "cached"}


def test_a_generator_of_the_users_is_not_one_of_a_module(tmp_path):
    source = "import random\nmine = random.Random(1)\ndraw = mine.random\ndef f(): return draw()"
    made = run("f", namespace=functions(source), cache=tmp_path)
    assert whys(made)["f"] == "not cached: it draws from 'draw', which goes on from run to run"
