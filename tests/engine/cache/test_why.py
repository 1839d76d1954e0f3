"""The whole comparison for a task of a run with a cache: each part of its key."""

import copy
import pickle

import pytest

from taskinity_nb import FlowError, TaskError, run
from taskinity_nb.engine.cache import compared

FLOW = "input n\n[load, n] -> scale -> total"
SOURCE = """
FACTOR, OFF = 2, 1
def load(): return [1, 2, 3]
def scale(load, n): return [FACTOR * x + n + OFF for x in load]
def total(scale): return sum(scale)
"""
MAP = "input ns\nns -> map square -> total"
MAPPED = "def square(n): return n * n\ndef total(square): return sum(square)"


def space_of(source):
    names = {"__name__": "__main__"}
    exec(source, names)
    return names


def changes(why):
    return [(part.name, part.change, part.then, part.now) for part in why.parts if part.change]


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_each_part_that_changed_is_told(tmp_path, executor):
    run(FLOW, {"n": 1}, namespace=space_of(SOURCE), cache=tmp_path)
    edited = space_of(SOURCE.replace("2, 1", "3, 4"))
    done = run(FLOW, {"n": 2}, namespace=edited, cache=tmp_path, executor=executor)
    why = done.why("scale")
    assert why.reason == done.tasks["scale"].why
    assert changes(why) == [
        ("its function", "'FACTOR', which 'scale' uses, was 2 and is 3", "", ""),
        ("its function", "'OFF', which 'scale' uses, was 1 and is 4", "", ""),
        ("'n' (its input)", "has changed", "1", "2"),
    ]
    assert [part.name for part in why.parts if not part.change] == ["'load' (the result of 'load')"]
    assert why.made is not None
    assert [change[:2] for change in changes(done.why("total"))] == [
        ("'scale' (the result of 'scale')", "has changed")
    ]
    assert done.why("load").parts == () and done.why("load").reason.startswith("cached: ")
    text, html = repr(why), why._repr_html_()
    assert "'n' (its input)                was 1 and is 2" in text
    assert "compared with its result of " in text and "<table" in html


def test_items(tmp_path):
    space = space_of(MAPPED)
    first = run(MAP, {"ns": [1, 2, 3]}, namespace=space, cache=tmp_path)
    assert first.why("square").reason == "the cache had no result of it"
    done = run(MAP, {"ns": [1, 2, 4, 5]}, namespace=space, cache=tmp_path)
    assert done.why("square").items == (
        "2 items cached",
        "2 items succeeded",
        "item 2: runs again: its item was 3 and is 4",
        "item 3: the cache had no result of it",
    )
    assert changes(done.why("square", item=2)) == [("'n' (its item)", "has changed", "3", "4")]
    assert done.why("square", 0).reason.startswith("cached: ")
    for task, item, said in [
        ("square", 9, "it has 4 items"), ("square", "0", "it has 4 items"),
        ("total", 0, "it is not mapped"),
    ]:  # fmt: skip
        with pytest.raises(FlowError, match=said):
            done.why(task, item)
    with pytest.raises(FlowError, match="did you mean 'square'"):
        done.why("squre")


def test_files(tmp_path):
    file, cache = tmp_path / "data.txt", tmp_path / "cache"
    file.write_text("one")
    space = space_of("def read(path): return path.read_text()")
    run("read", {"path": file}, namespace=space, cache=cache)
    file.write_text("three")
    done = run("read", {"path": file}, namespace=space, cache=cache)
    assert changes(done.why("read")) == [(f"the file '{file}'", "has changed", "", "")]


def test_runs_without_a_cache_say_what_their_tasks_say(tmp_path):
    space = space_of(SOURCE)
    plain = run(FLOW, {"n": 1}, namespace=space)
    assert plain.why("scale").reason == "the run had no cache, and resumed no other one"
    space["total"] = lambda scale: max(scale)
    again = plain.resume(rerun="scale", namespace=space)
    assert again.why("load").reason == again.tasks["load"].why != ""
    assert again.why("scale").reason == "runs again: it was named in rerun"
    cached = run(FLOW, {"n": 1}, namespace=space_of(SOURCE), cache=tmp_path)
    read = pickle.loads(pickle.dumps(cached))
    assert read.why("scale").parts == ()
    assert copy.copy(cached).why("scale").reason == "the cache had no result of it"


def test_what_did_not_run(tmp_path):
    space = space_of("def load(): return 1 / 0\ndef use(load): return load")
    with pytest.raises(TaskError) as caught:
        run("load -> use", namespace=space, cache=tmp_path)
    assert caught.value.run.why("use").reason == "because of 'load'"
    only = run("load -> use", namespace=space, targets="load", overrides={"load": 2})
    assert only.why("load").reason == "given by overrides"
    assert only.why("use").reason.startswith("left out: ")


def test_it_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(compared, "MOST_COMPARED", 3)
    run(MAP, {"ns": range(8)}, namespace=space_of(MAPPED), cache=tmp_path)
    edited = space_of(MAPPED.replace("n * n", "n ** 2"))
    done = run(MAP, {"ns": range(8)}, namespace=edited, cache=tmp_path, executor="sequential")
    told = [bool(done.why("square", item).parts) for item in range(8)]
    assert told == [True] * 3 + [False] * 5
    assert done.why("square", 7).reason == "runs again: 'square' has another text"
