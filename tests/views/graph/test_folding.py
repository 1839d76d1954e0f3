"""Flows too large to be drawn task by task: those of one shape are one node."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest
from runs import make_run

from taskinity_nb.model.events import State
from taskinity_nb.model.flow import Edge, Flow
from taskinity_nb.views.graph.folding import LEAST_FAN, SHOWN_FIRST, Folding, fold, fold_fans
from taskinity_nb.views.graph.picture import MOST_TASKS, Picture, flow_mimebundle
from taskinity_nb.views.graph.svg import SVG

MANY = 3000


def wide(count, **functions):
    """load, then `count` times work and shrink, then collect."""
    edges = [("load", f"w{i}") for i in range(count)]
    edges += [(f"w{i}", f"s{i}") for i in range(count)]
    edges += [(f"s{i}", "collect") for i in range(count)]
    of = {f"{short}{i}": name for short, name in functions.items() for i in range(count)}
    return Flow("Wide", edges, functions=of)


def by_function(flow):
    return Folding(flow, flow.function_of)


def nodes_of(svg):
    root = ElementTree.fromstring(svg)
    return {g.get("data-task"): g.get("data-state") for g in root.iter() if g.get("data-task")}


def texts_of(svg):
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter(f"{{{SVG}}}text")]


def test_tasks_of_one_function_at_one_depth_are_one_node():
    picture = Picture(wide(MANY, w="work", s="shrink"), details=True)
    assert picture.folding.flow.tasks == ("load", "w0", "s0", "collect")
    assert picture.folding.flow.edges == (
        Edge("load", "w0"), Edge("w0", "s0"), Edge("s0", "collect"),
    )  # fmt: skip
    assert picture.folding.labels == {"w0": "work × 3,000", "s0": "shrink × 3,000"}
    assert "work × 3,000" in texts_of(picture.svg())


def test_tasks_of_many_functions_are_folded_by_depth_alone():
    picture = Picture(wide(MANY))
    assert picture.folding.labels == {"w0": "tasks × 3,000", "s0": "tasks × 3,000"}


def test_few_tasks_are_not_folded():
    assert Picture(wide(LEAST_FAN - 1, w="work", s="shrink")).folding is None
    assert Picture(wide(300)).folding is None  # each task has a function of its own


# Fans.


def test_a_fan_is_one_node_from_a_dozen_tasks_on():
    picture = Picture(wide(LEAST_FAN, w="work", s="shrink"), details=True)
    assert list(nodes_of(picture.svg())) == ["load", "w0", "s0", "collect"]
    assert picture.folding.labels == {"w0": "work × 12", "s0": "shrink × 12"}


def test_a_flow_that_is_only_displayed_is_folded_alike():
    flow = wide(24, w="work", s="shrink")
    assert "work × 24" in texts_of(flow_mimebundle(flow)["image/svg+xml"])


def test_a_fan_that_was_opened_is_drawn_task_by_task():
    flow = wide(24, w="work", s="shrink")
    picture = Picture(flow, opened=["w0"])
    assert sorted(nodes_of(picture.svg())) == sorted(
        ["load", *(f"w{i}" for i in range(24)), "s0", "collect"]
    )
    assert picture.folding.opened == {"w0": "work × 24"}
    assert picture.folding.labels == {"s0": "shrink × 24"}
    both = Picture(flow, opened=["w0", "s0"])
    assert set(nodes_of(both.svg())) == set(flow.tasks) and both.folding.labels == {}
    assert Picture(flow, opened=["load", "nothing"]).folding.opened == {}


def work(count, edges):
    names = [f"w{i}" for i in range(count)]
    return Flow("Fan", edges, names, functions=dict.fromkeys(names, "work"))


def folded(flow):
    folding = fold_fans(flow)
    return {} if folding is None else {n: len(folding.members[n]) for n in folding.labels}


def test_tasks_of_a_fan_have_like_edges():
    assert folded(work(24, [])) == {"w0": 24}
    # One that leads elsewhere is drawn by itself; of too few, each is.
    from_load = [("load", f"w{i}") for i in range(24)]
    assert folded(work(24, [*from_load, ("w3", "look")])) == {"w0": 23}
    from_two = [(("left", "right")[i % 2], f"w{i}") for i in range(22)]
    assert folded(work(22, from_two)) == {}
    from_two = [(("left", "right")[i % 2], f"w{i}") for i in range(24)]
    assert folded(work(24, from_two)) == {"w0": 12, "w1": 12}
    # How they wait and what they take counts, too.
    mixed = [Edge("load", f"w{i}", "wait" if i < 12 else "result") for i in range(24)]
    assert folded(work(24, mixed)) == {"w0": 12, "w12": 12}
    keys = [Edge("load", f"w{i}", "result", "X" if i < 12 else "y") for i in range(24)]
    assert folded(work(24, keys)) == {"w0": 12, "w12": 12}
    each = [Edge("load", f"w{i}", "result", f"k{i}") for i in range(24)]
    assert folded(work(24, each)) == {}


def test_tasks_at_different_depths_are_not_alike():
    chain = [(f"w{i}", f"w{i + 1}") for i in range(23)]
    assert folded(work(24, chain)) == {}


def test_fans_behind_fans_are_folded_where_they_part():
    flow = wide(24, w="work", s="shrink")
    assert folded(flow) == {"w0": 24, "s0": 24}
    names = dict(zip(flow.tasks, map(flow.function_of, flow.tasks), strict=True))
    one_more = Flow("More", [*flow.edges, ("s5", "look")], functions=names)
    assert folded(one_more) == {"w0": 23, "s0": 23}


def test_many_chains_that_differ_at_their_end_take_no_long_time():
    count, length = 20, 300
    edges = [(f"c{i}_{j}", f"c{i}_{j + 1}") for i in range(count) for j in range(length)]
    names = [f"c{i}_{j}" for i in range(count) for j in range(length + 1)]
    flow = Flow("Chains", [*edges, ("c3_299", "end")], functions=dict.fromkeys(names, "step"))
    began = time.thread_time()
    assert len(fold_fans(flow).labels) == length + 1
    assert time.thread_time() - began < 2


def test_a_task_of_a_fan_that_failed_shows():
    flow = wide(24, w="work", s="shrink")
    states = dict.fromkeys(flow.tasks, State.SUCCEEDED) | {"w7": State.FAILED}
    assert nodes_of(Picture(flow, details=True).svg(states))["w0"] == "failed"


def test_the_picture_tells_how_many_are_done_and_the_legend_counts_tasks():
    flow = wide(MANY, w="work", s="shrink")
    states = dict.fromkeys(flow.tasks, State.PENDING) | {"load": State.SUCCEEDED}
    states |= {f"w{i}": State.SUCCEEDED for i in range(1200)} | {"w1200": State.RUNNING}
    svg = Picture(flow, details=True).svg(states, {"load": "12 ms"}, ["load", "w7", "s7"])
    assert nodes_of(svg) == {
        "load": "succeeded", "w0": "running", "s0": "pending", "collect": "pending",
    }  # fmt: skip
    texts = texts_of(svg)
    assert {"12 ms", "1,200 of 3,000", "0 of 3,000"} < set(texts)
    counted = [text.split(" ", 1)[1] for text in texts if text.endswith(("ed", "ing"))]
    assert counted == ["4,800 pending", "1 running", "1,201 succeeded"]
    assert ElementTree.fromstring(svg).get("aria-label") == "Flow Wide: 6,002 tasks"


@pytest.mark.parametrize("state", State)
def test_a_node_has_the_state_of_its_tasks(state):
    flow = wide(3, w="work", s="shrink")
    folding, states = by_function(flow), [state] * len(flow.tasks)
    assert folding.states(folding.counts(states))["w0"] is state
    states[flow.tasks.index("w1")] = State.FAILED
    assert folding.states(folding.counts(states))["w0"] is State.FAILED


def test_every_state_has_its_place():
    assert sorted(SHOWN_FIRST) == sorted(State)


def test_a_node_that_is_mapped_over_two_results_is_drawn_with_plain_edges():
    edges = [Edge(f"scan{i}", f"read{i}", "map") for i in range(2)]
    edges += [Edge(f"scan{i}", f"log{i}", "wait") for i in range(2)]
    edges += [Edge("load", "scan0", "result", "a"), Edge("load", "scan1", "result", "b")]
    of = {"read0": "read", "read1": "read", "log0": "log", "log1": "log"}
    folding = by_function(Flow("Maps", edges, functions=of))
    kinds = {(edge.source, edge.target): edge.kind for edge in folding.flow.edges}
    assert kinds[("scan0", "read0")] == kinds[("scan1", "read0")] == "result"
    assert kinds[("scan0", "log0")] == kinds[("scan1", "log0")] == "wait"


def test_several_edges_with_different_keys_become_one_without():
    edges = [Edge("load", "w0", "result", "a"), Edge("load", "w1", "result", "b")]
    folding = by_function(Flow("Keys", edges, functions={"w0": "work", "w1": "work"}))
    assert folding.flow.edges == (Edge("load", "w0"),)


def test_the_path_names_each_node_once():
    folding = by_function(wide(3, w="work", s="shrink"))
    assert folding.path(["load", "w2", "s2", "collect"]) == ["load", "w0", "s0", "collect"]


def test_a_chain_cannot_be_folded():
    chain = Flow("Chain", [(f"a{i}", f"a{i + 1}") for i in range(MOST_TASKS)])
    assert fold(chain, lambda flow: len(flow.tasks) <= MOST_TASKS) is None


@pytest.mark.slow
def test_a_hundred_thousand_tasks_have_a_small_picture():
    bundle = flow_mimebundle(Flow("Fan", [("load", f"w{i}") for i in range(100_000)]))
    assert len(bundle["image/svg+xml"]) < 10_000


# While it runs.


@pytest.fixture
def half_way():
    flow = wide(MANY, w="work", s="shrink")
    intervals = [("load", "a", 0, 1), *((f"w{i}", "a", 1, 2) for i in range(1200))]
    return make_run(flow, [*intervals, ("w1200", "a", 2, 3, None)])


def test_the_widget_is_told_of_nodes_and_counts_tasks(half_way):
    widget = half_way.inspect()
    assert widget.states == "sRpp"
    assert widget.total == {"s": 1201, "R": 1, "p": 2 * MANY - 1200}
    assert widget.counts.startswith("1,201 of 6,002 tasks done, about ")
    assert widget.items == {
        "load": "", "w0": "1,200 of 3,000", "s0": "0 of 3,000", "collect": "",
    }  # fmt: skip
    assert widget.clock == [1000, -1, -1, -1]


def test_a_click_on_a_node_lists_its_tasks(half_way):
    widget = half_way.inspect()
    widget._hear(widget, {"action": "open", "task": "w0", "item": None, "node": True}, [])
    rows = widget.panel["items"]["rows"]
    assert len(rows) == 1000 and "2,000 more" in widget.panel["items"]["note"]
    assert {row[1] for row in rows} < {f"w{i}" for i in range(MANY)}
    widget._hear(widget, {"action": "open", "task": rows[0][1], "item": None}, [])
    assert widget.panel["name"] == rows[0][1]
