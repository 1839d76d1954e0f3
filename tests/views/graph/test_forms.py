"""The forms of the language in pictures: inputs, parts, constants, conditions, boxes."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from svgs import is_harmless_svg, states_in

from taskinity_nb import parse_dsl, run
from taskinity_nb.errors import FlowError
from taskinity_nb.model.events import State
from taskinity_nb.model.flow import Edge, Flow
from taskinity_nb.model.forms.literals import InputName
from taskinity_nb.views.graph.ascii_graph import flow_picture
from taskinity_nb.views.graph.dot import flow_text
from taskinity_nb.views.graph.folding import fold_fans
from taskinity_nb.views.graph.forms import boxes_of
from taskinity_nb.views.graph.lines import SMALL, lines_between
from taskinity_nb.views.graph.picture import MOST_TASKS, Picture
from taskinity_nb.views.graph.svg import paint
from taskinity_nb.views.graph.text_width import width
from taskinity_nb.views.graph.verdicts import verdicts_of
from taskinity_nb.views.live.fans import picture_traits, turned
from taskinity_nb.views.live.inspector import inspect
from taskinity_nb.views.live.live_graph import run_states_text
from taskinity_nb.views.live.panel import details_of as panel_of
from taskinity_nb.views.style.words import details_of
from taskinity_nb.views.tables.run import run_table

NS = "{http://www.w3.org/2000/svg}"

FORMS = parse_dsl("""
flow Forms:
    input path, depth = 3
    path -> load -> split
    X, y = split
    X -> scale
    [scale, y] -> fit(most=depth, mode="fast")
    fit.score -> check
    fit -> report when check
    fit -> alarm unless check
    split.0 -> first
    [report?, alarm?] -> publish
    load.rows -> map work
    [work, path] -> zip pair
    [path, work] -> product grid -> best
    kind -> big when kind == "big"
    fit(depth=2) as low
""")

BRANCH = parse_dsl("""
flow Branch:
    input files = [1, 2, 3]
    files -> map even -> total
    files -> map big
    even when big
    fit -> [report, mail]
    report when check
    alarm unless check
    route when kind == "big"
    report -> after
    [report?, alarm?] -> publish
""")

FUNCTIONS = {
    "even": lambda x: x, "big": lambda x: x > 1, "total": sum, "check": lambda: 0,
    "report": lambda fit: fit, "mail": lambda fit: fit, "fit": lambda: 1, "alarm": lambda: 2,
    "kind": lambda: "<i>&", "route": lambda: 1, "after": lambda report: 1,
    "publish": lambda report=0, alarm=0: alarm,
}  # fmt: skip

NESTED = Flow(
    "Nested",
    [Edge("path", "Prep.load"), ("Prep.load", "Prep.clean"), ("seed", "train"),
     Edge("Prep.load", "Prep.Deep.scan", "map"), ("Prep.Deep.scan", "Prep.Deep.join"),
     ("Prep.clean", "train"), ("Prep.Deep.join", "train"), ("train", "Rate.a"),
     ("Rate.a", "Rate.b"), Edge("Rate.b", "out", "result", None, True)],
    inputs={"path": ..., "Prep.depth": 3},
    constants={"Prep.clean": {"depth": InputName("Prep.depth")}},
    functions={name: name.rpartition(".")[2] for name in
               ("Prep.load", "Prep.clean", "Prep.Deep.scan", "Prep.Deep.join", "Rate.a")},
    written=Flow("Nested", [("Prep", "train"), ("seed", "train")]),
)  # fmt: skip


@pytest.fixture(scope="module")
def branch():
    return run(BRANCH, namespace=FUNCTIONS, executor="sequential")


def groups(svg, mark):
    return {g.get(mark): g for g in ElementTree.fromstring(svg).iter(f"{NS}g") if g.get(mark)}


def texts(svg):
    return [t.text or "" for t in ElementTree.fromstring(svg).iter(f"{NS}text")]


def at_edges(svg):
    return {
        (g.get("data-source"), g.get("data-target")): text.text
        for g in ElementTree.fromstring(svg).iter(f"{NS}g")
        if g.get("data-source") and (text := g.find(f"{NS}text")) is not None
    }


def extent(element, text=False):
    """Return the place of a node, an input, a tab, or of a text."""
    if text:
        wide, x = width(element.text, SMALL), float(element.get("x"))
        left = x if element.get("text-anchor") == "start" else x - wide / 2
        y = float(element.get("y"))
        return left, y - 7, left + wide, y + 1
    polygon = element.find(f"{NS}polygon")
    if polygon is not None:
        numbers = [float(n) for n in re.findall(r"[-\d.]+", polygon.get("points"))]
        return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])
    rects = element.findall(f"{NS}rect")
    x, y, w, h = (float(rects[0].get(name)) for name in ("x", "y", "width", "height"))
    return x, y, x + w, y + h


def overlap(one, other):
    return (
        one[0] < other[2] - 0.1 and other[0] < one[2] - 0.1
        and one[1] < other[3] - 0.1 and other[1] < one[3] - 0.1
    )  # fmt: skip


# What is drawn.


def test_inputs_are_nodes_of_their_own_shape_without_a_state():
    svg = Picture(FORMS, details=True).svg({})
    inputs = groups(svg, "data-input")
    assert list(inputs) == ["path", "depth"]
    assert [g.find(f"{NS}text").text for g in inputs.values()] == ["path", "depth = 3"]
    assert all(g.find(f"{NS}polygon") is not None for g in inputs.values())
    assert not any(g.get("data-state") for g in inputs.values())
    assert set(states_in(svg)) == set(FORMS.tasks)
    places = {name: int(g.get("data-index")) for name, g in groups(svg, "data-task").items()}
    assert [FORMS.tasks[place] for place in places.values()] == list(places)


def test_edges_tell_parts_kinds_conditions_and_what_is_optional():
    told = at_edges(Picture(FORMS).svg())
    assert told == {
        ("split", "scale"): "X", ("split", "fit"): "y", ("split", "first"): ".0",
        ("fit", "check"): ".score", ("check", "report"): "when", ("check", "alarm"): "unless",
        ("report", "publish"): "?", ("alarm", "publish"): "?", ("load", "work"): ".rows map",
        ("work", "pair"): "zip", ("path", "pair"): "zip", ("path", "grid"): "product",
        ("work", "grid"): "product", ("kind", "big"): 'when == "big"', ("depth", "fit"): "most=",
    }  # fmt: skip


def test_constants_stand_in_the_second_line_and_are_cut():
    lines = texts(Picture(FORMS).svg())
    assert 'fit(mode="fast")' in lines and "fit(depth=2)" in lines and "low" in lines
    long = Flow(tasks=["fit"], constants={"fit": {f"p{i}": "x" * 500 for i in range(9)}})
    assert max(map(len, texts(Picture(long).svg()))) <= 60


@pytest.mark.parametrize("kind", ["map", "zip", "product", "each", "each_wait"])
def test_each_mapped_edge_has_two_heads_and_its_task_two_outlines(kind):
    edges = [Edge("a", "b", "map"), Edge("b", "c", kind)]
    svg = Picture(Flow("Maps", edges)).svg()
    edge = next(g for g in groups(svg, "data-target").values() if g.get("data-target") == "c")
    dotted = kind == "each_wait"
    assert len(edge.findall(f"{NS}polygon")) == (1 if dotted else 2)
    assert (edge.find(f"{NS}path").get("stroke-dasharray") is not None) is dotted
    assert len(groups(svg, "data-task")["c"].findall(f"{NS}rect")) == 2


def test_the_digraph_has_all_of_it():
    source = FORMS.to_graphviz().source
    assert re.search(r'depth \[label="depth = 3".*shape=polygon.*style=filled', source)
    assert re.search(r'check -> report \[label=" when ".*style=dotted', source)
    assert re.search(r'kind -> big \[label=" when == \\"big\\" "', source)
    assert re.search(r"path -> pair \[label=\" zip \" arrowhead=normalnormal", source)
    assert re.search(r"pair \[.*peripheries=2", source)
    assert (
        'report -> publish [label=" ? "]' in source and 'depth -> fit [label=" most= "]' in source
    )
    assert r'fit [label="fit\nfit(mode=\"fast\")"]' in source
    boxes = NESTED.to_graphviz()
    assert "subgraph cluster_Prep {" in boxes.source
    assert 'subgraph "cluster_Prep.Deep" {' in boxes.source and "label=Deep" in boxes.source
    assert '"Prep.Deep.scan" [label=scan' in boxes.source
    assert boxes.pipe("svg", quiet=True) and FORMS.to_graphviz().pipe("svg", quiet=True)


def test_pictures_are_saved_with_all_of_it(tmp_path):
    for flow in (FORMS, NESTED):
        for ending in ("svg", "png", "dot"):
            flow.save(tmp_path / f"it.{ending}")
            assert (tmp_path / f"it.{ending}").stat().st_size > 500
        assert is_harmless_svg((tmp_path / "it.svg").read_text("utf-8"))


def test_the_picture_in_characters_tells_them():
    lines = flow_picture(FORMS).splitlines()
    told = {line.split("  (")[0].split(" ", 2)[-1].split("─")[-1]: line for line in lines}
    assert any(line.endswith("◇ path") for line in lines)
    assert any(line.endswith("depth = 3") and "◇" in line for line in lines)
    whole = "\n".join(lines)
    assert '(calls fit(mode="fast"); takes y of split; most=depth)' in whole
    assert "report  (when check)" in whole and "alarm  (unless check)" in whole
    assert "(takes report, if it is there; takes alarm, if it is there)" in whole
    assert "for each item of work, side by side; for each item of path, side by side" in whole
    assert "in every combination" in whole and 'big  (when kind == "big")' in whole
    assert len(told) > 10 and "Prep.Deep.scan" in flow_picture(NESTED)


def test_the_list_of_arrows_tells_them():
    lines = [line.strip() for line in flow_text(FORMS).splitlines()]
    for line in (
        "input path", "input depth = 3", "depth -> fit", "split.0 -> first", "report when check",
        "alarm unless check", "report? -> publish", "load.rows -> map work",
        "work -> [zip pair, product grid]",
        'big when kind == "big"', 'fit(mode="fast") as fit', "fit(depth=2) as low",
    ):  # fmt: skip
        assert line in lines


def test_a_flow_with_an_input_alone_and_one_that_is_not_used_are_drawn():
    for flow in (Flow(inputs={"n": 1}), Flow(tasks=["a"], inputs={"n": 1, "m": ...})):
        assert list(groups(Picture(flow).svg(), "data-input")) == list(flow.inputs)
        assert "n = 1" in flow_picture(flow) and "n = 1" in flow_text(flow)
        flow.to_graphviz()


HOSTILE = ["<script>alert(1)</script>", "<b>x</b>", 'quo"te\\N', "&amp; & ]]>", "line\nline\x00"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_user_wrote_is_drawn_literally(text):
    flow = Flow(
        text,
        [Edge("a", "b", "result", text), Edge("a", "c", "when", text, equals=repr(text)),
         Edge("n", "b")],
        inputs={"n": text}, constants={"c": {"way": text}},
    )  # fmt: skip
    plain = Picture(flow, details=True)
    key = next(iter(groups(plain.svg(), "data-condition")))
    for svg in (plain.svg(), plain.svg({}, {}, (), {("a", "c", key): text})):
        assert is_harmless_svg(svg) and "<script" not in svg
    assert flow.to_graphviz().pipe("svg", quiet=True)
    assert plain.png() and flow_picture(flow).isprintable() is False  # it has lines
    assert "\x00" not in flow_picture(flow) + flow_text(flow)


# Nothing overlaps.


@pytest.mark.parametrize("flow", [FORMS, NESTED, BRANCH], ids=lambda flow: flow.name)
@pytest.mark.parametrize("details", [False, True])
def test_nodes_inputs_and_names_of_boxes_lie_apart(flow, details):
    svg = Picture(flow, details=details).svg({})
    marks = ("data-task", "data-input", "data-box")
    nodes = [extent(g) for mark in marks for g in groups(svg, mark).values()]
    assert not [pair for pair in combinations(nodes, 2) if overlap(*pair)]
    root = ElementTree.fromstring(svg)
    labels = [
        extent(text, text=True)
        for g in root.iter(f"{NS}g") if g.get("data-source")
        for text in g.findall(f"{NS}text")
    ]  # fmt: skip
    assert labels and not [pair for pair in combinations(labels, 2) if overlap(*pair)]
    assert not [(a, b) for a in labels for b in nodes if overlap(a, b)]


def test_a_verdict_has_room_at_its_edge():
    lines = {line.text: line for line in lines_between(BRANCH, with_verdicts=True)}
    assert lines["when"].room > width("when: false", SMALL)
    assert lines['when == "big"'].room > width("when == \"big\": '<small>'", SMALL)


# After a run.


def test_the_edge_that_decided_tells_its_verdict(branch):
    verdicts = verdicts_of(branch)
    assert verdicts == {
        ("check", "report", "when"): "false", ("kind", "route", 'when == "big"'): "'<i>&'",
        ("big", "even", "when"): "2 of 3 true",
    }  # fmt: skip
    picture = Picture(BRANCH, details=True)
    states = {name: record.state for name, record in branch.tasks.items()}
    svg = picture.svg(states, details_of(branch), (), verdicts)
    told = at_edges(svg)
    assert told["check", "report"] == "when: false" and told["check", "alarm"] == "unless"
    assert told["kind", "route"] == "when == \"big\": '<i>&'"
    assert states_in(svg)["report"] == states_in(svg)["after"] == "skipped"
    assert at_edges(paint(svg, {}))["check", "report"] == "when"
    assert paint(svg, states, details_of(branch), (), None, verdicts) == svg
    assert is_harmless_svg(svg)


@pytest.mark.parametrize(
    ("text", "value", "told"),
    [("b unless a", True, "true"), ('b unless a == "x"', "x", '"x"'), ("b when a == 1", 2, "2"),
     ("b when a.on", {"on": 0}, "false"), ("a? -> b\nb when a", 0, "false")],
)  # fmt: skip
def test_each_form_of_a_condition_tells_its_verdict(text, value, told):
    done = run(parse_dsl(text), namespace={"a": lambda: value, "b": lambda a=0: 1})
    assert list(verdicts_of(done).values()) == [told]


def test_a_verdict_of_another_kind_is_not_made_up():
    flow = parse_dsl("check\nb when check\nc when b")
    done = run(flow, namespace={"check": lambda: 0, "b": list, "c": list})
    assert list(verdicts_of(done)) == [("check", "b", "when")]


def test_skipped_items_are_counted_in_node_table_and_words(branch):
    assert branch.tasks["even"].items is not None
    assert details_of(branch)["even"].startswith("2 of 3, 1 skipped")
    assert "2 of 3 items, 1 skipped" in run_table(branch).text()
    assert ("items", "2 of 3 done, 1 skipped") in panel_of(branch, branch.tasks["even"])["facts"]
    assert "even [2 of 3, 1 skipped]" in run_states_text(branch)
    assert inspect(branch).items["even"] == "2 of 3, 1 skipped"
    widest = details_of(branch)["even"].replace("<1 ms", "00.0 s")
    node = groups(Picture(BRANCH, details=True).svg(), "data-task")["even"]
    assert extent(node)[2] - extent(node)[0] > width(widest, 8.5)


def test_why_a_task_was_skipped_is_told_in_words(branch):
    table = run_table(branch).text()
    assert "skipped: 'check' was false" in table and "skipped: 'report' was skipped" in table
    assert "because of" not in table
    assert panel_of(branch, branch.tasks["report"])["note"] == "skipped: 'check' was false"
    assert panel_of(branch, branch.tasks["after"])["note"] == "skipped: 'report' was skipped"
    assert "⊘ report (skipped: 'check' was false)" in run_states_text(branch)


def test_an_argument_that_was_skipped_is_not_said_to_have_failed(branch):
    with pytest.raises(FlowError) as caught:
        branch.replay("after")
    assert "failed" not in str(caught.value) and "'check' was false" in str(caught.value)


def test_for_how_many_items_a_condition_was_true():
    flow = parse_dsl("""
    input files = [1, 2, 3, 4, 5, 6]
    files -> map even
    files -> map low
    files -> map work -> total
    work when even
    work unless low
    """)
    names = {"even": lambda x: x % 2 == 0, "low": lambda x: x < 3, "total": sum}
    done = run(flow, namespace=names | {"work": lambda x: x}, executor="sequential")
    assert verdicts_of(done) == {
        ("even", "work", "when"): "3 of 6 true", ("low", "work", "unless"): "1 of 3 true",
    }  # fmt: skip
    all_even = run(flow, [2, 4], namespace=names | {"low": lambda x: False, "work": abs})
    assert verdicts_of(all_even) == {}
    svg = Picture(flow, details=True).svg({}, verdicts=verdicts_of(done))
    assert at_edges(svg)["even", "work"] == "when: 3 of 6 true"


# Boxes.


def test_tasks_of_an_inlined_flow_are_in_a_frame_and_have_short_names():
    svg = Picture(NESTED).svg()
    assert list(groups(svg, "data-box")) == ["Prep", "Prep.Deep", "Rate"]
    drawn = texts(svg)
    assert {"scan", "load", "depth = 3", "▾ Deep"} <= set(drawn) and "scan()" not in drawn
    assert "Prep.Deep.scan" in groups(svg, "data-task")


def test_a_closed_box_is_one_node():
    picture = Picture(NESTED, details=True, closed=["Prep"])
    folding = picture.folding
    assert set(folding.flow.tasks) == {"Prep", "train", "seed", "Rate.a", "Rate.b", "out"}
    assert folding.labels == {"Prep": "Prep: 4 tasks"}
    assert ("Prep.depth" in folding.flow.inputs, "path" in folding.flow.inputs) == (False, True)
    svg = picture.svg({"Prep.load": State.SUCCEEDED})
    assert "1 of 4" in texts(svg) and list(groups(svg, "data-box")) == ["Rate"]
    counts = folding.counts([State.SKIPPED] * len(NESTED.tasks))
    assert folding.details(counts)["Prep"] == "0 of 4, 4 skipped"
    assert folding.path(["Prep.load", "Prep.clean", "train"]) == ["Prep", "train"]


def test_an_inner_box_is_closed_within_the_outer_one():
    svg = Picture(NESTED, closed=["Prep.Deep"]).svg()
    assert list(groups(svg, "data-box")) == ["Prep", "Rate"] and "▸ Deep: 2 tasks" in texts(svg)
    assert (
        Edge("Prep.load", "Prep.Deep", "map")
        in Picture(NESTED, closed=["Prep.Deep"]).folding.flow.edges
    )


@pytest.mark.parametrize("one", ["wait", "map", "zip", "product", "when", "unless"])
@pytest.mark.parametrize("other", ["result", "map", "zip", "product", "when", "unless"])
@pytest.mark.parametrize("source", ["load", "seed", "Far.x"])
def test_a_box_is_closed_whatever_leads_into_it(one, other, source):
    edges = [Edge("load", "Prep.a", one), Edge(source, "Prep.b", other), Edge("Prep.a", "end"),
             Edge("load", "end", "when"), Edge("Far.x", "end", "unless", "key", True)]  # fmt: skip
    flow = Flow("Into", edges, written=Flow("Into", [("load", "Prep")]))
    for closed in (["Prep"], ["Prep", "Far"]):
        picture = Picture(flow, details=True, closed=closed)
        arrows = {edge[:2] for edge in picture.folding.flow.edges}
        assert ("load", "Prep") in arrows and ("Prep", "end") in arrows
        assert (source.replace("Far.x", "Far" if "Far" in closed else "Far.x"), "Prep") in arrows
        assert picture.svg({})


def test_a_box_is_closed_and_opened_by_turning_it():
    closed = turned(Picture(NESTED, details=True), NESTED, None, "Prep")
    assert closed.closed == {"Prep"} and "Prep" in picture_traits(closed)["folded"]
    again = turned(closed, NESTED, None, "Prep")
    assert again.closed == set() and picture_traits(again)["folded"] == []
    both = turned(closed, NESTED, None, "Rate")
    assert both.closed == {"Prep", "Rate"}
    assert turned(closed, NESTED, None, "train") is None


PARTED = parse_dsl("""
flow Inner:
    x -> [p, q]

flow Prep:
    load -> [low, high, Inner]

flow Each:
    item -> [even, big, half, twice]
    half when even
    twice when big

flow Main:
    input files = [1, 2, 3, 4]
    seed -> Prep -> train
    files -> map Each -> total
    Prep.high -> other
""")
PARTED_FUNCTIONS = {
    "seed": lambda: 1, "load": lambda seed: seed, "low": lambda load: "low",
    "total": lambda Each: len(Each),
    "high": lambda load: "high", "x": lambda load: 2, "p": lambda x: x, "q": lambda x: x,
    "train": lambda Prep: sorted(Prep), "item": lambda file: file, "other": lambda high: high,
    "even": lambda item: item % 2 == 0, "big": lambda item: item > 3,
    "half": lambda item: 1, "twice": lambda item: 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def parted():
    return run(PARTED, namespace=PARTED_FUNCTIONS, executor="sequential")


def test_the_result_of_a_flow_with_several_is_in_its_box_and_says_what_it_holds(parted):
    flow = parted.flow
    boxes = boxes_of(flow, flow.inputs)
    assert boxes["Prep"].nodes[-1] == "Prep" and boxes["Prep"].boxes == ["Prep.Inner"]
    assert boxes["Prep.Inner"].nodes == ["Prep.Inner.x", "Prep.Inner.p", "Prep.Inner.q",
                                         "Prep.Inner"]  # fmt: skip
    drawn = texts(Picture(flow).svg())
    assert {"{low, high, Inner}", "{p, q}", "{half, twice}"} <= set(drawn)
    assert drawn.count("result") == 3 and not any("gathered" in text for text in drawn)
    assert "gathered" not in flow_picture(flow) and "its result, {p, q}" in flow_picture(flow)
    assert "{p, q}" in flow.to_graphviz().source


def test_explain_says_what_the_result_of_a_flow_with_several_is(parted):
    told = str(PARTED.explain(namespace=PARTED_FUNCTIONS))
    assert "gathered" not in told and "(waits for Each.even)" not in told
    assert (
        "  Prep: a dict of its results\n"
        "    low    <- result of Prep.low\n"
        "    high   <- result of Prep.high\n"
        "    Inner  <- result of Prep.Inner\n" in told
    )


@pytest.mark.parametrize("closed", [["Prep"], ["Each"], ["Prep.Inner"], ["Prep", "Each"]])
def test_a_box_with_a_result_of_its_own_is_closed_with_it(parted, closed):
    flow = parted.flow
    picture = Picture(flow, details=True, closed=closed)
    assert picture.closed == set(closed)
    for box in closed:
        inside = [task for task in flow.tasks if task == box or task.startswith(f"{box}.")]
        assert picture.folding.members[box] == inside
    states = {name: record.state for name, record in parted.tasks.items()}
    svg = picture.svg(states, details_of(parted), parted.critical_path, verdicts_of(parted))
    assert states_in(svg).keys() == set(picture.folding.members)
    # What the other boxes hold is drawn as it was: those in it that run once for each item too.
    opened = groups(Picture(flow, details=True).svg(states), "data-task")
    for name, group in groups(svg, "data-task").items():
        if name not in closed:
            outlines = group.findall(f"{NS}rect")
            assert len(outlines) == len(opened[name].findall(f"{NS}rect")), name


def test_a_box_of_which_a_branch_was_skipped_has_succeeded(branch):
    counts = Counter({State.SUCCEEDED: 3, State.SKIPPED: 1})
    folding = Picture(NESTED, closed=["Prep"]).folding
    assert folding.states({"Prep": counts}) == {"Prep": State.SUCCEEDED}
    assert folding.states({"Prep": Counter({State.SKIPPED: 4})}) == {"Prep": State.SKIPPED}


def test_an_edge_that_is_a_condition_is_not_drawn_as_one_that_waits_too(parted):
    kinds = [line.kind for line in lines_between(parted.flow) if line.target == "Each.half"]
    assert sorted(kinds) == ["each", "when"]


def test_the_frame_of_a_box_goes_around_what_stands_at_its_edges():
    text = """
    flow Prep:
        load -> count
        load -> clean -> [low, high]
        low when count
    flow Main:
        seed -> Prep -> train
    """
    names = {"load": abs, "count": lambda load: 0, "clean": abs, "low": abs, "high": abs,
             "seed": lambda: 1, "train": len}  # fmt: skip
    done = run(text, namespace=names, executor="sequential")
    svg = Picture(done.flow, details=True).svg({}, verdicts=verdicts_of(done))
    root = ElementTree.fromstring(svg)
    plain = [group for group in root.iter(f"{NS}g") if group.get("fill") == "none"]
    (frame,) = [rect for group in plain for rect in group.findall(f"{NS}rect")]
    left, right = float(frame.get("x")), float(frame.get("x")) + float(frame.get("width"))
    told = [extent(t, text=True) for g in root.iter(f"{NS}g") if g.get("data-source")
            for t in g.findall(f"{NS}text") if "Prep" in g.get("data-source")]  # fmt: skip
    assert at_edges(svg)["Prep.count", "Prep.low"] == "when: false"
    assert told and all(left < one[0] and one[2] < right for one in told)
    assert right <= float(root.get("viewBox").split()[2])
    (heading,) = [t for t in root.iter(f"{NS}text") if t.text == "Main"]
    assert float(heading.get("y")) < 0  # above what is drawn


@pytest.mark.parametrize("details", [False, True])
def test_a_condition_does_not_lie_under_the_result_that_goes_the_same_way(details):
    flow = parse_dsl('kind -> big when kind == "big"\nkind -> other')
    root = ElementTree.fromstring(Picture(flow, details=details).svg())
    lines = [g for g in root.iter(f"{NS}g") if g.get("data-target") == "big"]
    tips = [float(line.find(f"{NS}polygon").get("points").split(",")[0]) for line in lines]
    ends = [float(re.findall(r"[-\d.]+", line.find(f"{NS}path").get("d"))[-1]) for line in lines]
    assert len(lines) == 2 and abs(tips[0] - tips[1]) + abs(ends[0] - ends[1]) > 4
    assert [t.text for line in lines for t in line.iter(f"{NS}text")] == ['when == "big"']


def test_a_fan_does_not_reach_beyond_its_box():
    names = [f"{box}.work_{i}" for box in ("A", "B") for i in range(12)]
    flow = Flow("Fans", [("load", name) for name in names], functions=dict.fromkeys(names, "work"),
                written=Flow("Fans", [("load", "A"), ("load", "B")]))  # fmt: skip
    assert fold_fans(flow).labels == {"A.work_0": "work × 12", "B.work_0": "work × 12"}
    opened = turned(Picture(flow, details=True), flow, None, "A.work_0")
    assert set(opened.folding.opened) == {"A.work_0"}
    kept = turned(opened, flow, None, "B")
    assert kept.closed == {"B"} and set(kept.folding.opened) == {"A.work_0"}


def test_boxes_that_are_too_much_for_a_picture_are_closed():
    names = [f"{box}.{word}_{i}" for box in ("A", "B") for word in "xy" for i in range(MOST_TASKS)]
    flow = Flow("Large", pairwise(names),
                written=Flow("Large", [("A", "B")]))  # fmt: skip
    picture = Picture(flow)
    assert picture.closed == {"A", "B"} and picture.folding.flow.tasks == ("A", "B")
    assert turned(picture, flow, None, "A") is None  # it would be too large again


def test_conditions_and_inputs_stay_when_a_flow_is_folded():
    names = [f"work_{i}" for i in range(12)]
    flow = Flow(
        "Fan",
        [Edge("n", name) for name in names] + [Edge("check", name, "when") for name in names]
        + [(name, "join") for name in names],
        functions=dict.fromkeys(names, "work"), inputs={"n": 1},
    )  # fmt: skip
    folded = fold_fans(flow).flow
    assert set(folded.edges) == {
        Edge("n", "work_0"), Edge("check", "work_0", "when"), Edge("work_0", "join"),
    }  # fmt: skip
    assert "when" in texts(Picture(flow).svg())


def test_the_box_of_a_task_is_faint_in_the_table():
    flow = Flow("Boxes", [("Prep.load", "train")], functions={"Prep.load": "load"},
                written=Flow("Boxes", [("Prep", "train")]))  # fmt: skip
    done = run(flow, namespace={"load": lambda: 1, "train": lambda x: x}, executor="sequential")
    html = run_table(done).html()
    assert re.search(r'<td><i style="[^"]*">&nbsp;&nbsp;Prep\.</i>load</td>', html)
    assert "<td>train</td>" in html and "  Prep.load" in run_table(done).text()
    assert details_of(done).keys() == {"Prep.load", "train"}
