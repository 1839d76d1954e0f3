"""The history in a store: another process knows what tasks took."""

import json
import subprocess
import sys
import textwrap

import pytest

from taskinity_nb import (
    Flow,
    FlowError,
    TaskError,
    history,
    parse_dsl,
    parse_flows,
    run,
    simulate,
    start,
)
from taskinity_nb.engine.cache import remembered
from taskinity_nb.engine.remote.process.memory import memory_gauge
from taskinity_nb.engine.scheduling import history as known
from taskinity_nb.engine.store import facts
from taskinity_nb.engine.store.store import Store

FLOW = "flow Slow:\n    input n\n    [quick, slow] -> end"
SOURCE = """
import time
def quick(n): return n
def slow(): time.sleep(0.03); return 1
def end(quick, slow): return quick + slow
"""


@pytest.fixture(autouse=True)
def usual_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TASKINITY_CACHE", str(tmp_path / "usual"))
    restart()
    yield
    restart()


def restart():
    """Forget what a new process does not know."""
    for place in (known._known, remembered._seen, remembered._own):
        place.clear()


def space_of(source):
    names = {"__name__": "__main__"}
    exec(source, names)
    return names


def once(n=1, **options):
    return run(FLOW, {"n": n}, namespace=space_of(SOURCE), cache=True, **options)


def test_a_new_process_knows_the_runs(tmp_path):
    flow = once().flow
    before = history(flow)[0]
    once(rerun="slow")
    predicted = simulate(flow, 2).makespan
    restart()
    found = history(flow)
    assert [past.executor for past in found] == ["threads"] * 2
    past = found[1]
    assert past.seconds == before.seconds and past.makespan == before.makespan
    assert (past.ended, past.workers, past.state) == (before.ended, before.workers, before.state)
    assert past.run is None and past.flow == flow
    assert list(history(flow)) == list(found) == list(history()) == list(history("Slow"))
    assert "the last 2 runs of flow Slow" in repr(found)
    assert simulate(flow, 2).makespan == pytest.approx(predicted)


def test_it_is_used_from_the_first_run_on():
    flow = Flow("Order", [("a", "end"), ("b", "end"), ("c", "end")])
    space = space_of(
        "import time\ndef a(): return 1\ndef b(): return 1\n"
        "def c(): time.sleep(0.02); return 1\ndef end(a, b, c): return a"
    )
    run(flow, namespace=space, cache=True)
    assert known.order_of(flow)[0] == 3
    restart()
    run(flow, namespace=space)
    assert len(known.past_runs()[flow]) == 1  # without a cache nobody is asked
    restart()
    plain = known.order_of(flow)
    run(flow, namespace=space, cache=True)
    assert plain[0] == 0 and known.order_of(flow)[0] == 3
    assert len(history(flow)) == 2


def test_runs_of_both_processes_are_compared():
    flow = once().flow
    restart()
    once(rerun=["slow", "quick", "end"])
    last, first = history(flow)
    assert last.is_like(first) and history(flow).before(last) is first
    assert history(flow).slower(by=1e9) == []
    once(n=2)
    assert not history(flow)[0].is_like(first)
    with pytest.raises(FlowError, match="it was given other inputs"):
        history(flow).slower()


def test_items_count_together():
    space = space_of(
        "import time\ndef load(): return [1, 2, 3]\ndef work(n): time.sleep(0.01); return n"
    )
    flow = parse_dsl("flow Map:\n    load -> map work")
    run(flow, namespace=space, cache=True)
    before = history(flow)[0].seconds
    restart()
    assert history(flow)[0].seconds == pytest.approx(before)
    assert before["work"] > 0.03


@pytest.mark.skipif(memory_gauge() is None, reason="the system does not tell")
def test_memory_is_known_too():
    source = """
def sizes(): return [3, 30, 10]
def hold(size): return len(bytearray(size * 1_000_000))
def small(sizes): return 1
"""
    options = {"namespace": space_of(source), "executor": "processes", "workers": 1}
    flow = run("sizes -> map hold\nsizes -> small", cache=True, **options).flow
    before = known.peaks_of(flow)
    assert list(before) == [flow.tasks.index("hold")]
    assert before[flow.tasks.index("hold")] == pytest.approx(30e6, rel=0.1)
    restart()
    assert known.peaks_of(flow) == {}
    (past,) = history(flow).rows
    assert past.peak_memory == {"hold": before[flow.tasks.index("hold")]}
    assert known.peaks_of(flow) == before


def test_runs_that_went_wrong_are_known_too():
    space = space_of("def load(): return 1\ndef fails(load): raise ValueError(load)")
    with pytest.raises(TaskError):
        run("load -> fails", namespace=space, cache=True)
    going = start("load", namespace=space, cache=True)
    going.wait()
    restart()
    assert {(past.name, str(past.state)) for past in history()} == {
        ("flow", "failed"), ("flow", "succeeded")
    }  # fmt: skip


def test_an_edited_text_begins_anew():
    once()
    restart()
    edited = Flow("Slow", [("slow", "end")])
    assert len(history(edited)) == 0 and len(history("Slow")) == 1


def test_flows_that_are_bound_and_flows_in_flows():
    space = space_of("def load(): return 1\ndef use(x): return x")
    outer = parse_flows("flow Inner:\n    load\n\nflow Outer:\n    Inner -> use")[-1].bind(space)
    ran = run(outer, cache=True)
    restart()
    (past,) = history()
    assert past.flow == ran.flow and not past.flow.homes


def test_it_is_bounded(monkeypatch):
    monkeypatch.setattr(facts, "MOST_RUNS", 3)
    monkeypatch.setattr(facts, "MOST_IN_ALL", 5)
    space = space_of("def one(): return 1")
    for name in ["A", "B", "C"]:
        for _ in range(4):
            run(Flow(name, tasks=["one"]), namespace=space, cache=True)
    restart()
    assert [past.name for past in history()] == ["C"] * 3 + ["B"] * 2


def test_what_is_damaged_is_left_out(tmp_path):
    for _ in range(7):
        once()
    store = Store(tmp_path / "usual")
    with store._index.changing() as rows:
        record = json.loads(rows.execute("SELECT record FROM runs WHERE id = 1").fetchone()[0])
        for number, text in enumerate([
            "{", "[]", json.dumps({**record, "tasks": "!"}), json.dumps({**record, "state": "odd"}),
            json.dumps({**record, "flow": record["tasks"]}), json.dumps({**record, "ended": None}),
        ]):  # fmt: skip
            rows.execute("UPDATE runs SET record = ? WHERE id = ?", (text, number + 1))
    store.close()
    restart()
    assert len(history()) == 1


def test_another_process(tmp_path):
    """A run without a cache does not even load what reads it."""
    once()
    script = textwrap.dedent(f"""
        import sys
        from taskinity_nb import run, history, simulate
        run("load", namespace={{"load": list}})
        assert not [name for name in sys.modules if "engine.cache" in name or name == "sqlite3"]
        (past,) = history("Slow")
        assert past.seconds["slow"] > 0.02, past.seconds
        print(simulate({FLOW!r}, 2).makespan)
    """)
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert float(made.stdout) > 0.02
