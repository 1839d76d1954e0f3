"""A flow as DOT, SVG and PNG: right, safe, quiet, quick."""

from __future__ import annotations

import re
import struct
from base64 import b64decode
from xml.etree import ElementTree

import graphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from taskinity_nb.errors import FlowError
from taskinity_nb.model.events import State
from taskinity_nb.model.flow import Edge, Flow
from taskinity_nb.views.graph.dot import flow_text, levels
from taskinity_nb.views.graph.picture import MOST_TASKS, Picture, flow_mimebundle
from taskinity_nb.views.graph.svg import ALONE, paint
from taskinity_nb.views.style.palette import CRITICAL, LOOKS

NS = "{http://www.w3.org/2000/svg}"

BATCHES = [f"process_batch_{i}" for i in (1, 2, 3)]
GUIDE = Flow(
    "DataProcessing",
    [("fetch_data", "split_data"), *(("split_data", b) for b in BATCHES),
     *((b, "merge_results") for b in BATCHES)],
    description="Parallel data processing flow",
)  # fmt: skip

RICH = Flow(
    "Rich",
    [Edge("scan", "process_file", "map"), Edge("process_file", "collect"),
     Edge("classify", "answer", "result", "urgent"), Edge("classify", "archive", "map", "rest"),
     Edge("classify", "merge", "result", "one"), Edge("classify", "merge", "result", "other"),
     Edge("a", "e", "wait"), Edge("split", "w1"), Edge("split", "w2")],
    tasks=["alone", "graph", "node", "größe", "日本語"],
    functions={"w1": "work", "w2": "work"},
)  # fmt: skip

HOSTILE = [
    "<script>alert(1)</script>",
    "<b>bold</b>",
    "<<table><tr><td>x</td></tr></table>>",
    'quo"te',
    "back\\slash\\",
    '\\"',
    "\\N \\G \\l \\n",
    "&amp; &lt;b&gt; &#60; & &",
    "]]>",
    "line\nline\r\ttab",
    "nul\x00 bell\x07 \ufffe",
    "\u202egnirts",
    "\ud800 lone",
    "x" * 5000,
]


def read(svg):
    return ElementTree.fromstring(svg)


def tasks_of(svg):
    return {g.get("data-task"): g for g in read(svg).iter(f"{NS}g") if g.get("data-task")}


def texts(svg):
    return [t.text or "" for t in read(svg).iter(f"{NS}text")]


def size_of(png):
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


def box_of(group):
    rect = group.find(f"{NS}rect[@data-part='box']")
    return [float(rect.get(key)) for key in ("x", "y", "width", "height")]


# The graphviz.Digraph.


def test_a_digraph_is_what_graphviz_users_expect():
    graph = GUIDE.to_graphviz()
    assert isinstance(graph, graphviz.Digraph)
    assert graph.name == "DataProcessing"
    assert "\tsplit_data -> process_batch_2\n" in graph.body


@pytest.mark.parametrize(
    ("count", "told"),
    [(4, ".k0, .k1, .k2, .k3"), (5, ".k0, .k1, .k2 and 2 more"), (30, ".k0, .k1, .k2 and 27 more")],
)
def test_a_line_with_many_keys_stays_short(count, told):
    flow = Flow("Keys", [Edge("load", "fit", "result", f"k{i}") for i in range(count)])
    assert told in texts(Picture(flow).svg())


def test_a_digraph_shows_kinds_keys_and_functions():
    source = RICH.to_graphviz().source
    assert re.search(r"a -> e \[.*style=dotted", source)
    assert re.search(r"scan -> process_file \[label=\" map \"", source)
    assert re.search(r"process_file \[.*peripheries=2", source)
    assert '".urgent "' in source.replace('" .', '".')
    assert r'w1 [label="w1\nwork()"]' in source
    assert source.count("classify -> merge") == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_every_text_is_drawn_literally(text):
    flow = Flow(text, [("a", "b")], description=text, functions={"a": text})
    svg = Picture(flow, {"b": text}).svg({"a": State.FAILED})
    read(svg)
    assert re.findall(r"<(\w+)", svg) and set(re.findall(r"<(\w+)", svg)) <= {
        "svg", "g", "title", "desc", "rect", "path", "polygon", "polyline", "text",
    }  # fmt: skip
    drawn = [" ".join(t.split()) for t in texts(svg)]
    short = text.isprintable() and len(text) < 40
    if short:
        assert f"{text}()" in drawn and text in drawn
    assert flow.to_graphviz().pipe("svg", quiet=True)
    Picture(flow, {"b": text}).png()
    assert set(flow_mimebundle(flow)) == {"image/svg+xml", "image/png", "text/plain"}


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=30), st.text(max_size=80))
def test_any_text_makes_valid_xml(name, description):
    svg = Picture(Flow(name, [("a", "b")], description=description)).svg({})
    assert set(tasks_of(svg)) == {"a", "b"}


# Direction and order.


def test_a_picture_fits_the_page():
    def direction(flow):
        return flow.to_graphviz().graph_attr["rankdir"]

    assert direction(GUIDE) == "LR"
    assert direction(Flow("chain", [(f"step_{i}", f"step_{i + 1}") for i in range(12)])) == "TB"
    assert direction(Flow("fan", [("start", f"item_{i}") for i in range(40)])) == "LR"


def test_what_is_not_connected_keeps_the_order_of_the_text():
    boxes = {n: box_of(g) for n, g in tasks_of(Picture(RICH).svg()).items()}
    alone = [boxes[name][1] for name in ("alone", "graph", "node", "größe", "日本語")]
    assert alone == sorted(alone)


def test_levels_count_the_longest_way():
    assert levels(Flow("f", [("a", "b"), ("b", "c"), ("a", "c")])) == {"a": 0, "b": 1, "c": 2}


# The SVG.


def test_the_svg_has_each_task_once_ready_to_be_painted():
    groups = tasks_of(Picture(RICH).svg())
    assert list(sorted(groups)) == sorted(RICH.tasks)
    for name, group in groups.items():
        assert group.get("data-state") == "pending"
        assert RICH.tasks[int(group.get("data-index"))] == name
        assert group.find(f"{NS}title").text == group.get("aria-label") == f"{name}: pending"
        assert group.find(f"{NS}text[@data-part='sign']").text == "○"
        assert name in [t.text for t in group.iter(f"{NS}text")]


def test_the_svg_links_nowhere_and_shares_nothing():
    svg = Picture(RICH).svg({name: State.RUNNING for name in RICH.tasks})
    assert not re.search(r"<style|<a[ >]|<script|href|url\(|<!DOCTYPE|<\?xml| id=| class=", svg)
    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize("state", State)
def test_each_state_has_its_fill_outline_and_sign(state):
    group = tasks_of(Picture(GUIDE).svg({"fetch_data": state}))["fetch_data"]
    rect, look = group.find(f"{NS}rect"), LOOKS[state]
    assert group.get("data-state") == state.value
    assert rect.get("fill") == look.fill
    assert rect.get("stroke-width") == f"{look.width:g}"
    assert rect.get("stroke-dasharray", "") == look.dash
    assert group.find(f"{NS}text").text.startswith(look.sign)


def test_signs_tell_states_apart_without_colour():
    looks = {(look.sign, look.width, look.dash) for look in LOOKS.values()}
    assert len(looks) == len(LOOKS) == len(State)


def test_a_wide_picture_is_not_cut_by_the_page():
    wide = Flow("wide", [(f"{'long_name_' * 6}{i}", f"{'other_name_' * 6}{i}") for i in range(2)])
    root = read(Picture(wide).svg({}))
    inside = float(root.get("viewBox").split()[2])
    assert inside > 700 > 681 > float(root.get("width").removesuffix("pt"))


def test_painting_again_is_the_same_as_painting_once():
    picture = Picture(RICH)
    many = {name: list(State)[i % 11] for i, name in enumerate(RICH.tasks)}
    once = picture.svg({"a": State.FAILED})
    assert paint(paint(picture.svg(), many), {"a": State.FAILED}) == once


@pytest.mark.parametrize(
    "flow", [GUIDE, RICH, Flow(tasks=["only"]), Flow("empty")], ids=lambda f: f.name
)
def test_nothing_overlaps_and_nothing_is_cut(flow):
    states = {name: list(State)[i % 11] for i, name in enumerate(flow.tasks)}
    root = read(Picture(flow).svg(states))
    width, height = map(float, root.get("viewBox").split()[2:])
    picture = root.find(f"{NS}g[@transform]")
    left, top = map(float, re.findall(r"[-\d.]+", picture.get("transform")))
    boxes = []
    for group in picture.iter(f"{NS}g"):
        if group.get("data-task"):
            x, y, w, h = box_of(group)
            boxes.append((x + left, y + top, w, h))
    for group in root.iter(f"{NS}g"):
        if group.get("data-legend"):
            rect = group.find(f"{NS}rect")
            boxes.append([float(rect.get(key)) for key in ("x", "y", "width", "height")])
            # DejaVu's widest letters at this size take 8 points, its average 5.5.
            assert len(group.find(f"{NS}text").text) * 5.6 < boxes[-1][2]
    assert len(boxes) == len(flow.tasks) + len(set(states.values()))
    for i, (x, y, w, h) in enumerate(boxes):
        assert x > 0 and y > 0 and x + w < width and y + h < height
        for a, b, c, d in boxes[:i]:
            assert x >= a + c or a >= x + w or y >= b + d or b >= y + h


def test_the_legend_tells_the_states_that_occur():
    svg = Picture(GUIDE).svg(
        dict.fromkeys(GUIDE.tasks, State.SUCCEEDED) | {"merge_results": State.TIMED_OUT}
    )
    assert [t for t in texts(svg) if t[:1] in "✓◷" and " " in t] == [
        "✓ 5 succeeded",
        "◷ 1 timed out",
    ]


# The PNG, and the whole bundle.


def test_the_png_is_the_same_picture():
    picture = Picture(GUIDE)
    svg = picture.svg({})
    width, height = map(float, read(svg).get("viewBox").split()[2:])
    drawn = size_of(picture.png({}))
    assert drawn == (round(2 * width), round(2 * height))
    assert picture.png({"fetch_data": State.FAILED}) != picture.png({})


def test_the_png_of_a_large_flow_is_bounded():
    width, height = size_of(Picture(Flow("wide", [("a", f"b{i}") for i in range(400)])).png())
    assert max(width, height) <= 4000 and width * height <= 1_610_000


def test_a_flow_shows_itself_in_three_ways():
    bundle, facts = GUIDE._repr_mimebundle_()
    alt = "Flow DataProcessing: 6 tasks, 7 edges"
    assert facts["image/svg+xml"] == {"alt": alt}
    shown = facts["image/png"]
    assert shown["alt"] == alt
    real = size_of(b64decode(bundle["image/png"]))
    assert real == pytest.approx((1.5 * shown["width"], 1.5 * shown["height"]), abs=2)
    read(bundle["image/svg+xml"])
    size_of(b64decode(bundle["image/png"]))
    assert bundle["text/plain"].splitlines()[:3] == [
        "<Flow DataProcessing: 6 tasks, 7 edges>",
        "  fetch_data -> split_data",
        "  split_data -> [process_batch_1, process_batch_2, process_batch_3]",
    ]


def test_the_text_of_a_large_flow_is_bounded():
    lines = flow_text(Flow("long", [(f"a{i}", f"b{i}") for i in range(500)])).splitlines()
    assert len(lines) == 61 and lines[-1] == "  … and 441 more lines"
    assert (
        max(map(len, flow_text(Flow("wide", [("a", f"b{i}") for i in range(500)])).splitlines()))
        < 210
    )


# Size and speed.


def test_what_is_too_large_is_said_not_drawn():
    flow = Flow("huge", [(f"a{i}", f"a{i + 1}") for i in range(MOST_TASKS)])
    with pytest.raises(FlowError, match="too large for a picture: 1,001 tasks, 1,000 edges"):
        Picture(flow)
    bundle = flow_mimebundle(flow)
    assert set(bundle) == {"text/plain"} and "too large" in bundle["text/plain"]


def test_a_dense_flow_never_hangs():
    dense = Flow("dense", [(f"t{i}", f"t{j}") for i in range(120) for j in range(i + 1, 120)])
    with pytest.raises(FlowError, match="too large"):
        Picture(dense)


def test_a_thousand_tasks_are_drawn():
    flow = Flow("many", [(f"a{i}", f"b{i}") for i in range(MOST_TASKS // 2)])
    assert len(tasks_of(Picture(flow).svg({}))) == MOST_TASKS


# Mapped tasks.


MAPPED = Flow("Map", [Edge("scan", "work", "map"), Edge("work", "collect")])


def parts_of(node, part):
    return [element for element in node.iter() if element.get("data-part") == part]


def test_a_task_tells_of_its_run_in_a_line_of_its_own():
    picture = Picture(MAPPED, details=True)
    assert "each item" in texts(picture.svg())
    states, details = {"work": State.RUNNING}, {"work": "99,999 of 99,999 · 12 s"}
    nodes = tasks_of(picture.svg(states, details))
    (detail,) = parts_of(nodes["work"], "detail")
    assert detail.text == details["work"]
    left, _, width, _ = box_of(nodes["work"])
    assert left < float(detail.get("x")) < left + width
    moved = {name: parts_of(node, "name")[0].get("transform") for name, node in nodes.items()}
    assert moved == {"scan": ALONE, "work": None, "collect": ALONE}
    plain, told = picture.png(states), picture.png(states, details)
    assert plain != told
    assert size_of(plain) == size_of(told)


def test_without_a_run_there_is_no_such_line():
    assert not parts_of(read(Picture(MAPPED).svg()), "detail")
    assert "each item" not in texts(Picture(MAPPED).svg())


def test_the_critical_path_is_marked():
    picture = Picture(MAPPED, details=True)
    svg = picture.svg({}, critical=("work", "collect"))
    marked = {
        n for n, g in tasks_of(svg).items() if parts_of(g, "box")[0].get("stroke") == CRITICAL
    }
    assert marked == {"work", "collect"}
    edges = [g for g in read(svg).iter(f"{NS}g") if g.get("stroke") == CRITICAL]
    assert [(g.get("data-source"), g.get("data-target")) for g in edges] == [("work", "collect")]
    assert picture.png({}, critical=("work", "collect")) != picture.png({})
    assert CRITICAL not in picture.svg({})
    assert "critical path" in texts(svg) and "critical path" not in texts(picture.svg({}))


def test_a_heading_has_room_for_a_wider_font():
    """A browser draws it a little wider than Graphviz believes, and more so in another font."""
    words = "Parallel data processing flow, with a longer description than usual"
    told = Flow("flow", [("a", "b")], description=words)
    width = float(read(Picture(told).svg()).get("viewBox").split()[2])
    needed = TextPath((0, 0), words, size=10, prop=FontProperties(family="DejaVu Sans"))
    assert width - 8 > 1.05 * needed.get_extents().width
