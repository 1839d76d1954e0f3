import io
import random
import subprocess
import sys
import time
import warnings

import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image
from runs import make_run

from taskinity_nb import run
from taskinity_nb.model.events import State
from taskinity_nb.model.flow import Flow
from taskinity_nb.views.charts.figure import GanttFigure
from taskinity_nb.views.charts.gantt_bars import MOST_BARS, MOST_SPANS, panel_of
from taskinity_nb.views.charts.gantt_chart import chart_of
from taskinity_nb.views.charts.plots import plot_gantt
from taskinity_nb.views.charts.style import COLOURS
from taskinity_nb.views.charts.text_fit import BarLabel, typeset
from taskinity_nb.views.style.palette import EDGE, LOOKS

#        ┌> b1 ┐
#    a ──┼> b2 ┼─> c
#        └> b3 ┘
DIAMOND = Flow("Diamond", [("a", f"b{i}") for i in (1, 2, 3)] + [(f"b{i}", "c") for i in (1, 2, 3)])
PARALLEL = [
    ("a", "thread-1", 0.0, 0.2),
    ("b1", "thread-1", 0.2, 1.2),
    ("b2", "thread-2", 0.2, 1.0),
    ("b3", "thread-10", 0.2, 0.9),
    ("c", "thread-2", 1.2, 1.5),
]
SEQUENTIAL = [
    ("a", "MainThread", 0.0, 0.2),
    ("b1", "MainThread", 0.2, 1.1),
    ("b2", "MainThread", 1.1, 2.0),
    ("b3", "MainThread", 2.0, 2.7),
    ("c", "MainThread", 2.7, 3.0),
]


def diamond(**options):
    return make_run(DIAMOND, PARALLEL, workers=4, **options)


def found(ax, gid):
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def bars(ax, panel):
    """Return (start, end, top, bottom) of each bar of a panel."""
    (collection,) = found(ax, f"bars-{panel}")
    boxes = [path.get_extents() for path in collection.get_paths()]
    return [(box.x0, box.x1, box.y0, box.y1) for box in boxes]


def spans(ax, panel):
    return sorted((round(start, 6), round(end, 6)) for start, end, _, _ in bars(ax, panel))


def headings(ax):
    return [text.get_text() for text in ax.texts if (text.get_gid() or "").startswith("heading")]


def labels(ax):
    ax.get_figure().draw_without_rendering()
    return [text for text in ax.findobj(BarLabel) if text.fits()]


def bar_of(label):
    left, top, right, bottom = label.extent
    return Bbox(label.axes.transData.transform([(left, bottom), (right, top)]))


def rows(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


# Bars.


def test_bars_are_the_records():
    run = diamond()
    ax = plot_gantt(run)
    recorded = [(round(t.started, 6), round(t.finished, 6)) for t in run.tasks.values()]
    assert spans(ax, 1) == sorted(recorded)


def test_replay_puts_the_tasks_one_after_the_other_in_topological_order():
    run = diamond()
    ax = plot_gantt(run)
    expected, at = [], 0.0
    for name in run.plan.order:
        expected.append((round(at, 6), round(at + run.tasks[name].duration, 6)))
        at += run.tasks[name].duration
    assert [(round(b[0], 6), round(b[1], 6)) for b in bars(ax, 0)] == expected
    assert "replayed" in headings(ax)[0]
    assert len({b[2] for b in bars(ax, 0)}) == 1


def test_a_measured_sequential_run_is_drawn_above_as_it_was():
    measured = make_run(DIAMOND, SEQUENTIAL, executor="sequential", workers=1)
    ax = plot_gantt(diamond(), measured)
    assert headings(ax)[0] == "sequential: 3.00 s"
    assert spans(ax, 0) == sorted((start, end) for _, _, start, end in SEQUENTIAL)
    assert not any("replayed" in text for text in headings(ax))
    assert ax.get_title().startswith("2.0 times faster")  # 3.0 / 1.5 s


def test_rows_are_workers_in_natural_order():
    ax = plot_gantt(diamond())
    assert rows(ax) == ["worker 1", "worker 1", "worker 2", "worker 3"]
    by_start = {(round(b[0], 6), round(b[1], 6)): b[2] for b in bars(ax, 1)}
    assert by_start[0.2, 1.0] < by_start[0.2, 0.9]  # thread-2 above thread-10


def test_one_panel_for_each_run_on_one_time_axis():
    runs = [
        make_run(DIAMOND, SEQUENTIAL, executor="sequential", workers=1),
        diamond(),
        diamond(executor="processes"),
    ]
    ax = plot_gantt(*runs)
    assert len(headings(ax)) == 3
    bottoms = [max(b[3] for b in bars(ax, i)) for i in range(3)]
    tops = [min(b[2] for b in bars(ax, i)) for i in range(3)]
    assert tops[1] > bottoms[0] and tops[2] > bottoms[1]
    assert ax.get_xlim()[1] >= 3.0
    assert ax.get_title().startswith("Threads 2.0 times faster") is True


def test_overlapping_tasks_of_one_worker_lie_in_lanes():
    flow = Flow("Async", tasks=[f"t{i}" for i in range(4)])
    run = make_run(flow, [(t, "loop", 0.1 * i, 1.0) for i, t in enumerate(flow.tasks)], workers=2)
    ax = plot_gantt(run)
    drawn = bars(ax, 1)
    assert len({b[2] for b in drawn}) == 4
    assert rows(ax) == ["worker 1", "worker 1"]
    assert "with 4 at once" in ax.get_title()  # more than the workers: no 200 % efficiency


def test_a_task_has_one_colour_in_all_panels():
    ax = plot_gantt(diamond())
    fills = []
    for panel in (0, 1):
        (collection,) = found(ax, f"bars-{panel}")
        fills.append(sorted(to_hex(fill) for fill in collection.get_facecolor()))
    assert fills[0] == fills[1] == sorted(COLOURS[:5])


def test_earlier_attempts_are_drawn():
    intervals = [("a", "w1", 0.0, 0.1, State.RETRYING), ("a", "w1", 0.2, 0.5)]
    ax = plot_gantt(make_run(Flow("Again", tasks=["a"]), intervals))
    assert spans(ax, 1) == [(0.0, 0.1), (0.2, 0.5)]


def test_no_label_leaves_its_bar_or_meets_another():
    rng = random.Random(3)
    flow = Flow("Mixed", tasks=[f"{'long_' * rng.randrange(4)}n{i}" for i in range(40)])
    intervals, at = [], [0.0] * 4
    for i, task in enumerate(flow.tasks):
        took = rng.choice([0.001, 0.02, 0.3, 2.0])
        intervals.append((task, f"w{i % 4}", at[i % 4], at[i % 4] + took))
        at[i % 4] += took
    ax = plot_gantt(make_run(flow, intervals, workers=4))
    shown = labels(ax)
    assert len(shown) > 10
    for label in shown:
        text, bar = label.get_window_extent(), bar_of(label)
        assert bar.x0 < text.x0 and text.x1 < bar.x1
        assert bar.y0 <= text.y0 and text.y1 <= bar.y1
    boxes = [label.get_window_extent() for label in shown]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_labels_vanish_when_zooming_out_and_come_back():
    ax = plot_gantt(diamond())
    before = len(labels(ax))
    left, right = ax.get_xlim()
    ax.set_xlim(left, right * 50)
    assert before and not labels(ax)
    ax.set_xlim(left, right)
    assert len(labels(ax)) == before


def test_a_bar_narrower_than_a_pixel_is_visible():
    flow = Flow("Tiny", tasks=["long", "tiny"])
    ax = plot_gantt(make_run(flow, [("long", "w1", 0, 10), ("tiny", "w2", 5, 5.0001)]))
    (collection,) = found(ax, "bars-1")
    narrow = [to_hex(colour) for colour in collection.get_edgecolor()][1]
    assert narrow == to_hex(collection.get_facecolor()[1]) == COLOURS[1]
    assert collection.get_linewidth()[0] > 0


# Outline, bound and words.


def test_the_critical_path_is_outlined():
    run = diamond()
    ax = plot_gantt(run)
    (outline,) = found(ax, "critical-1")
    drawn = sorted(round(path.get_extents().x0, 6) for path in outline.get_paths())
    assert drawn == sorted(round(run.tasks[name].started, 6) for name in run.critical_path)
    (subtitle,) = found(ax, "subtitle")
    assert "Diamond" in subtitle.get_text() and "a → b1 → c" in subtitle.get_text()


def test_the_lower_bound_is_a_labelled_line():
    run = diamond()
    ax = plot_gantt(run)
    (line,) = found(ax, "bound-1")
    assert set(line.get_xdata()) == {run.lower_bound()}
    assert run.lower_bound() == pytest.approx(1.5)
    (label,) = found(ax, "bound-label-1")
    assert label.get_text() == "lower bound 1.50 s (critical path)"
    assert not found(ax, "bound-0")


def test_the_lower_bound_may_be_the_work():
    flow = Flow("Wide", tasks=["a", "b", "c", "d"])
    run = make_run(flow, [(t, f"w{i % 2}", i // 2, i // 2 + 1) for i, t in enumerate(flow.tasks)])
    ax = plot_gantt(run)
    assert found(ax, "bound-label-1")[0].get_text() == "lower bound 2.00 s (work / 2 workers)"


def test_the_title_tells_speed_and_efficiency():
    run = diamond()
    title = plot_gantt(run).get_title()
    assert title == "2.0 times faster than one after the other on 4 workers (50 % efficiency)"
    assert run.speedup == pytest.approx(2.0) and run.efficiency == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("makespan", "words"),
    [
        (1.0, "1.0 times: no faster than"),
        (2.0, "2.0 times slower than"),
        (0.5, "2.0 times faster"),
    ],
)
def test_the_title_is_honest(makespan, words):
    run = make_run(Flow("One", tasks=["a"]), [("a", "w", 0, 1)], makespan=makespan)
    assert plot_gantt(run).get_title().startswith(words)


def test_a_failed_run_is_not_compared_with_a_whole_one():
    whole = make_run(DIAMOND, SEQUENTIAL, executor="sequential", workers=1)
    failed = make_run(DIAMOND, [("a", "w", 0, 0.1, ValueError("no"))])
    ax = plot_gantt(whole, failed)
    assert "faster" not in ax.get_title()
    assert ax.get_title() == "1 of 5 tasks failed; threads on 2 workers in 0.10 s"


def test_failed_and_cancelled_tasks_look_like_their_state():
    intervals = [
        ("a", "w1", 0.0, 1.0),
        ("b1", "w1", 1.0, 3.0, ValueError("no")),
        ("b2", "w2", 1.0, 3.0, State.CANCELLED),
        ("b3", "w3", 1.0, 1.001, State.TIMED_OUT),
    ]
    ax = plot_gantt(make_run(DIAMOND, intervals, others={"c": (State.UPSTREAM_FAILED, "b1")}))
    (collection,) = found(ax, "bars-0")
    fills = [to_hex(fill) for fill in collection.get_facecolor()]
    for state in (State.FAILED, State.CANCELLED, State.TIMED_OUT):
        assert LOOKS[state].fill in fills
    written = {label.get_text() for label in labels(ax)}
    assert {"✗ b1", "■ b2"} <= written
    assert found(ax, "sign-timed_out")  # too narrow for its sign: marked above
    assert "1 failed" in headings(ax)[0] and "1 upstream failed" in headings(ax)[0]


@pytest.mark.parametrize(("factor", "unit"), [(1.0, "s"), (0.01, "ms"), (1e-5, "ms"), (5000, "s")])
def test_the_time_axis_has_the_unit_of_its_size(factor, unit):
    intervals = [(task, w, start * factor, end * factor) for task, w, start, end in PARALLEL]
    ax = plot_gantt(make_run(DIAMOND, intervals))
    assert ax.get_xlabel() == f"time in {unit}"
    ax.get_figure().draw_without_rendering()
    ticks = [text.get_text() for text in ax.get_xticklabels()]
    assert len(set(ticks)) == len(ticks)


# Edge cases.


CHAIN = Flow("Chain", [("a", "b"), ("b", "c")])


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (make_run(Flow("Empty")), "A flow without tasks"),
        (make_run(CHAIN, state=State.RUNNING), "No task of 3 ran (3 pending)"),
        (
            make_run(CHAIN, others=dict.fromkeys("abc", State.CANCELLED), state=State.CANCELLED),
            "No task of 3 ran (3 cancelled)",
        ),
        (
            make_run(CHAIN, others=dict.fromkeys("abc", State.CACHED)),
            "No task of 3 ran (all cached)",
        ),
        (
            make_run(CHAIN, [("a", "w", 0, 0)], makespan=0),
            "Threads on 2 workers in 0 ms; too short to judge",
        ),
        (
            make_run(CHAIN, [("a", "w", 0, 1), ("b", "w", 1, 2, None)], state=State.RUNNING),
            "Running: 1 of 3 tasks succeeded; threads on 2 workers in 2.00 s",
        ),
        (
            make_run(CHAIN, [("a", "w", 0, 1)], executor="sequential", workers=1),
            "One after the other in 1.00 s",
        ),
    ],
    ids=["empty", "pending", "cancelled", "cached", "instant", "running", "sequential"],
)
def test_edge_cases_tell_what_happened(run, words):
    ax = plot_gantt(run)
    assert ax.get_title() == words
    assert ax.get_figure()._repr_png_()[0].startswith(b"\x89PNG")
    assert repr(ax.get_figure()).startswith("Gantt of ")


@pytest.mark.parametrize(
    "names",
    [
        ["_hidden", "__x"],  # matplotlib's legends leave out what begins with an underscore
        ["数据处理", "загрузить"],
        ["n" * 300, "m" * 300],
    ],
)
def test_any_name_can_be_drawn(names):
    flow = Flow("$a_b$ <数据>\n\x00", tasks=names)
    run = make_run(flow, [(names[0], "$w$", 0, 0.001), (names[1], "w\n2", 0, 1)], executor="数 $x$")
    ax = plot_gantt(run, run)
    assert ax.get_figure()._repr_png_()
    if names[0].startswith("_"):
        assert [text.get_text() for text in ax.get_legend().get_texts()] == names


def test_what_no_font_holds_becomes_a_box():
    assert typeset("a\U000f0000b")[0] in ("a□b", "a b")


def test_texts_stay_on_the_figure():
    flow = Flow("F" * 200, [("t" * 80, "u" * 80)])
    run = make_run(
        flow, [("t" * 80, "w", 0, 1, ValueError()), ("u" * 80, "w2", 1, 1.01)], workers=9
    )
    figure = plot_gantt(run, make_run(flow, executor="processes" * 30)).get_figure()
    figure.draw_without_rendering()  # which puts the labels of the axes into their places
    renderer = figure.canvas.get_renderer()
    for ax in figure.axes:
        shown = [ax.title, ax.xaxis.label, *ax.texts, *ax.get_yticklabels()]
        shown += ax.get_legend().get_texts() if ax.get_legend() else []
        for text in shown:
            if isinstance(text, BarLabel) and not text.fits(renderer):
                continue
            box = text.get_window_extent(renderer)
            assert box.x0 >= 0 and box.x1 <= figure.bbox.x1, text
            assert box.y0 >= 0 and box.y1 <= figure.bbox.y1, text


def test_many_tasks_are_drawn_quickly():
    flow = Flow("Many", tasks=[f"t{i}" for i in range(1000)])
    intervals = [(t, f"w{i % 8}", i // 8, i // 8 + 0.9) for i, t in enumerate(flow.tasks)]
    run = make_run(flow, intervals, workers=8)
    start = time.perf_counter()
    ax = plot_gantt(run)
    ax.get_figure()._repr_png_()
    assert time.perf_counter() - start < 5  # a loaded machine; 0.4 s on an idle one
    assert len(bars(ax, 1)) == 1000
    assert len(ax.findobj(PolyCollection)) <= 4


# Where it is drawn.


def test_pyplot_knows_nothing_of_it():
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; from test_gantt import *; plot_gantt(diamond())"
        "; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_draws_into_given_axes():
    figure = Figure(figsize=(5, 3), layout="constrained")
    ax = figure.add_subplot()
    assert plot_gantt(diamond(), ax=ax) is ax
    figure.draw_without_rendering()
    assert len(bars(ax, 0)) == len(bars(ax, 1)) == 5
    assert len(figure.axes) == 1
    for label in labels(ax):
        assert bar_of(label).x0 < label.get_window_extent().x0


def test_the_axes_and_the_figure_show_themselves():
    ax = plot_gantt(diamond())
    for shown in (ax, ax.get_figure()):
        data, metadata = DisplayFormatter().format(shown)
        assert data["image/png"].startswith(b"\x89PNG")
        assert data["text/plain"] == (
            "Gantt of Diamond: sequential 3.00 s (replayed), threads on 4 workers 1.50 s, "
            "2.0 times faster"
        )
        assert metadata["image/png"]["width"] == 864
    assert isinstance(ax.get_figure(), GanttFigure)


def test_the_picture_is_deterministic():
    first, second = (plot_gantt(diamond()).get_figure()._repr_png_()[0] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("wrong", [(), ([],), (DIAMOND,), (None,)])
def test_takes_only_runs(wrong):
    with pytest.raises(TypeError, match=r"plot_gantt\(run\)"):
        plot_gantt(*wrong)


def test_runs_of_different_flows_are_not_compared():
    other = make_run(CHAIN, [("a", "w", 0, 1)], executor="processes")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = plot_gantt(diamond(), other)
    assert not any("replayed" in text for text in headings(ax))
    assert repr(ax).startswith("Gantt of Diamond, Chain: threads on 4 workers 1.50 s")


# Flows in the flow.


def boxed(*boxes, tasks=3, alone=2, each=1.0):
    """A run of boxes with so many tasks each, one after the other, and of tasks in none."""
    named = [f"{box}.step{i}" for box in boxes for i in range(tasks)]
    single = [f"task{i}" for i in range(alone)]
    flow = Flow("Boxes", tasks=[*named, *single], written=Flow("Boxes", tasks=[*boxes, *single]))
    rows = [(name, f"w{i // tasks}", each * (i % tasks), each * (i % tasks + 1))
            for i, name in enumerate(named)]  # fmt: skip
    rows += [(name, "w0", each * (tasks + i), each * (tasks + i + 1))
             for i, name in enumerate(single)]  # fmt: skip
    return make_run(flow, rows, workers=4)


def brackets(ax, panel=1):
    found_lines = found(ax, f"spans-{panel}")
    return [
        [tuple(map(float, at)) for at in line] for c in found_lines for line in c.get_segments()
    ]


def names_of_boxes(ax):
    told = [text for text in ax.texts if (text.get_gid() or "").startswith("span-")]
    return {text.get_text(): text for text in told}


def test_a_bracket_above_the_rows_tells_how_long_a_flow_in_the_flow_took():
    ax = plot_gantt(boxed("Prep", "Rate"))
    lines = brackets(ax)
    assert [(line[0][0], line[-1][0]) for line in lines] == [(0.0, 3.0)] * 2
    assert list(names_of_boxes(ax)) == ["Prep", "Rate"]
    highest = min(top for _, _, top, _ in bars(ax, 1))
    assert all(y < highest for line in lines for _, y in line)
    # Nothing of it lies on anything else.
    ax.get_figure().draw_without_rendering()
    places = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(places) for b in places[:i])


def test_of_nested_flows_the_outer_one_has_a_bracket_with_its_result():
    flow = Flow("Deep", [("P.Q.a", "P.b"), ("P.b", "P"), ("P", "end")],
                written=Flow("Deep", [("P", "end")]))  # fmt: skip
    run = make_run(flow, [("P.Q.a", "w", 0, 1), ("P.b", "w", 1, 2), ("P", "w", 2, 2.5),
                          ("end", "w", 3, 4)])  # fmt: skip
    ((first, *_, last),) = brackets(plot_gantt(run))
    assert (first[0], last[0]) == (0, 2.5)
    assert brackets(plot_gantt(diamond())) == []


def test_of_very_many_flows_at_once_there_are_no_brackets():
    assert brackets(plot_gantt(boxed(*[f"Box{i}" for i in range(MOST_SPANS + 1)]))) == []


def fills(ax, panel):
    (collection,) = found(ax, f"bars-{panel}")
    return [to_hex(colour) for colour in collection.get_facecolors()]


def test_of_more_tasks_than_colours_those_of_a_flow_in_the_flow_have_one():
    few = plot_gantt(boxed("A", "B", tasks=2))
    assert len(set(fills(few, 1))) == 6
    many = boxed("A", "B", tasks=4)
    ax = plot_gantt(many)
    colours = dict(zip([bar.task for bar in panel_of(many).bars], fills(ax, 1), strict=True))
    assert len({colours[f"A.step{i}"] for i in range(4)}) == 1
    assert len(set(colours.values())) == 4
    legend = [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else []
    assert legend in ([], ["A (4 tasks)", "B (4 tasks)", "task0", "task1"])


def test_a_bar_without_room_for_the_whole_name_has_that_within_the_box():
    ax = plot_gantt(boxed("A_flow_of_a_long_name", tasks=6))
    shown = {label.get_text() for label in labels(ax)}
    assert "step1" in shown and not any("flow" in text for text in shown)
    assert any("A_flow_of_a_long_name" in text.get_text() for text in ax.get_legend().get_texts())


# Mapped tasks.


def mapped_run(items):
    names = {
        "scan": lambda: range(items), "work": lambda item: 1 / (item - 3), "collect": sum
    }  # fmt: skip
    return run("scan -> map work -> collect", namespace=names, executor="sequential",
               on_error="continue")  # fmt: skip


def test_each_item_has_a_bar():
    mapped = mapped_run(8)
    assert len(bars(plot_gantt(mapped), 0)) == 9  # scan, and 8 items
    panel = panel_of(mapped)
    assert [bar.labelled("work") for bar in panel.bars][1:4] == ["work[0]", "work[1]", "work[2]"]
    assert [bar.item for bar in panel.bars if bar.state is State.FAILED] == [3]


def test_items_that_are_too_many_become_bands():
    mapped = mapped_run(3 * MOST_BARS)
    panel = panel_of(mapped)
    assert len(panel.bars) <= MOST_BARS
    assert sum(bar.number for bar in panel.bars) == 3 * MOST_BARS + 1
    assert [bar.item for bar in panel.bars if bar.state is State.FAILED] == [3]
    band = max(panel.bars, key=lambda bar: bar.number)
    assert band.labelled("work") == f"work ×{band.number:,}"
    assert found(plot_gantt(mapped), "bars-0")


# What is long, and what holds a worker.


def test_a_sequential_run_that_is_much_longer_is_cut_off():
    wide = Flow("Wide", tasks=[f"t{i}" for i in range(12)])
    parallel = make_run(wide, [(f"t{i}", f"w{i}", 0, 1) for i in range(12)], workers=12)
    ax = plot_gantt(parallel)
    assert max(end for _, end, _, _ in bars(ax, 0)) == pytest.approx(5.0)
    assert ax.get_xlim()[1] < 5.2
    assert "12.0 s (goes on beyond this chart)" in headings(ax)[0]
    assert len(found(ax, "cut-0")) == 1
    assert not found(ax, "cut-1")
    assert not found(plot_gantt(diamond()), "cut-0")


def test_what_holds_a_worker_is_drawn_thin():
    run_ = make_run(Flow("f", tasks=["a"]), [("a", "w", 1.0, 2.0)])
    (record,) = run_.tasks.values()
    assert not found(plot_gantt(run_), "holds-1")
    record.submitted, record.received = 0.5, 2.25
    (collection,) = found(plot_gantt(run_), "holds-1")
    extents = [path.get_extents() for path in collection.get_paths()]
    assert [(box.x0, box.x1) for box in extents] == [(0.5, 1.0), (2.0, 2.25)]
    (_, _, top, bottom) = bars(plot_gantt(run_), 1)[0]
    assert all(top < box.y0 < box.y1 < bottom for box in extents)


def test_a_run_whose_results_are_gone_is_drawn_as_before():
    one = run("a", namespace={"a": lambda: None})
    before = repr(plot_gantt(one))
    one.release()
    assert repr(plot_gantt(one)) == before


# Axes of a user, in figures of any size.


def texts_of(ax):
    """Return what is written, where it is; the labels of bars hide by themselves."""
    ax.figure.draw_without_rendering()
    shown = [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
    shown += ax.get_legend().get_texts() if ax.get_legend() else []
    return {
        text.get_text(): text.get_window_extent()
        for text in shown
        if text.get_text() and not isinstance(text, BarLabel)
    }


SIZES = [(6.4, 4.8), (4.8, 3), (4.6, 2.5), (3.2, 2.4)]


@pytest.mark.parametrize(
    ("size", "layout"),
    [(size, layout) for size in SIZES for layout in (None, "constrained")] + [((2.4, 1.8), None)],
)
def test_nothing_is_cut_off_in_a_small_figure(size, layout):
    figure = Figure(figsize=size, layout=layout)
    ax = figure.add_subplot()
    place = ax.get_position().bounds
    plot_gantt(diamond(), ax=ax)
    written = texts_of(ax)
    assert ax.get_title().startswith("2.0 times")
    for text, box in written.items():
        assert box.y0 >= figure.bbox.y0 and box.y1 <= figure.bbox.y1, text
        assert box.x0 >= figure.bbox.x0 and box.x1 <= figure.bbox.x1 + 1, text
    boxes = list(written.values())
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    if layout is None:  # they stay where the user has put them
        assert ax.get_position().bounds == place
        rows = [text.get_window_extent() for text in ax.get_yticklabels()]
        assert min(box.x0 for box in rows) >= 0


def test_charts_side_by_side_do_not_meet():
    figure = Figure(figsize=(7, 5))
    for ax in figure.subplots(2, 2).flat:
        plot_gantt(diamond(), ax=ax)
    boxes = [box for ax in figure.axes for box in texts_of(ax).values()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_without_room_for_a_label_the_ticks_tell_the_unit():
    ax = Figure(figsize=(3.2, 2.4)).add_subplot()
    plot_gantt(diamond(), ax=ax)
    ax.figure.draw_without_rendering()
    assert ax.get_xlabel() == ""
    assert "1 s" in [text.get_text() for text in ax.get_xticklabels()]
    assert rows(ax) == ["1", "1", "2", "3"]


# In a notebook, and in a file.


def pixels(png):
    with Image.open(io.BytesIO(png)) as image:
        return image.convert("RGBA")


def test_a_notebook_has_no_paper_and_a_file_is_white():
    ax = plot_gantt(diamond())
    shown = pixels(ax._repr_png_()[0])
    assert shown.getpixel((2, 2))[3] == 0
    assert not [colour for _, colour in dark(shown)]
    for options in ({}, {"format": "jpg"}):
        file = io.BytesIO()
        ax.figure.savefig(file, dpi=144, **options)
        saved = pixels(file.getvalue())
        assert saved.getpixel((2, 2)) == (255, 255, 255, 255)
        assert sum(count for count, _ in dark(saved)) > 500
    assert pixels(ax._repr_png_()[0]) == shown


def dark(image):
    """Return the colours of ink beside the bars: of the titles, and of what is left of the axes."""
    above = image.crop((0, 0, image.width, 90))
    beside = image.crop((0, 0, 130, image.height))
    return [
        (count, colour)
        for part in (above, beside)
        for count, colour in part.getcolors(10**6)
        if colour[3] > 200 and max(colour[:3]) < 0x40
    ]


def test_inks_can_be_read_on_any_page():
    ax = plot_gantt(diamond())
    seen = {}
    written = [ax.title, *(text for text in ax.texts if not isinstance(text, BarLabel))]

    def look(renderer, draw=ax.figure.draw):
        seen.update({text.get_text(): text.get_color() for text in written})
        seen.update({text.get_text(): text.get_color() for text in ax.get_xticklabels()})
        draw(renderer)

    before = {text.get_text(): text.get_color() for text in ax.texts}
    ax.figure.draw = look
    ax._repr_png_()
    assert {to_hex(colour) for text, colour in seen.items() if text} == {EDGE}
    assert min(contrast(EDGE, page) for page in ("#ffffff", "#111111")) > 4.29
    assert {text.get_text(): text.get_color() for text in ax.texts} == before
    for label in ax.findobj(BarLabel):
        assert all(contrast(label.get_color(), fill) > 4.5 for fill in COLOURS)


def contrast(one, other):
    light = sorted(luminance(to_rgb(colour)) + 0.05 for colour in (one, other))
    return light[1] / light[0]


def luminance(colour):
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


class TestRunsThatDidNotComputeTheSame:
    def resumed(self):
        left = [("b3", "thread-1", 0.0, 0.7), ("c", "thread-1", 0.7, 1.0)]
        return make_run(DIAMOND, left, others=dict.fromkeys(["a", "b1", "b2"], State.CACHED))

    def test_one_that_resumed_is_no_faster_than_the_whole_in_sequence(self):
        whole = make_run(DIAMOND, SEQUENTIAL, executor="sequential", workers=1)
        said = chart_of((whole, self.resumed()))
        assert said.title == "Threads on 2 workers in 1.00 s; not the same tasks ran"
        assert "faster" not in said.summary

    def test_nor_is_the_whole_slower_than_what_was_left_of_it(self):
        said = chart_of((diamond(), self.resumed()))
        assert "slower" not in said.summary and "replayed" not in said.summary
        assert "threads on 4 workers 1.50 s, 2.0 times faster" in said.summary

    def test_one_with_other_inputs_is_not_compared(self):
        names = {"work": lambda n: n}
        for same in (10**5000, float("nan")):
            twice = [run("work", {"n": same}, namespace=names) for _ in range(2)]
            assert "replayed" in chart_of(tuple(twice)).summary
        few, many = (run("work", {"n": n}, namespace=names, executor="sequential") for n in (4, 8))
        threads = run("work", {"n": 8}, namespace=names)
        assert "; it was given other inputs" in chart_of((few, threads)).title
        assert "other inputs" not in chart_of((many, threads)).title
        assert "replayed" not in chart_of((run("work", {"n": 4}, namespace=names), threads)).summary
