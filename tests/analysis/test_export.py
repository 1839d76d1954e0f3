"""The figures of a run, its table for pandas and its file for a trace viewer."""

from __future__ import annotations

import json
import math
import sys
import time
from itertools import pairwise

import pytest
from runs import make_run

from taskinity_nb import Flow, FlowError, State, run
from taskinity_nb.analysis.metrics import handovers, metrics_of
from taskinity_nb.model.flow import Edge

DIAMOND = Flow("Diamond", [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])
MAPPED = Flow("Mapped", [Edge("f", "g", "map"), Edge("g", "h", "map"), Edge("h", "end")])


def diamond(**options):
    """Two workers; b is handed over for 0.25 s before it starts, and for 0.125 s after its end."""
    intervals = [("a", "w1", 0, 1), ("b", "w1", 1.25, 3), ("c", "w2", 1, 4), ("d", "w1", 4, 5)]
    return make_run(DIAMOND, intervals, handovers={"b": (0.25, 0.125)}, **options)


def mapped():
    intervals = [("f", "w1", 0, 1)]
    intervals += [(f"g[{i}]", f"w{i % 2 + 1}", 1 + i // 2, 2 + i // 2) for i in range(4)]
    intervals += [(f"h[{i}]", f"w{i % 2 + 1}", 3 + i // 2, 4 + i // 2) for i in range(4)]
    return make_run(MAPPED, [*intervals, ("end", "w1", 5, 6)])


class TestMetrics:
    def test_of_a_diamond(self):
        metrics = metrics_of(diamond())
        assert metrics.makespan == 5
        assert metrics.peak == 2
        assert metrics.work == metrics.compute == 6.75
        assert metrics.critical_path == metrics.lower_bound == 5
        assert metrics.speedup == pytest.approx(1.35)
        assert metrics.efficiency == pytest.approx(0.675)
        assert metrics.busy == {"w1": pytest.approx(3.75 / 5), "w2": pytest.approx(3 / 5)}
        assert metrics.transfer == pytest.approx(0.375)
        assert metrics.wait == pytest.approx(0.25)
        assert metrics.cpu == pytest.approx(6.75 / 2)

    def test_of_a_run_in_which_nothing_ran(self):
        metrics = metrics_of(make_run(DIAMOND, [], state=State.CANCELLED))
        assert (metrics.peak, metrics.busy, metrics.makespan, metrics.work) == (0, {}, 0, 0)

    def test_what_follows_on_another_worker_at_once_is_not_beside_it(self):
        flow = Flow("Chain", [("a", "b")])
        assert metrics_of(make_run(flow, [("a", "w1", 0, 1), ("b", "w2", 1, 2)])).peak == 1

    def test_a_worker_with_tasks_beside_each_other_is_not_busy_twice(self):
        flow = Flow("Two", tasks=["a", "b"])
        metrics = metrics_of(make_run(flow, [("a", "w", 0, 3), ("b", "w", 1, 2)], makespan=4))
        assert metrics.busy == {"w": pytest.approx(0.75)}

    def test_in_a_batch_the_way_is_what_no_other_task_used(self):
        """Three tasks handed over at 0, one after the other, all back at 4."""
        flow = Flow("Three", tasks=["a", "b", "c"])
        intervals = [("a", "w", 1, 1.5), ("b", "w", 1.75, 2), ("c", "w", 2, 3)]
        ways = {"a": (1, 2.5), "b": (1.75, 2), "c": (2, 1)}
        recorded = make_run(flow, intervals, handovers=ways)
        found = {record.name: way for record, way in handovers(recorded).items()}
        assert found["a"] == pytest.approx((1, 0.25))
        assert found["b"] == (0, 0)
        assert found["c"] == pytest.approx((0, 1))


class TestFrame:
    def test_of_a_diamond(self):
        frame = diamond(waits={"c": 0.5}).to_frame()
        assert list(frame.columns) == [
            "task", "flow", "item", "state", "worker", "ready", "submitted", "started", "finished",
            "received", "wait", "compute", "transfer", "cpu", "waited", "waited_for", "saved",
            "peak_memory", "attempts",
        ]  # fmt: skip
        rows = frame.set_index("task")
        assert list(rows.index) == ["a", "b", "c", "d"]
        b = rows.loc["b"]
        stamps = ("ready", "submitted", "started", "finished", "received")
        assert [b[name] for name in stamps] == pytest.approx([1, 1, 1.25, 3, 3.125])
        assert (b["wait"], b["compute"], b["transfer"], b["cpu"]) == pytest.approx(
            (0.25, 1.75, 0.375, 0.875)
        )
        assert rows["waited"]["c"] == 0.5
        assert math.isnan(rows["waited"]["a"])
        assert set(rows["state"]) == {"succeeded"}
        assert rows["attempts"].tolist() == [1] * 4
        assert frame["item"].isna().all()

    def test_memory(self):
        flow = Flow("Two", tasks=["a", "b"])
        recorded = make_run(flow, [("a", "w", 0, 1), ("b", "w", 1, 2)], peaks={"b": 5_000_000})
        peaks = recorded.to_frame().set_index("task")["peak_memory"]
        assert peaks["b"] == 5_000_000 and peaks.isna().tolist() == [True, False]

    def test_items_follow_their_task(self):
        frame = mapped().to_frame()
        assert frame["task"].tolist() == ["f", *["g"] * 5, *["h"] * 5, "end"]
        assert frame[frame["task"] == "g"]["item"].tolist()[1:] == [0, 1, 2, 3]
        assert frame.groupby("task")["compute"].sum()["f"] == 1

    def test_what_did_not_run_has_no_times(self):
        recorded = make_run(
            DIAMOND, [("a", "w1", 0, 1, ValueError("no"))],
            others={"b": (State.UPSTREAM_FAILED, "a"), "c": State.CANCELLED},
        )  # fmt: skip
        frame = recorded.to_frame().set_index("task")
        assert frame["state"].tolist() == ["failed", "upstream_failed", "cancelled", "pending"]
        assert frame["started"].isna().tolist() == [False, True, True, True]
        assert frame["attempts"].tolist() == [1, 0, 0, 0]

    def test_types_do_not_depend_on_what_happened(self):
        empty = make_run(Flow("Empty", [])).to_frame()
        assert empty.dtypes.equals(mapped().to_frame().dtypes)
        assert len(empty) == 0

    def test_the_flow_in_the_flow_of_each_task_is_told(self):
        text = "flow Prep:\n  load -> [low, high]\nflow All:\n  Prep -> train"
        names = {"load": lambda: 1, "low": abs, "high": abs, "train": len}
        frame = run(text, namespace=names, executor="sequential").to_frame()
        assert frame["task"].tolist()[:4] == ["Prep.load", "Prep.low", "Prep.high", "Prep"]
        assert frame["flow"].tolist() == ["Prep"] * 4 + [""]
        assert set(diamond().to_frame()["flow"]) == {""}

    def test_of_a_real_run(self):
        frame = run("one -> two", namespace={"one": lambda: 1, "two": abs}).to_frame()
        assert (frame["finished"] >= frame["started"]).all()
        assert (frame[["wait", "compute", "transfer", "cpu"]] >= 0).all().all()

    def test_without_pandas(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(FlowError, match="pip install pandas"):
            diamond().to_frame()


NUMBER = (int, float)
REQUIRED = {
    "X": {"name": str, "cat": str, "ts": NUMBER, "dur": NUMBER, "args": dict},
    "M": {"name": str, "args": dict},
    "C": {"name": str, "ts": NUMBER, "args": dict},
    "s": {"name": str, "cat": str, "id": int, "ts": NUMBER},
    "f": {"name": str, "cat": str, "id": int, "ts": NUMBER, "bp": str},
}
METADATA = {"process_name": "name", "thread_name": "name", "thread_sort_index": "sort_index"}


def check(trace):
    """Check what the Trace Event Format asks of a file; return its events by kind."""
    assert set(trace) == {"traceEvents", "displayTimeUnit", "otherData"}
    assert trace["displayTimeUnit"] in ("ms", "ns")
    by_kind = {kind: [] for kind in REQUIRED}
    for event in trace["traceEvents"]:
        for name, kind in {**REQUIRED[event["ph"]], "pid": int, "tid": int}.items():
            assert isinstance(event[name], kind), (name, event)
            assert not isinstance(event[name], bool)
        assert event.get("ts", 0) >= 0
        assert event.get("dur", 0) >= 0
        by_kind[event["ph"]].append(event)
    for event in by_kind["M"]:
        assert set(event["args"]) == {METADATA[event["name"]]}
    names = {e["tid"]: e["args"]["name"] for e in by_kind["M"] if e["name"] == "thread_name"}
    rows = {}
    for bar in by_kind["X"]:
        assert names[bar["tid"]]
        rows.setdefault(bar["tid"], []).append((bar["ts"], bar["ts"] + bar["dur"]))
    for bars in rows.values():  # on one row, bars may follow each other, or one hold another
        bars.sort()
        assert all(a[1] <= b[0] + 1e-3 for a, b in pairwise(bars))
    starts = {event["id"]: event for event in by_kind["s"]}
    ends = {event["id"]: event for event in by_kind["f"]}
    assert len(starts) == len(by_kind["s"]) == len(by_kind["f"])
    assert starts.keys() == ends.keys()
    for number, start in starts.items():
        end = ends[number]
        assert start["ts"] <= end["ts"]
        assert (start["name"], start["cat"]) == (end["name"], end["cat"])
        assert end["bp"] == "e"
        for event in (start, end):
            assert any(a <= event["ts"] <= b + 1e-3 for a, b in rows[event["tid"]]), event
    return by_kind


def written(recorded, tmp_path):
    path = recorded.to_chrome_trace(tmp_path / "trace.json")
    assert path == tmp_path / "trace.json"
    return json.loads(path.read_bytes())


class TestTrace:
    def test_of_a_diamond(self, tmp_path):
        events = check(written(diamond(), tmp_path))
        bars = {bar["name"]: bar for bar in events["X"]}
        assert (bars["b"]["ts"], bars["b"]["dur"]) == (1_250_000, 1_750_000)
        assert bars["b"]["args"] == {
            "task": "b", "state": "succeeded", "attempts": 1, "cpu": 0.875,
            "queue wait": pytest.approx(0.25), "transfer": pytest.approx(0.375),
        }  # fmt: skip
        assert bars["c"]["tid"] != bars["a"]["tid"] == bars["b"]["tid"]
        names = [(e["name"], e["args"].get("name")) for e in events["M"]]
        assert ("process_name", "Diamond") in names
        assert ("thread_name", "w1") in names
        assert len(events["s"]) == 4

    def test_items_of_a_map(self, tmp_path):
        """f to each g; each g to its own h; the last h to the end."""
        events = check(written(mapped(), tmp_path))
        assert len(events["X"]) == 10
        assert len(events["s"]) == 4 + 4 + 1
        assert [bar["args"]["item"] for bar in events["X"] if bar["args"]["task"] == "g"] == [
            0, 1, 2, 3,
        ]  # fmt: skip

    def test_tasks_beside_each_other_on_a_worker(self, tmp_path):
        flow = Flow("Three", tasks=["a", "b", "c"])
        recorded = make_run(flow, [("a", "w", 0, 3), ("b", "w", 1, 2), ("c", "w", 2, 4)])
        events = check(written(recorded, tmp_path))
        rows = [e["args"]["name"] for e in events["M"] if e["name"] == "thread_name"]
        assert rows == ["w", "w (2)"]

    def test_memory_as_a_counter(self, tmp_path):
        flow = Flow("Three", tasks=["a", "b", "c"])
        intervals = [("a", "w", 0, 3), ("b", "w", 1, 2), ("c", "w", 2, 4)]
        recorded = make_run(flow, intervals, peaks={"a": 3_000_000, "b": 5_000_000})
        events = check(written(recorded, tmp_path))
        assert [(e["ts"] * 1e-6, e["args"]["bytes"]) for e in events["C"]] == [
            (0, 3_000_000), (1, 8_000_000), (2, 3_000_000), (3, 0),
        ]  # fmt: skip
        bars = {bar["name"]: bar["args"] for bar in events["X"]}
        assert bars["b"]["peak memory"] == 5_000_000 and "peak memory" not in bars["c"]

    def test_names_of_any_kind(self, tmp_path):
        odd = 'a"b\\c\n</script>\x00\ud800é'
        flow = Flow(odd, tasks=["t"])
        recorded = make_run(flow, [("t", odd, 0, 1)])
        events = check(written(recorded, tmp_path))
        assert events["M"][0]["args"]["name"] == odd
        assert events["M"][1]["args"]["name"] == odd

    def test_a_run_that_failed_or_goes_on(self, tmp_path):
        recorded = make_run(
            DIAMOND, [("a", "w1", 0, 1), ("b", "w1", 1, 2, ValueError()), ("c", "w2", 1, 2, None)],
            makespan=3, others={"d": (State.UPSTREAM_FAILED, "b")},
        )  # fmt: skip
        bars = {bar["name"]: bar for bar in check(written(recorded, tmp_path))["X"]}
        assert bars["b"]["args"]["state"] == "failed"
        assert (bars["c"]["dur"], bars["c"]["args"]["state"]) == (2_000_000, "running")
        assert "d" not in bars
        check(written(make_run(Flow("Empty", [])), tmp_path))

    @pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
    def test_of_a_real_run(self, tmp_path, executor):
        names = {"f": lambda: range(6), "g": abs, "h": abs, "end": len, "fast": len}
        flow = Flow("Mapped", [*MAPPED.edges, Edge("h", "fast")])
        recorded = run(flow, namespace=names, executor=executor, workers=3)
        events = check(written(recorded, tmp_path))
        assert len(events["X"]) == 1 + 6 + 6 + 2
        assert len(events["s"]) == 6 + 6 + 2


def test_a_frame_has_what_the_cache_saved(tmp_path):
    flow = "input ns\nns -> map slow -> end"
    functions = {"slow": lambda n: time.sleep(0.01) or n, "end": sum}
    frames = [
        run(flow, {"ns": [1, 2]}, namespace=functions, cache=tmp_path).to_frame() for _ in range(2)
    ]
    assert frames[0].saved.isna().all()
    assert frames[1].saved.notna().all()
    whole, *items = frames[1].saved[frames[1].task == "slow"]
    assert whole == pytest.approx(sum(items)) and min(items) >= 0.01
