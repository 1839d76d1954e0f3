"""`benchmark` and `PerformanceBenchmark`, and the scripts in benchmarks/."""

from __future__ import annotations

import inspect
import json
import math
import pickle
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import matplotlib
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import taskinity_nb.benchmarks
from taskinity_nb import FlowError, PerformanceBenchmark, TaskError, benchmark, parse_dsl, run, task
from taskinity_nb.benchmarks import Measurement
from taskinity_nb.formatting import time_text

# Measurements.


def test_statistics_are_those_of_the_standard_library():
    seconds = (0.3, 0.1, 0.25, 0.9)
    measured = Measurement("x", seconds)
    assert measured.median == statistics.median(seconds)
    assert measured.mean == pytest.approx(statistics.mean(seconds))
    assert measured.stdev == statistics.stdev(seconds)
    assert (measured.min, measured.max) == (0.1, 0.9)
    assert measured.seconds == seconds
    assert measured.speedup is None


def test_one_repeat_has_no_deviation():
    assert math.isnan(Measurement("x", (0.2,)).stdev)
    assert repr(Measurement("x", (0.2,))) == "<Measurement x: 200 ms (1 repeat)>"


def test_a_measurement_is_frozen_and_compares_by_value():
    measured = Measurement("x", [1, 2])
    assert measured == Measurement("x", (1.0, 2.0)) and hash(measured)
    with pytest.raises(AttributeError):
        measured.label = "y"
    assert pickle.loads(pickle.dumps(measured)) == measured


@pytest.mark.parametrize("seconds", [(), (-1.0,), (math.nan,), (math.inf,), ("1",), (True,)])
def test_what_is_no_time_is_refused(seconds):
    with pytest.raises(ValueError, match="time"):
        Measurement("x", seconds)


def test_speedup_is_median_by_median():
    assert Measurement("x", (1.0, 2.0, 9.0), baseline=6.0).speedup == 3.0
    assert Measurement("x", (0.0,), baseline=6.0).speedup is None


def test_a_time_near_the_step_of_the_clock_is_marked():
    coarse, fine = Measurement("x", (9e-7,), clock=1e-7), Measurement("x", (1e-6,), clock=1e-7)
    assert coarse.is_coarse and not fine.is_coarse
    assert "too short for the clock" in repr(coarse)
    bench = PerformanceBenchmark("b")
    bench.results += [coarse, fine]
    assert "x *" in repr(bench) and "reading the clock takes 100 ns" in repr(bench)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.9999, "1.00 s"), (0.0999, "99.9 ms"), (123.4, "123 s"), (9.994e-6, "9.99 µs"), (0, "0 s")],
)
def test_times_in_words(seconds, text):
    assert time_text(seconds) == text


# The decorator.


@pytest.mark.parametrize(("options", "calls"), [(None, 6), ({"repeats": 2, "warmup": 3}, 5)])
def test_decorated_with_and_without_parentheses(options, calls):
    called = []

    def append(item, *, again=1):
        """Say."""
        called.append(item)
        return item * again, len(called)

    measured = benchmark(append) if options is None else benchmark(**options)(append)
    assert measured.benchmark is None
    assert measured("a", again=2) == ("aa", calls)  # the result of the last call
    assert called == ["a"] * calls
    assert len(measured.benchmark.seconds) == (5 if options is None else 2)
    assert measured.benchmark.label == append.__qualname__
    assert measured.__name__ == "append" and measured.__doc__ == "Say."
    assert inspect.signature(measured) == inspect.signature(append)


def test_durations_are_true():
    @benchmark(repeats=2, warmup=0)
    def sleep():
        time.sleep(0.01)

    sleep()
    assert sleep.benchmark.min >= 0.01


def test_an_error_passes_and_keeps_the_measurement_before():
    @benchmark(repeats=1)
    def divide(by):
        return 1 / by

    divide(1)
    before = divide.benchmark
    with pytest.raises(ZeroDivisionError):
        divide(0)
    assert divide.benchmark is before


def test_a_method_and_a_task_can_be_measured():
    class Counter:
        @benchmark(repeats=2, warmup=0)
        def double(self, number):
            return 2 * number

    assert Counter().double(4) == 8
    assert len(Counter.double.benchmark.seconds) == 2

    @task
    @benchmark(repeats=2, warmup=0)
    def load(path):
        return [path]

    assert run("load", {"path": "x"})["load"] == ["x"]
    assert len(load.function.benchmark.seconds) == 2

    measured = benchmark(task(lambda number: number + 1))
    assert measured(1) == 2


def test_what_only_prepares_work_is_refused():
    async def fetch(): ...
    def lines():
        yield 1

    async def rows():
        yield 1

    for function, kind in ((fetch, "async"), (lines, "a generator"), (rows, "an async generator")):
        with pytest.raises(TypeError, match=f"is {kind}: calling it only prepares"):
            benchmark(function)
        with pytest.raises(TypeError, match=f"is {kind}:"):
            benchmark(task(function))


def test_mistakes_are_explained():
    with pytest.raises(TypeError, match=r"takes no str; write @benchmark or @benchmark\(repeats"):
        benchmark("name")
    for options in ({"repeats": 0}, {"repeats": 1.5}, {"repeats": True}, {"warmup": -1}):
        with pytest.raises(FlowError, match="is a whole number from"):
            benchmark(**options)
        with pytest.raises(FlowError, match="is a whole number from"):
            PerformanceBenchmark("x", **options)


# PerformanceBenchmark.measure.


def test_measure_warms_up_and_keeps_what_it_measured():
    called = []
    bench = PerformanceBenchmark("b", warmup=2, repeats=3)
    measured = bench.measure("x", lambda *a, **k: called.append((a, k)), 1, label=2, function=3)
    assert called == [((1,), {"label": 2, "function": 3})] * 5
    assert bench.results == [measured] and len(measured.seconds) == 3


# PerformanceBenchmark.compare.

FLOW = "load -> [left, right] -> join"


@pytest.fixture
def functions():
    return {
        "load": lambda: 1, "left": lambda x: x, "right": lambda x: x, "join": lambda x, y: x + y
    }  # fmt: skip


def test_repeats_are_interleaved(functions, monkeypatch):
    order = []

    def spy(flow, inputs, *, executor, workers, namespace):
        order.append((executor, workers))
        return run(flow, inputs, executor=executor, workers=workers, namespace=namespace)

    monkeypatch.setattr("taskinity_nb.analysis.measuring.benchmark.run", spy)
    bench = PerformanceBenchmark("b", warmup=1, repeats=2)
    measured = bench.compare(
        FLOW, executors=("sequential", "threads"), workers=[1, 2], namespace=functions
    )
    assert order == [("sequential", None), ("threads", 1), ("threads", 2)] * 3
    assert [len(one.seconds) for one in measured] == [2, 2, 2]  # the first round is not counted
    assert bench.results == measured


def test_the_work_of_each_round_is_done_in_turns():
    import threading

    threads = []
    namespace = {"load": lambda: threads.append(threading.current_thread())}
    bench = PerformanceBenchmark("b", warmup=0, repeats=2)
    bench.compare("load", executors=("sequential", "threads"), namespace=namespace)
    here = threading.current_thread()
    assert [thread is here for thread in threads] == [True, False, True, False]


def test_speedups_are_against_the_sequential_median(functions):
    bench = PerformanceBenchmark("b", repeats=3)
    parsed = parse_dsl(FLOW)
    threads, sequential = bench.compare(
        parsed, executors=("threads", "sequential"), namespace=functions
    )
    assert sequential.speedup == 1.0
    assert threads.speedup == sequential.median / threads.median
    (alone,) = bench.compare(parsed, executors=("threads",), namespace=functions)
    assert alone.speedup is None


def test_executors_are_labelled_and_left_open(functions):
    bench = PerformanceBenchmark("b", warmup=0, repeats=1)
    with ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(1) as other:
        bench.compare(FLOW, executors=pool, namespace=functions)
        bench.compare(FLOW, executors=[pool, other], workers=[1, 2, 8], namespace=functions)
        assert pool.submit(abs, -1).result() == 1
    assert [one.label for one in bench.results] == [
        "ThreadPoolExecutor",
        "ThreadPoolExecutor, 1 worker",
        "ThreadPoolExecutor, 2 workers",
        "ThreadPoolExecutor, 1 worker (2)",
    ]


def test_default_executors_include_processes(functions):
    bench = PerformanceBenchmark("b", warmup=1, repeats=1)
    measured = bench.compare(FLOW, workers=2, namespace=functions)
    assert [one.label for one in measured] == [
        "sequential", "threads, 2 workers", "processes, 2 workers"
    ]  # fmt: skip


def test_what_cannot_be_compared(functions):
    bench = PerformanceBenchmark("b", warmup=0, repeats=1)
    with pytest.raises(FlowError, match="nothing to compare"):
        bench.compare(FLOW, executors=(), namespace=functions)
    for workers in (0, [1, 0], [1.5], True):
        with pytest.raises(FlowError, match="workers is a whole number"):
            bench.compare(FLOW, workers=workers, namespace=functions)
    functions["join"] = lambda x, y: x / 0
    with pytest.raises(TaskError):
        bench.compare(FLOW, executors="sequential", namespace=functions)
    assert bench.results == []


# Files.


@pytest.fixture
def bench():
    made = PerformanceBenchmark("Müller & <Söhne>", warmup=2, repeats=3)
    made.results += [
        Measurement("a", (0.5, 0.25, 1.0), clock=1e-7),
        Measurement("b\n<b>&", (0.1, 0.2, 0.4), baseline=0.5),
    ]
    return made


def test_json_round_trip(bench, tmp_path):
    path = bench.save(tmp_path / "b.json")
    read = PerformanceBenchmark.load(str(path))
    assert vars(read) == vars(bench)
    assert repr(read) == repr(bench)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["version"] == 1
    assert content["python"].count(".") == 2 and content["cores"] >= 1
    assert content["results"][0]["seconds"] == [0.5, 0.25, 1.0]


def changed(**changes):
    return lambda content: content | changes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: [content], "holds no benchmark"),
        (changed(schema="other"), "holds no benchmark"),
        (changed(version=99), "of version 99; this version of taskinity_nb reads version 1"),
        (changed(repeats=0), "repeats is a whole number from 1 on"),
        (changed(results=[{"label": "x", "seconds": []}]), "at least one time"),
        (changed(results=[{"label": "x", "seconds": ["1"]}]), "number of seconds"),
        (changed(results=[{"label": 1, "seconds": [1]}]), "a label is a text"),
        (changed(results=[{"label": "x"}]), "seconds"),
        (changed(results=[{"label": "x", "seconds": [1], "hours": 2}]), "hours"),
        (changed(results=None), "damaged"),
        (changed(results=[1]), "damaged"),
        (changed(name=7), "damaged"),
        (changed(cores="two"), "damaged"),
        (changed(cores=float("inf")), "damaged"),
        (changed(results=[{"label": "x", "seconds": [10**400]}]), "number of seconds"),
        (changed(results=[{"label": "x", "seconds": [1e308, 1e308]}]), "number of seconds"),
        (changed(results=[{"label": "x", "seconds": [1], "clock": 1e999}]), "number of seconds"),
        (changed(results=[{"label": "x", "seconds": [1], "baseline": 10**400}]), "of seconds"),
        (lambda c: {k: v for k, v in c.items() if k != "python"}, "'python' is missing"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(bench, tmp_path, change, said):
    path = bench.save(tmp_path / "b.json")
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))))
    with pytest.raises(FlowError) as caught:
        PerformanceBenchmark.load(path)
    assert said in str(caught.value) and "b.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json(tmp_path, content):
    path = tmp_path / "b.json"
    path.write_bytes(content)
    with pytest.raises(FlowError, match=r"b\.json' is not JSON"):
        PerformanceBenchmark.load(path)
    with pytest.raises(FileNotFoundError):
        PerformanceBenchmark.load(tmp_path / "none.json")


def test_times_of_two_machines_are_not_mixed(bench, tmp_path):
    bench.cores += 1
    read = PerformanceBenchmark.load(bench.save(tmp_path / "b.json"))
    with pytest.raises(FlowError, match="measured elsewhere"):
        read.measure("x", abs, 1)
    with pytest.raises(FlowError, match="measured elsewhere"):
        read.compare(FLOW)


# Display.


def test_text_table(bench):
    lines = repr(bench).splitlines()
    assert lines[0].startswith("Müller & <Söhne>: Python ")
    assert lines[1].split() == ["median", "min", "mean", "stdev", "repeats", "speed-up"]
    assert " ".join(lines[2].split()) == "a 500 ms 250 ms 583 ms 382 ms 3"
    assert " ".join(lines[3].split()) == "b <b>& 200 ms 100 ms 233 ms 153 ms 3 2.50"
    assert "nothing measured" in repr(PerformanceBenchmark("x"))
    assert "nothing measured" in PerformanceBenchmark("x")._repr_html_()


def test_html_is_escaped(bench):
    html = bench._repr_html_()
    assert "M\u00fcller &amp; &lt;S\u00f6hne&gt;" in html and "b &lt;b&gt;&amp;</td>" in html
    assert "<b>" not in html
    assert html.count("<tr>") == 3 and html.count("<div") == html.count("</div>")


def test_the_chart_has_a_bar_a_line_and_dots_for_each(bench):
    before = matplotlib.get_backend()
    ax = bench.plot()
    assert isinstance(ax, Axes) and isinstance(ax.get_figure(), Figure)
    assert [bar.get_width() for bar in ax.patches] == [0.5, 0.2]  # the longest is 1 s
    spans = [line.get_segments()[0][:, 0].tolist() for line in ax.collections]
    assert spans == [[0.25, 1.0], [0.1, 0.4]]
    assert [line.get_xdata().tolist() for line in ax.lines] == [[0.5, 0.25, 1.0], [0.1, 0.2, 0.4]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b <b>&"]
    assert [text.get_text() for text in ax.texts] == ["500 ms", "200 ms  (2.50×)"]
    assert ax.get_title(loc="left") == "Müller & <Söhne>"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first is on top
    assert "median in s" in ax.get_xlabel()
    png, _ = ax._repr_png_()
    assert png.startswith(b"\x89PNG") and repr(ax) == repr(bench)
    assert matplotlib.get_backend() == before


def test_the_figure_is_unknown_to_pyplot(bench):
    from matplotlib import pyplot

    bench.plot()
    assert pyplot.get_fignums() == []


def test_plot_into_given_axes(bench):
    ax = Figure().add_subplot()
    assert bench.plot(ax) is ax
    assert len(ax.patches) == 2


def test_labels_are_not_mathematics(bench):
    bench.results.append(Measurement("$x_{$ " + "long " * 30, (1e-9, 0.0)))
    ax = bench.plot()
    ax.get_figure().draw_without_rendering()
    assert len(ax.get_yticklabels()[2].get_text()) <= 36


def test_nothing_to_plot():
    with pytest.raises(FlowError, match="nothing was measured yet"):
        PerformanceBenchmark("x").plot()


def test_public_names():
    names = taskinity_nb.benchmarks.__all__
    assert names == sorted(names)
    assert taskinity_nb.benchmark is taskinity_nb.benchmarks.benchmark
    assert taskinity_nb.PerformanceBenchmark is taskinity_nb.benchmarks.PerformanceBenchmark
