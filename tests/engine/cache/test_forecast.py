"""What a run with a cache would do, told before it runs: the same that it does then."""

import pytest

from taskinity_nb import history, parse_dsl, parse_flows, run, skip, task
from taskinity_nb.engine.cache import forecast as made
from taskinity_nb.engine.store.store import Store

CHAIN = """
FACTOR = 2
def load(): ran.append("load"); return [1, 2, 3]
def scale(load): ran.append("scale"); return [FACTOR * x for x in load]
def total(scale): ran.append("total"); return sum(scale)
"""
FLOW = "load -> scale -> total"


class Ran(list):
    """What has run: a cache must not care, so it is no part of what tasks do."""

    def __reduce__(self):
        return Ran, ()


def space_of(source):
    names = {"__name__": "__main__", "task": task, "skip": skip, "ran": Ran()}
    exec(source, names)
    return names


def forecast(flow, inputs=None, namespace=None, cache=True, **options):
    flow = parse_dsl(flow) if isinstance(flow, str) else flow
    return made.forecast(flow, inputs, namespace, cache, **options)


def told(found):
    return {row.task: row.words for row in found}


def kinds(found):
    return [row.kind for row in found]


def agrees(found, ran):
    """Tell whether a run did what was told of it."""
    states = {name: str(record.state) for name, record in ran.tasks.items()}
    wanted = {
        "cached": {"cached"},
        "runs": {"succeeded"},
        "may run": {"cached", "succeeded", "skipped"},
    }
    return all(states[row.task] in wanted.get(row.kind, {states[row.task]}) for row in found)


def test_nothing_runs_and_nothing_is_written(tmp_path):
    space, cache = space_of(CHAIN), tmp_path / "cache"
    found = forecast(FLOW, namespace=space, cache=cache)
    assert told(found) == dict.fromkeys(["load", "scale", "total"], "runs for the first time")
    assert not cache.exists() and not space["ran"]
    before = len(history())
    run(FLOW, namespace=space, cache=cache)
    space["ran"].clear()
    store = Store(cache)
    rows = store._index.all("SELECT key, used, hits FROM entries")
    assert kinds(forecast(FLOW, namespace=space, cache=cache)) == ["cached"] * 3
    assert store._index.all("SELECT key, used, hits FROM entries") == rows
    store.close()
    assert not space["ran"] and len(history()) == before + 1


def test_what_follows_a_task_that_runs_again_may_run(tmp_path):
    run(FLOW, namespace=space_of(CHAIN), cache=tmp_path)
    edited = space_of(CHAIN.replace("FACTOR = 2", "FACTOR = 3"))
    found = forecast(FLOW, namespace=edited, cache=tmp_path)
    assert kinds(found) == ["cached", "runs", "may run"]
    assert found["scale"].words == "runs again: 'FACTOR', which 'scale' uses, was 2 and is 3"
    assert found["total"].words == "may run: 'scale' runs again"
    assert [str(record.state) for record in found.run.tasks.values()] == [
        "cached", "pending", "pending"
    ]  # fmt: skip
    assert agrees(found, run(FLOW, namespace=edited, cache=tmp_path))


def test_what_runs_whatever_it_gets_is_told(tmp_path):
    run(FLOW, namespace=space_of(CHAIN), cache=tmp_path)
    edited = space_of(CHAIN.replace("FACTOR = 2", "FACTOR = 3").replace("sum(scale)", "max(scale)"))
    found = forecast(FLOW, namespace=edited, cache=tmp_path)
    assert kinds(found) == ["cached", "runs", "runs"]
    assert found["total"].words == "runs again: 'total' has another text"
    off = space_of(CHAIN.replace("def total", "@task(cache=False)\ndef total"))
    assert told(forecast(FLOW, namespace=off, cache=tmp_path, rerun="scale")) == {
        "load": found["load"].words,
        "scale": "runs again: it was named in rerun",
        "total": "not cached: its task says cache=False",
    }


def test_targets_and_overrides(tmp_path):
    space = space_of(CHAIN)
    run(FLOW, namespace=space, cache=tmp_path)
    found = forecast(
        FLOW, namespace=space, cache=tmp_path, targets="scale", overrides={"load": [1]}
    )
    assert told(found) == {
        "load": "given by overrides",
        "scale": "runs again: 'load' gave another result",
        "total": "left out: not needed for 'scale'",
    }


MAPS = """
def square(n): return n * n
def inc(n): return n + 1
def total(ns): return sum(ns)
def two(a, b): return a * b
def even(n): return n % 2 == 0
def big(ns): return sum(ns) > 3
"""


@pytest.mark.parametrize(
    "flow",
    [
        "input ns\nns -> map square -> total",
        "input ns\nns -> map square -> map inc -> total",
        "input ns\nns -> map square\n[ns, square] -> zip two -> total",
        "input ns\nns -> map square\n[square, ns] -> product two -> total",
        "input ns\nns -> map square -> big\nsquare -> total when big",
        "input ns\nns -> map even\nns -> map square when even\nsquare -> total",
        "flow Inner:\n    input ns\n    ns -> map square -> total\n\nflow Outer:\n    Inner -> inc",
    ],
)
@pytest.mark.parametrize("then", [[1, 2, 3], []])
@pytest.mark.parametrize("now", [[1, 2, 3], [1, 2, 3, 4], [3, 2], []])
def test_items(tmp_path, flow, then, now):
    parsed, space = parse_flows(flow)[-1], space_of(MAPS)
    run(parsed, {"ns": then}, namespace=space, cache=tmp_path)
    found = forecast(parsed, {"ns": now}, namespace=space, cache=tmp_path)
    ran = run(parsed, {"ns": now}, namespace=space, cache=tmp_path)
    assert agrees(found, ran)
    assert set(kinds(forecast(parsed, {"ns": now}, namespace=space, cache=tmp_path))) <= {
        "cached", "ends"
    }  # fmt: skip
    for row in found:
        if row.items is not None:
            states = [str(item.state) for item in ran.tasks[row.task].items]
            assert states.count("cached") >= row.items.get("cached", 0)
            assert states.count("succeeded") >= row.items.get("runs", 0)


def test_items_are_counted(tmp_path):
    flow, space = "input ns\nns -> map square -> map inc -> total", space_of(MAPS)
    run(flow, {"ns": [1, 2, 3]}, namespace=space, cache=tmp_path)
    found = forecast(flow, {"ns": [1, 2, 3, 4, 5]}, namespace=space, cache=tmp_path)
    assert told(found) == {
        "square": "3 of 5 items cached; 2 run for the first time",
        "inc": "3 of 5 items cached; 2 may run: 'square[3]' runs for the first time",
        "total": "may run: 'square[3]' runs for the first time",
    }


def test_what_can_be_read_only_once_is_not_read(tmp_path):
    flow, space, numbers = "input ns\nns -> map square -> total", space_of(MAPS), iter([1, 2])
    run(flow, {"ns": [1, 2]}, namespace=space, cache=tmp_path)
    found = forecast(flow, {"ns": numbers}, namespace=space, cache=tmp_path)
    assert told(found)["square"] == "may run: its input, a list_iterator, is read when it runs"
    assert list(numbers) == [1, 2]


def test_what_fails_before_it_runs(tmp_path):
    space = space_of("def load(): return 3\ndef square(n): return n\ndef total(n): return n\n")
    run("load", namespace=space, cache=tmp_path)
    found = forecast("load -> map square -> total", namespace=space, cache=tmp_path)
    assert found["square"].words.startswith("fails: ")
    assert found["total"].words == "because of 'square'"


def test_explain_shows_it(tmp_path):
    space = space_of(CHAIN)
    run(FLOW, namespace=space, cache=tmp_path)
    edited = space_of(CHAIN.replace("FACTOR = 2", "FACTOR = 3"))
    found = parse_dsl(FLOW).explain(namespace=edited, cache=tmp_path)
    text, html = repr(found), found._repr_html_()
    assert "may run   total  may run: 'scale' runs again" in text
    assert "load  <- result of load" in text
    assert "data:image/svg+xml" in html and "was 2 and is 3" in html
    assert repr(parse_dsl(FLOW).explain(namespace=edited, cache=False)).startswith("flow\n")
