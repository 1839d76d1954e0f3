"""`plot_speedup`: what was measured, what is predicted, and that nothing is written over it."""

from __future__ import annotations

from itertools import combinations

import matplotlib
import matplotlib.style
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from runs import make_run

from taskinity_nb import Comparison, Flow, FlowError, compare, plot_speedup, run, start
from taskinity_nb.analysis.measuring.compare import Case
from taskinity_nb.views.charts import speedup_chart
from taskinity_nb.views.charts.speedup_chart import chart_of_speedup


def fan(width, workers, executor="threads", seconds=0.1, name="Fan", **options):
    """Return a run of `load -> [...] -> join`, as `workers` would have done it."""
    tasks = [f"t{i}" for i in range(width)]
    flow = Flow(name, [("load", task) for task in tasks] + [(task, "join") for task in tasks])
    intervals = [("load", "w0", 0.0, seconds)]
    free = [seconds] * workers
    for task in tasks:
        worker = min(range(workers), key=free.__getitem__)
        intervals.append((task, f"w{worker}", free[worker], free[worker] + seconds))
        free[worker] += seconds
    intervals.append(("join", "w0", max(free), max(free) + seconds))
    options = {"cpu": 0.0} | options
    return make_run(flow, intervals, workers=workers, executor=executor, **options)


def comparison(runs, baseline="sequential", spread=0.2):
    """Return a comparison with these runs, each case named after its executor and workers."""
    base = runs[0].work
    cases = [
        Case(
            f"{one.executor}, {one.workers}",
            (one.makespan * (1 + spread), one.makespan, one.makespan * (1 - spread)),
            base if baseline else None,
            executor=one.executor, workers=one.workers, first=9.0, run=one,
        )
        for one in runs
    ]  # fmt: skip
    return Comparison(runs[0].flow, tuple(cases), baseline, "3.12.1", 2)


def by_gid(ax, gid):
    return next(artist for artist in ax.get_children() if artist.get_gid() == gid)


class TestOfARun:
    def test_the_curve_passes_through_what_was_measured(self):
        chart = chart_of_speedup(fan(6, 3))
        (series,) = chart.series
        assert series.name == "threads"
        (point,) = series.points
        assert point == pytest.approx((3, 2.0, 2.0, 2.0))
        curve = dict(series.curve)
        assert list(curve) == list(range(1, chart.most + 1))
        assert [curve[n] for n in (1, 2, 3, 6, 8)] == pytest.approx([1, 8 / 5, 2, 8 / 3, 8 / 3])
        assert chart.bound == pytest.approx(8 / 3)
        assert chart.knee == (6, pytest.approx(8 / 3))
        assert chart.title == "Up to 6 workers pay; more gain nothing"

    @pytest.mark.parametrize(
        ("width", "workers", "most"), [(2, 2, 8), (2, 7, 14), (2, 50, 64), (2, 100, 100)]
    )
    def test_how_far_it_looks(self, width, workers, most, monkeypatch):
        monkeypatch.setattr(speedup_chart, "available_cores", lambda: 4)
        chart = chart_of_speedup(fan(width, workers))
        assert chart.most == most
        assert max(count for count, _ in chart.series[0].curve) == most

    def test_the_cores_of_the_machine(self, monkeypatch):
        monkeypatch.setattr(speedup_chart, "available_cores", lambda: 12)
        assert chart_of_speedup(fan(2, 2)).most == 24

    def test_a_large_run_has_fewer_points(self, monkeypatch):
        monkeypatch.setattr(speedup_chart, "MOST_TASKS", 1000)
        monkeypatch.setattr(speedup_chart, "available_cores", lambda: 32)
        chart = chart_of_speedup(fan(98, 3))
        counts = [count for count, _ in chart.series[0].curve]
        assert counts[0] == 1 and counts[-1] == 64 and {3, chart.knee[0]} <= set(counts)
        assert len(counts) <= 12

    def test_a_real_run(self):
        made = run(
            "load -> [a, b]", namespace={"load": lambda: 1, "a": lambda x: x, "b": lambda x: x}
        )
        assert plot_speedup(made).get_title() == "Too short to judge"

    def test_a_sequential_run(self):
        chart = chart_of_speedup(fan(3, 1, "sequential"))
        assert chart.series[0].points[0].workers == 1 and chart.series[0].curve

    def test_a_failed_run(self):
        flow = Flow("F", [("load", "save")])
        made = make_run(flow, [("load", "w", 0, 1), ("save", "w", 1, 2, ValueError("x"))])
        chart = chart_of_speedup(made)
        assert chart.title == "1 of 2 tasks failed" and chart.knee is None

    def test_a_run_that_took_longer_than_its_tasks(self):
        chart = chart_of_speedup(fan(6, 3, makespan=0.7))
        assert chart.title == "On 3 workers: 1.14 times as fast, predicted 2.00"
        assert "threads off the line: starting workers and tasks took the rest" in chart.subtitle

    def test_a_busy_machine(self):
        waits = {f"t{i}": 0.05 for i in range(6)}
        chart = chart_of_speedup(fan(6, 2, cpu=0.5, waits=waits, cores=2.0))
        assert chart.title == "The machine was busy with other work: no comparison"
        assert chart.knee is None and "times" not in chart.summary


class TestOfAComparison:
    def test_points_have_their_spread(self):
        runs = [fan(6, 1, "sequential"), fan(6, 2), fan(6, 3), fan(6, 3, "processes")]
        chart = chart_of_speedup(comparison(runs))
        assert [series.name for series in chart.series] == ["sequential", "threads", "processes"]
        two, three = chart.series[1].points
        assert two.workers == 2 and three.workers == 3
        assert two[1:] == pytest.approx((1.6 / 1.2, 1.6, 1.6 / 0.8))
        assert not chart.series[0].curve and chart.series[1].curve and chart.series[2].curve
        assert chart.series[chart.main].name in ("threads", "processes")
        assert chart.title.startswith("Threads: up to 6 workers pay")
        assert "median, min and max of 3 repeats" in chart.subtitle
        assert "1 = sequential" in chart.subtitle

    def test_the_best_one_sets_bound_and_knee(self):
        runs = [fan(6, 1, "sequential"), fan(6, 2), fan(6, 6, "processes")]
        chart = chart_of_speedup(comparison(runs))
        assert chart.series[chart.main].name == "processes"
        assert chart.title == "Processes: up to 6 workers pay; more gain nothing"

    def test_without_a_baseline_the_work_is_the_measure(self):
        chart = chart_of_speedup(comparison([fan(6, 3)], baseline=None))
        assert chart.series[0].points[0].middle == pytest.approx(2.0)
        assert "1 = one task after the other" in chart.subtitle

    def test_only_a_sequential_run(self):
        chart = chart_of_speedup(comparison([fan(6, 1, "sequential")]))
        assert chart.series[0].curve and chart.knee[0] == 6

    def test_a_real_one(self):
        found = compare(
            "load -> [a, b]", executors=["sequential", "threads"], workers=[1, 2], repeats=1,
            namespace={"load": lambda: 1, "a": lambda x: x, "b": lambda x: x},
        )  # fmt: skip
        ax = found.plot()
        assert isinstance(ax, Axes) and repr(ax).startswith("Speed-up of flow: ")

    def test_no_curve_is_above_the_ideal(self):
        """The sequential run was slower than its tasks are known to be."""
        runs = [fan(6, 1, "sequential", seconds=0.2), fan(6, 1), fan(6, 2), fan(6, 3)]
        chart = chart_of_speedup(comparison(runs))
        assert all(times <= count for one in chart.series for count, times in one.curve)
        assert "threads off the line: its tasks took longer in the sequential run" in chart.subtitle

    def test_what_was_measured_is_told_where_the_prediction_fails(self):
        """Two workers were slower than one, whatever their tasks took."""
        two = fan(6, 2, makespan=1.05)
        chart = chart_of_speedup(comparison([fan(6, 1, "sequential"), two]))
        assert chart.title == "On 2 workers: 0.76 times as fast, predicted 1.60"
        assert "threads off the line: a whole run takes more than its tasks" in chart.subtitle
        assert chart.knee is None and "pay" not in chart.summary


class TestWords:
    @pytest.mark.parametrize(
        ("curve", "knee", "title"),
        [
            ({1: 1, 2: 1}, 1, "One worker is enough; more gain nothing"),
            ({1: 1, 2: 2, 3: 2.9, 8: 3.02}, 3, "Up to 3 workers pay; 5 more would gain 4 %"),
            ({1: 1, 2: 1.04, 9: 1.04}, 1, "One worker is enough; 1 more would gain 4 %"),
            ({1: 1, 2: 2, 3: 1.9}, 2, "Up to 2 workers pay; more gain nothing"),
            ({n: n for n in range(1, 31)}, 20,
             "Up to 20 workers pay; further ones gain less than 5 % each"),
            ({n: n for n in range(1, 65)}, 64, "Up to 64 workers pay"),
        ],
    )  # fmt: skip
    def test_titles(self, curve, knee, title):
        assert speedup_chart._title(curve, knee, "") == title

    def test_an_executor_is_named_where_there_are_several(self):
        assert speedup_chart._title({1: 1.0}, 1, "threads") == (
            "Threads: one worker is enough; more gain nothing"
        )


class TestMistakes:
    def test_something_else(self):
        with pytest.raises(TypeError, match="takes a run or a comparison, not str"):
            plot_speedup("run")

    def test_a_run_that_goes_on(self):
        import threading

        go_on = threading.Event()
        going = start("hold", namespace={"hold": lambda: go_on.wait(30)})
        with pytest.raises(FlowError, match="the run is not done"):
            plot_speedup(going)
        go_on.set()
        going.wait()

    def test_nothing_took_any_time(self):
        with pytest.raises(FlowError, match="took any time"):
            plot_speedup(make_run(Flow("F", tasks=["load"])))


RUNS = [
    fan(6, 4),
    fan(300, 3, name="a long name of a flow that does not end " * 3),
    comparison([fan(12, n) for n in (1, 2, 4, 8)]),
    comparison(
        [fan(30, 1, "sequential")]
        + [fan(30, n, e) for n in (1, 2, 3, 4, 6, 8, 12, 16)
           for e in ("threads", "processes", "_a_users_Pool_$x_1$")]
    ),
]  # fmt: skip
IDS = ["run", "wide", "four", "sixteen"]


class TestDrawing:
    @pytest.mark.parametrize("measured", RUNS, ids=IDS)
    def test_no_text_lies_over_another_or_outside(self, measured):
        ax = plot_speedup(measured)
        figure = ax.get_figure()
        figure.draw_without_rendering()
        texts = [*ax.texts, ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_legend().get_texts(),
                 *ax.get_xticklabels(), *ax.get_yticklabels()]  # fmt: skip
        boxes = [text.get_window_extent() for text in texts if text.get_text()]
        for one, other in combinations(boxes, 2):
            assert not one.overlaps(other)
        page = figure.bbox
        for box in boxes:
            assert page.x0 <= box.x0 and box.x1 <= page.x1
            assert page.y0 <= box.y0 and box.y1 <= page.y1
        for text in (*ax.texts, *ax.get_legend().get_texts()):
            assert not ax.bbox.overlaps(text.get_window_extent().padded(-1))

    def test_what_is_drawn(self):
        runs = [fan(6, 1, "sequential"), fan(6, 2), fan(6, 3)]
        ax = plot_speedup(comparison(runs))
        points = by_gid(ax, "points-1")
        assert points.get_xdata().tolist() == [2, 3]
        assert points.get_ydata() == pytest.approx([1.6, 2.0])
        spread = by_gid(ax, "spread-1").get_segments()
        assert [segment[:, 1].tolist() for segment in spread] == [
            pytest.approx([1.6 / 1.2, 2.0]), pytest.approx([2 / 1.2, 2.5])
        ]  # fmt: skip
        assert by_gid(ax, "bound").get_ydata()[0] == pytest.approx(8 / 3)
        assert by_gid(ax, "knee").get_xdata()[0] == 6
        ideal = by_gid(ax, "ideal")
        assert ideal.get_xdata().tolist() == ideal.get_ydata().tolist()
        assert by_gid(ax, "curve-1").get_xdata()[0] == 1
        legend = [text.get_text() for text in ax.get_legend().get_texts()]
        assert legend == [
            "sequential", "threads", "ideal: each worker counts in full",
            "bound: 2.7 times, the critical path", "knee: 6 workers",
        ]  # fmt: skip

    def test_a_bound_that_is_far_away(self):
        ax = plot_speedup(fan(300, 3))
        legend = [text.get_text() for text in ax.get_legend().get_texts()]
        assert "bound (above): 101 times, the critical path" in legend
        assert not any(artist.get_gid() == "bound" for artist in ax.get_children())

    def test_names_are_not_mathematics(self):
        ax = plot_speedup(RUNS[3])
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        assert "_a_users_Pool_$x_1$" in texts
        ax.get_figure().draw_without_rendering()

    def test_it_shows_itself_and_pyplot_does_not_know_it(self):
        from matplotlib import pyplot

        before = matplotlib.get_backend()
        ax = plot_speedup(RUNS[0])
        png, size = ax._repr_png_()
        assert png.startswith(b"\x89PNG") and size["width"] == 864
        assert repr(ax) == (
            "Speed-up of Fan: threads on 4 workers 2.0 times faster; predicted: up to 6 workers "
            "pay; more gain nothing"
        )
        assert pyplot.get_fignums() == [] and matplotlib.get_backend() == before

    @pytest.mark.parametrize("size", [(6.4, 4.8), (4.8, 3), (3.2, 2.4)])
    def test_nothing_is_cut_off_in_a_small_figure(self, size):
        figure = Figure(figsize=size)
        ax = plot_speedup(RUNS[3], figure.add_subplot())
        figure.draw_without_rendering()
        legend = ax.get_legend()
        written = [ax.title, *ax.texts, ax.xaxis.label, ax.yaxis.label]
        written += legend.get_texts() if legend else []
        boxes = [text.get_window_extent() for text in written if text.get_text()]
        assert len(boxes) >= 4
        for box in boxes:
            assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
            assert box.y0 >= 0 and box.y1 <= figure.bbox.y1
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])

    def test_given_axes_keep_their_look(self):
        with matplotlib.style.context("dark_background"):
            ax = Figure().add_subplot()
            assert plot_speedup(RUNS[3], ax) is ax
        assert ax.get_facecolor() == (0.0, 0.0, 0.0, 1.0)
        assert by_gid(ax, "knee").get_markeredgecolor() == "white"
        ax.get_figure().draw_without_rendering()
