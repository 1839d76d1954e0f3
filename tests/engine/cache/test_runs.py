"""Runs of each kind, twice: the second has what the first has made."""

from __future__ import annotations

import contextlib
import threading

import pytest
from recounted import functions, states

from taskinity_nb import Cancelled, run, start
from taskinity_nb.engine.cache import opening

CASES = {
    "side by side": (
        "input a, b\n[a, b] -> zip f -> g",
        "def f(a, b): return a * b\ndef g(f): return f",
        {},
    ),
    "each with each": (
        "input a, b\n[a, b] -> product f -> g",
        "def f(a, b): return a * b\ndef g(f): return f",
        {},
    ),
    "map after map": (
        "input a\na -> map f -> map g -> h",
        "def f(a): return a + 1\ndef g(f): return f * 2\ndef h(g): return g",
        {},
    ),
    "no items": (
        "none -> map f -> g",
        "def none(): return []\ndef f(n): return n\ndef g(f): return f",
        {"f": "succeeded"},
    ),
    "spread": (
        "pairs -> map f",
        "def pairs(): return [(1, 2), (3, 4)]\ndef f(a, b): return a * b",
        {},
    ),
    "an item that skips itself": (
        "input a\na -> map f -> g",
        "def f(a):\n    if a == 2: skip()\n    return a\ndef g(f): return f",
        {"f": "succeeded"},
    ),
    "a condition": (
        "check -> work when check",
        "def check(): return True\ndef work(check): return 5",
        {},
    ),
    "a condition on items": (
        "load -> map ok\nload -> map f when ok\nf -> g",
        "def load(): return [1, 2, 3]\ndef ok(n): return n > 1\ndef f(n): return n * 2\n"
        "def g(f): return f",
        {},
    ),
    "what may be absent": (
        "a -> c\nb? -> c",
        "def a(): return 1\ndef b(): skip()\ndef c(a, b=7): return a, b",
        {"b": "skipped"},
    ),
    "a flow in a map": (
        "input a\na -> map Inner -> end",
        "Inner = parse_dsl('input n\\nn -> first -> second')\ndef first(n): return n + 1\n"
        "def second(first): return first * 2\ndef end(inner): return inner",
        {},
    ),
    "coroutines": (
        "input a\na -> map f -> g",
        "async def f(a): return a + 1\nasync def g(f): return f",
        {},
    ),
    "all by name": (
        "x -> c\ny -> c",
        "def x(): return 1\ndef y(): return 2\ndef c(**all): return all",
        {},
    ),
    "keys of a mapping": (
        "x -> c",
        "def x(): return {'p': 1, 'q': 2}\ndef c(p, q): return p, q",
        {},
    ),
    "executors of tasks": (
        "x -> y -> z",
        "def x(): return 1\n@task(executor='processes')\ndef y(x): return [x] * 3\n"
        "@task(executor='threads')\ndef z(y): return len(y)",
        {},
    ),
    "a run in a task": (
        "x",
        "def inner(): return 4\ndef x(): return dict(run('inner', namespace={'inner': inner}))",
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("keep", ["all", "last"])
@pytest.mark.parametrize("executor", ["sequential", "threads"])
@pytest.mark.parametrize("name", CASES)
def test_the_second_run_is_like_the_first(name, executor, keep, tmp_path):
    flow, source, others = CASES[name]
    inputs = (
        {"a": [1, 2, 3], "b": [4, 5, 6]} if "b" in flow.partition("\n")[0] else {"a": [1, 2, 3]}
    )
    if not flow.startswith("input"):
        inputs = None
    first, second = (
        run(flow, inputs, namespace=functions(source), executor=executor, keep=keep, cache=tmp_path)
        for _ in range(2)
    )
    assert dict(second) == dict(first)
    assert states(second) == dict.fromkeys(states(first), "cached") | others
    assert not opening._open


def test_items_that_fail_leave_the_others_kept(tmp_path):
    source = "def f(n):\n    if n == 2: raise ValueError('no')\n    return n"
    flow, options = "input ns\nns -> map f", {"cache": tmp_path, "on_error": "continue"}
    run(flow, {"ns": [1, 2, 3]}, namespace=functions(source), **options)
    again = run(flow, {"ns": [1, 2, 3]}, namespace=functions(source), **options)
    found = [str(item.state) for item in again.tasks["f"].items]
    assert found == ["cached", "failed", "cached"]


def test_what_is_changed_after_it_was_kept_is_kept_as_it_was(tmp_path):
    source = "def a(): return [1]\ndef b(a):\n    a.append(2)\n    return np.zeros(50_000)"
    for _ in range(3):
        made = run("a -> b", namespace=functions(source), cache=tmp_path)
        assert not made["b"].any()
        made["b"][:] = 7
        made["a"].append(3)
    assert set(states(made).values()) == {"cached"} and made["a"] == [1, 3]


def test_who_changes_a_default_runs_again_and_says_so(tmp_path):
    space = functions("def f(n, seen=[]):\n    seen.append(n)\n    return len(seen)")
    for number in (1, 2):
        made = run("f", {"n": 7}, namespace=space, cache=tmp_path)
        assert made["f"] == number
    assert made.tasks["f"].why == "runs again: its default 'seen' was [] and is [7]"


def test_a_file_that_changes_while_it_is_read(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("1")
    source = "def f(p):\n    text = p.read_text()\n    p.write_text(text + '1')\n    return text"
    for text in ("1", "11"):
        made = run("f", {"p": path}, namespace=functions(source), cache=tmp_path / "cache")
        assert made["f"] == text
        assert made.tasks["f"].why == (
            f"not cached: the file '{path}', which it uses, has changed meanwhile"
        )


def test_a_class_whose_own_class_raises(tmp_path):
    source = (
        "class Meta(type):\n    def __hash__(cls): raise ValueError\n"
        "    def __eq__(cls, other): raise ValueError\n"
        "class Row(metaclass=Meta): pass\ndef f(): return Row()\ndef g(f): return 1"
    )
    made = run("f -> g", namespace=functions(source), cache=tmp_path)
    assert states(made) == {"f": "succeeded", "g": "succeeded"}
    assert made.tasks["f"].why.startswith("not cached: ")


def test_several_runs_at_once_on_one_store(tmp_path):
    names = [f"t{number}" for number in range(12)]
    source = "\n".join(
        f"A{name} = {name[1:]}\ndef h{name}(x): return x + A{name}\ndef {name}(): return h{name}(1)"
        for name in names
    )
    flow = "\n".join(names)
    run(flow, namespace=functions(source), cache=tmp_path, workers=8)
    source = source.replace("x + A", "x - A")
    made = []

    def again():
        made.append(run(flow, namespace=functions(source), cache=tmp_path, workers=8))

    threads = [threading.Thread(target=again) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 3 and not opening._open
    for each in made:
        for name in names:
            why = each.tasks[name].why
            assert each[name] == 1 - int(name[1:])
            # one of another run may have been made just now
            assert (
                not why
                or why.startswith("cached: ")
                or why == (f"runs again: 'h{name}', which '{name}' uses, has another text")
            )


def done(items, state):
    return {place for place, item in enumerate(items) if str(item.state) == state}


def test_what_was_finished_before_a_run_was_cancelled(tmp_path):
    reached = threading.Event()
    space = functions("def f(n): return n")
    flow = "input ns\nns -> map f"
    going = start(flow, {"ns": range(500)}, namespace=space, cache=tmp_path, workers=2,
                  observers=[lambda *_: reached.set()])  # fmt: skip
    reached.wait()
    going.cancel()
    with contextlib.suppress(Cancelled):
        going.wait()
    made = done(going.tasks["f"].items or (), "succeeded")
    again = run(flow, {"ns": range(500)}, namespace=space, cache=tmp_path)
    assert made <= done(again.tasks["f"].items, "cached") and again["f"] == list(range(500))
