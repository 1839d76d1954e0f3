"""A run that takes results from a cache, and puts them there."""

import sqlite3
import threading
from contextlib import closing

import pytest
from recounted import functions, states, whys

from taskinity_nb import Flow, TaskError, run
from taskinity_nb.engine.store.index import Index
from taskinity_nb.errors import CacheWarning

EXECUTORS = ["sequential", "threads", "processes"]


CHAIN = """
FACTOR = 2
def load(): return [1, 2, 3]
def scale(load): return [FACTOR * x for x in load]
def total(scale): return sum(scale)
"""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_was_made_before_is_not_made_again(tmp_path, executor):
    first = run("load -> scale -> total", namespace=functions(CHAIN), executor=executor,
                cache=tmp_path)  # fmt: skip
    again = run("load -> scale -> total", namespace=functions(CHAIN), executor=executor,
                cache=tmp_path)  # fmt: skip
    assert states(first) == dict.fromkeys(["load", "scale", "total"], "succeeded")
    assert states(again) == dict.fromkeys(["load", "scale", "total"], "cached")
    assert dict(again) == dict(first) == {"load": [1, 2, 3], "scale": [2, 4, 6], "total": 12}
    assert all(why.startswith("cached: ") for why in whys(again).values())


def test_what_changed_runs_again_and_says_so(tmp_path):
    run("load -> scale -> total", namespace=functions(CHAIN), cache=tmp_path)
    edited = functions(CHAIN.replace("FACTOR = 2", "FACTOR = 3"))
    again = run("load -> scale -> total", namespace=edited, cache=tmp_path)
    assert states(again) == {"load": "cached", "scale": "succeeded", "total": "succeeded"}
    assert again["total"] == 18
    assert whys(again)["scale"] == "runs again: 'FACTOR', which 'scale' uses, was 2 and is 3"
    assert whys(again)["total"] == "runs again: 'scale' gave another result"


def test_who_gives_the_same_again_leaves_what_follows_cached(tmp_path):
    run("load -> scale -> total", namespace=functions(CHAIN), cache=tmp_path)
    edited = functions(CHAIN.replace("FACTOR * x", "x * FACTOR"))
    again = run("load -> scale -> total", namespace=edited, cache=tmp_path)
    assert states(again) == {"load": "cached", "scale": "succeeded", "total": "cached"}
    assert whys(again)["scale"] == "runs again: 'scale' has another text"


def test_an_executor_finds_what_another_made(tmp_path):
    run("load -> scale -> total", namespace=functions(CHAIN), executor="processes", cache=tmp_path)
    again = run("load -> scale -> total", namespace=functions(CHAIN), cache=tmp_path)
    assert set(states(again).values()) == {"cached"}


MAP = """
def square(n): return n * n
def total(square): return sum(square)
"""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_each_item_of_a_map_has_its_own(tmp_path, executor):
    flow, space = "input ns\nns -> map square -> total", functions(MAP)
    run(flow, {"ns": [1, 2, 3]}, namespace=space, executor=executor, cache=tmp_path)
    again = run(flow, {"ns": [1, 2, 3, 4]}, namespace=space, executor=executor, cache=tmp_path)
    items = again.tasks["square"].items
    assert [str(item.state) for item in items] == ["cached"] * 3 + ["succeeded"]
    assert again["total"] == 30
    assert again.tasks["square"].why.startswith("3 of 4 items cached: ")
    third = run(flow, {"ns": [1, 2, 3, 4]}, namespace=space, executor=executor, cache=tmp_path)
    assert states(third) == {"square": "cached", "total": "cached"}
    assert third["square"] == [1, 4, 9, 16] and third.critical_path == ()


def test_a_changed_input_is_told(tmp_path):
    space = functions("def grow(n, by=1): return n + by")
    run("grow", {"n": 1}, namespace=space, cache=tmp_path)
    again = run("grow", {"n": 2}, namespace=space, cache=tmp_path)
    assert whys(again) == {"grow": "runs again: its input 'n' was 1 and is 2"}
    assert states(run("grow", {"n": 1}, namespace=space, cache=tmp_path)) == {"grow": "cached"}


def test_a_part_of_a_result_counts_alone(tmp_path):
    source = """
    def split(n): return {"x": 1, "y": n}
    def left(x): return x
    def right(y): return y
    """
    space = functions("\n".join(line[4:] for line in source.splitlines()))
    flow = "x, y = split\nx -> left\ny -> right"
    run(flow, {"n": 1}, namespace=space, cache=tmp_path)
    again = run(flow, {"n": 2}, namespace=space, cache=tmp_path)
    assert states(again) == {"split": "succeeded", "left": "cached", "right": "succeeded"}
    assert whys(again)["right"] == "runs again: 'y' gave another result"


def test_what_is_not_cached_says_why(tmp_path):
    source = """
    import threading, random
    import numpy
    lock, rng = threading.Lock(), random.Random(1)
    @task(cache=False)
    def off(): return 1
    def held():
        with lock: return 2
    def drawn(): return rng.random()
    def local():
        class Row: pass
        return Row()
    def opened(): return open(__import__("os").devnull)
    """
    space = functions("\n".join(line[4:] for line in source.splitlines()))
    first = run("off\nheld\ndrawn\nlocal\nopened", namespace=space, cache=tmp_path)
    first["opened"].close()
    assert whys(first) == {
        "off": "not cached: its task says cache=False",
        "held": "not cached: 'lock', which it uses, has no copy (a '_thread.lock')",
        "drawn": "not cached: it draws from 'rng', which goes on from run to run",
        "local": "not cached: its result holds a 'Row' that is defined within 'local'",
        "opened": "not cached: its result, a TextIOWrapper, can be read only once",
    }


def test_failures_and_skips_are_not_cached(tmp_path):
    space = functions(
        "calls = []\n"
        "def fails():\n    raise ValueError('no')\n"
        "def leaves():\n    skip()\n"
    )  # fmt: skip
    for _ in range(2):
        with pytest.raises(TaskError):
            run("fails\nleaves", namespace=space, cache=tmp_path)
    ended = run("fails\nleaves", namespace=space, cache=tmp_path, on_error="continue")
    assert states(ended) == {"fails": "failed", "leaves": "skipped"}


def test_a_file_counts_by_what_it_is_now(tmp_path):
    file = tmp_path / "data.txt"
    file.write_text("one")
    space = functions("def read(path): return path.read_text()")
    cache = tmp_path / "cache"
    assert run("read", {"path": file}, namespace=space, cache=cache)["read"] == "one"
    assert states(run("read", {"path": file}, namespace=space, cache=cache)) == {"read": "cached"}
    file.write_text("three")
    again = run("read", {"path": file}, namespace=space, cache=cache)
    assert again["read"] == "three"
    assert whys(again) == {"read": f"runs again: the file '{file}', which it uses, has changed"}


def test_a_file_that_a_task_makes(tmp_path):
    space = functions("def write(path):\n    path.write_text('made')\n    return path")
    cache, file = tmp_path / "cache", tmp_path / "out.txt"
    run("write", {"path": file}, namespace=space, cache=cache)
    assert states(run("write", {"path": file}, namespace=space, cache=cache)) == {"write": "cached"}
    edited = functions("def write(path):\n    path.write_text('otherwise')\n    return path")
    for state in ("succeeded", "cached"):
        again = run("write", {"path": file}, namespace=edited, cache=cache)
        assert states(again) == {"write": state}
    file.unlink()
    again = run("write", {"path": file}, namespace=space, cache=cache)
    assert states(again) == {"write": "succeeded"} and file.read_text() == "made"


def test_rerun_names_what_runs_whatever_there_is(tmp_path):
    run("load -> scale -> total", namespace=functions(CHAIN), cache=tmp_path)
    again = run("load -> scale -> total", namespace=functions(CHAIN), cache=tmp_path, rerun="scale")
    assert states(again) == {"load": "cached", "scale": "succeeded", "total": "cached"}
    assert whys(again)["scale"] == "runs again: it was named in rerun"


def test_a_version_has_a_task_run_again(tmp_path):
    source = "@task(version='1')\ndef answer(): return 42"
    run("answer", namespace=functions(source), cache=tmp_path)
    again = run("answer", namespace=functions(source.replace("'1'", "'2'")), cache=tmp_path)
    assert states(again) == {"answer": "succeeded"}
    assert states(run("answer", namespace=functions(source), cache=tmp_path)) == {
        "answer": "cached"
    }


def test_classes_of_the_notebook_are_the_ones_that_live_here(tmp_path, monkeypatch):
    import __main__

    source = "class Row:\n    def __init__(self, n): self.n = n\ndef load(): return [Row(1)]\n"
    space = functions(source)
    monkeypatch.setattr(__main__, "Row", space["Row"], raising=False)
    run("load", namespace=space, cache=tmp_path)
    again = run("load", namespace=space, cache=tmp_path)
    assert states(again) == {"load": "cached"}
    assert type(again["load"][0]) is space["Row"] and again["load"][0].n == 1


def test_coroutines(tmp_path):
    space = functions("async def fetch(n): return n + 1\ndef use(fetch): return fetch * 2")
    run(
        "input ns\nns -> map fetch -> use",
        {"ns": [1, 2]},
        namespace=functions("async def fetch(n): return n + 1\ndef use(fetch): return sum(fetch)"),
        cache=tmp_path,
    )
    run("fetch -> use", {"n": 1}, namespace=space, cache=tmp_path)
    again = run("fetch -> use", {"n": 1}, namespace=space, cache=tmp_path)
    assert states(again) == {"fetch": "cached", "use": "cached"} and again["use"] == 4


def test_a_folder_that_cannot_be_used_costs_the_cache_and_not_the_run(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.warns(UserWarning, match="this run goes on without a cache: "):
        made = run("load", namespace=functions(CHAIN), cache=file)
    assert made["load"] == [1, 2, 3]


def test_many_threads_of_one_run(tmp_path):
    space = functions("def work(n): return [n] * 10")
    flow = "input ns\nns -> map work"
    for _ in range(2):
        made = run(flow, {"ns": range(300)}, namespace=space, cache=tmp_path, workers=8)
        assert made["work"] == [[n] * 10 for n in range(300)]
    assert states(made) == {"work": "cached"}
    assert threading.active_count() < 50


def _asking(monkeypatch):
    """Count what is asked of the index."""
    asked = []
    for name in ("one", "all"):
        known = getattr(Index, name)

        def ask(self, query, *values, known=known):
            asked.append(query)
            return known(self, query, *values)

        monkeypatch.setattr(Index, name, ask)
    return asked


@pytest.mark.parametrize("flow", ["input ns\nns -> map square -> total", "wide"])
def test_many_are_looked_up_together(tmp_path, monkeypatch, flow):
    names = [f"t{n}" for n in range(600)]
    if flow == "wide":
        flow = Flow("wide", tasks=names)
    inputs = {"ns": list(range(600))} if isinstance(flow, str) else {}
    space = functions(MAP + "".join(f"def t{n}(): return {n}\n" for n in range(600)))
    run(flow, inputs, namespace=space, cache=tmp_path)
    asked = _asking(monkeypatch)
    again = run(flow, inputs, namespace=space, cache=tmp_path)
    assert set(states(again).values()) == {"cached"}
    assert len([query for query in asked if "FROM entries" in query]) < 20


def test_what_was_kept_before_the_last_time_is_found_too(tmp_path):
    for factor, state in [(1, "succeeded"), (2, "succeeded"), (1, "cached"), (2, "cached")]:
        space = functions(f"def times(n): return {factor} * n")
        made = run("input ns\nns -> map times", {"ns": [1, 2, 3]}, namespace=space, cache=tmp_path)
        assert made["times"] == [factor, 2 * factor, 3 * factor]
        assert states(made) == {"times": state}


@pytest.mark.parametrize("column", ["parts", "files", "digest", "seconds"])
def test_a_damaged_row_among_others_is_a_miss(tmp_path, column):
    flow, space = "input ns\nns -> map square", functions(MAP)
    run(flow, {"ns": [1, 2, 3]}, namespace=space, cache=tmp_path)
    with closing(sqlite3.connect(tmp_path / "index.db")) as rows, rows:
        rows.execute(f"UPDATE entries SET {column} = 'x' WHERE item = 1")
    with pytest.warns(CacheWarning, match="is damaged"):
        made = run(flow, {"ns": [1, 2, 3]}, namespace=space, cache=tmp_path)
    assert made["square"] == [1, 4, 9]
    assert [str(item.state) for item in made.tasks["square"].items] == [
        "cached", "succeeded", "cached",
    ]  # fmt: skip


def test_a_mapped_task_that_fails_tells_how_much_of_it_was_cached(tmp_path):
    flow, source = "ns -> map f -> end", "def f(n): return 1 / (n - {})\ndef end(f): return f"
    flow = f"input ns\n{flow}"
    run(flow, {"ns": [1, 2]}, namespace=functions(source.format(3)), cache=tmp_path)
    again = run(
        flow, {"ns": [1, 2, 3]}, namespace=functions(source.format(3)), cache=tmp_path,
        on_error="continue",
    )  # fmt: skip
    assert states(again) == {"f": "failed", "end": "upstream_failed"}
    assert whys(again)["f"].startswith("2 of 3 items cached: ")


def test_items_that_were_lost_are_not_counted_as_cached(tmp_path):
    flow = "input ns\nns -> map f -> map g -> end"
    source = "def f(n): return 1 / (n - 3)\ndef g(f): return 2 * f\ndef end(g): return g"
    run(flow, {"ns": [1, 2]}, namespace=functions(source), cache=tmp_path)
    again = run(
        flow, {"ns": [1, 2, 3]}, namespace=functions(source), cache=tmp_path, on_error="continue"
    )
    assert states(again) == {"f": "failed", "g": "upstream_failed", "end": "upstream_failed"}
    assert [str(item.state) for item in again.tasks["g"].items] == ["cached"] * 2 + [
        "upstream_failed"
    ]
    assert whys(again)["g"].startswith("2 of 3 items cached: ")
