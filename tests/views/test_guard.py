"""What cannot be drawn never stands in the way of a run's result or error."""

import pytest
from kernels import new_kernel

SETUP = """
import matplotlib, matplotlib.axes, matplotlib.figure, matplotlib.font_manager
from taskinity_nb import plot_gantt
class Panic(BaseException): "what a library in another language may raise"
def load(): return 41
def broken(load): return 1 / 0
usual = {}
def put(owner, name, value):
    usual.setdefault((owner, name), getattr(owner, name))
    setattr(owner, name, value)
def fail(error):
    def failing(*_, **__): raise error
    return failing
def put_back():
    while usual:
        (owner, name), value = usual.popitem()
        setattr(owner, name, value)
"""

BREAKS = {
    "saving": "error = RuntimeError('latex is missing\\nmore')\n"
    "put(matplotlib.figure.Figure, 'savefig', fail(error))",
    "drawing": "put(matplotlib.axes.Axes, 'text', fail(Panic('no text')))",
    "fonts": (
        "import taskinity_nb.views.charts.text_fit as texts; texts._characters.cache_clear()\n"
        "put(matplotlib.font_manager, 'findfont', fail(ValueError('Failed to find DejaVu Sans')))"
    ),
    "memory": "put(matplotlib.figure.Figure, 'draw', fail(MemoryError()))",
    "words": "import taskinity_nb.views.charts.plots as plots\n"
    "class Mute(Exception):\n    def __str__(self): raise SystemExit\n"
    "put(plots, 'chart_of', fail(Mute()))",
    "interrupt of its own": "put(matplotlib.axes.Axes, 'text', fail(GeneratorExit()))",
}  # fmt: skip
OF_THE_GRAPH = {
    "layout": "import taskinity_nb.views.graph.picture as pictures\n"
    "put(pictures, 'draw', fail(OSError('no place left')))",
    "painting": "import taskinity_nb.views.graph.picture as pictures\n"
    "put(pictures, 'paint', fail(Panic('no paint')))",
    "widget": "import taskinity_nb.views.live.widget as widgets\n"
    "put(widgets, 'GraphWidget', fail(RuntimeError('no comm')))",
}  # fmt: skip


CLOSED = """
import io, sys
class Closed(io.StringIO):
    def write(self, text): raise ValueError("it is closed")
put(sys, "stdout", Closed())
"""


@pytest.fixture(scope="module")
def kernel():
    with new_kernel() as (kernel, _):
        made = kernel.run(SETUP)
        assert not made.error, made.error
        yield kernel


@pytest.fixture
def broken(kernel):
    def break_it(code):
        made = kernel.run(code)
        assert not made.error, made.error
        return kernel

    yield break_it
    made = kernel.run("put_back()")
    assert not made.error, made.error


def streams(cell, name):
    return "".join(content["text"] for content in cell.of("stream") if content["name"] == name)


@pytest.mark.parametrize("break_", BREAKS)
def test_a_chart_that_cannot_be_drawn_is_said_in_a_line(broken, break_):
    kernel = broken(BREAKS[break_])
    cell = kernel.run("%%flow -o r\nload")
    assert not cell.error, cell.error
    assert streams(cell, "stderr") == ""
    (line,) = cell.printed.splitlines()
    assert line.startswith("(the chart could not be drawn: ")
    assert line.endswith("; plot_gantt(run) raises it)")
    assert len(line) < 300
    assert cell.outputs[-1]["text/plain"].startswith("<Run flow: 1 succeeded")
    assert kernel.value("r.result") == "41"


def test_nothing_can_be_printed_either(broken):
    kernel = broken(f"{BREAKS['memory']}\n{CLOSED}")
    cell = kernel.run("%%flow\nload")
    assert not cell.error, cell.error
    assert cell.outputs[-1]["text/plain"].startswith("<Run flow: 1 succeeded")


@pytest.mark.parametrize("break_", ["saving", "drawing", "memory"])
def test_the_error_of_a_task_is_not_buried(broken, break_):
    kernel = broken(BREAKS[break_])
    cell = kernel.run("%%flow\nload -> broken")
    assert "ZeroDivisionError" in cell.error and "latex" not in cell.error
    assert cell.of("error")[0]["ename"] == "TaskError"
    assert len(cell.printed.splitlines()) == 1


@pytest.mark.parametrize("break_", OF_THE_GRAPH)
def test_a_graph_that_cannot_be_drawn_is_no_matter(broken, break_):
    kernel = broken(OF_THE_GRAPH[break_])
    for expected in ("load", "load -> broken"):
        cell = kernel.run(f"%%flow -o r --no-gantt\n{expected}")
        assert ("ZeroDivisionError" in cell.error) is (expected != "load"), cell.error
        assert streams(cell, "stderr") == ""
        told = cell.printed + cell.outputs[0]["text/plain"]
        assert "could not be drawn: " in told
        assert "load" in cell.outputs[0]["text/plain"]
    assert kernel.value("r['load']") == "41"


def test_a_flow_alone_is_shown_as_text(broken):
    kernel = broken(OF_THE_GRAPH["layout"])
    cell = kernel.run("%%flow --no-run\nload")
    assert not cell.error and not cell.printed
    assert "could not be drawn: OSError: no place left" in cell.outputs[0]["text/plain"]


def test_a_table_that_cannot_be_made_is_said_in_a_line(broken):
    kernel = broken(
        "from taskinity_nb.views.tables.columns import Table\n"
        "put(Table, 'html', fail(Panic('<no table>')))"
    )
    cell = kernel.run("%%flow --no-gantt\nload")
    assert not cell.error and not cell.printed
    said = "<div>(the table could not be drawn: Panic: &lt;no table&gt;)</div>"
    assert cell.outputs[-1]["text/html"] == said


def test_advice_that_cannot_be_given_is_said_in_a_line(broken):
    kernel = broken(
        "import taskinity_nb.analysis.advice.advise as advice\n"
        "import taskinity_nb.magics.cell_view as magic\n"
        "put(advice, 'advise', fail(Panic('no idea'))); put(magic, 'UNASKED', 0.0)"
    )
    cell = kernel.run("%%flow\nload")
    assert not cell.error, cell.error
    assert cell.printed == (
        "(the advice could not be drawn: Panic: no idea; advise(run) raises it)\n"
    )
    assert len(cell.outputs) == 3


def test_in_the_background_too(broken):
    kernel = broken(BREAKS["drawing"])
    kernel.run("%%flow --background -o r\nload")
    assert kernel.value("r.wait().result") == "41"


def test_an_interrupt_goes_through(broken):
    kernel = broken("put(matplotlib.axes.Axes, 'text', fail(KeyboardInterrupt()))")
    cell = kernel.run("%%flow -o r\nload")
    assert cell.of("error")[0]["ename"] == "KeyboardInterrupt"
    assert kernel.value("r.result") == "41"


@pytest.mark.parametrize("break_", ["saving", "drawing"])
def test_who_asks_for_a_chart_gets_an_ordinary_error(broken, break_):
    kernel = broken("from taskinity_nb import run\nr = run('load')\n" + BREAKS[break_])
    cell = kernel.run("ax = plot_gantt(r)\nax.figure.savefig('never')")
    assert cell.of("error")[0]["ename"] == {"saving": "RuntimeError", "drawing": "Panic"}[break_]


def test_latex_that_is_missing_is_no_matter(kernel):
    kernel.run("matplotlib.rcParams['text.usetex'] = True")
    cell = kernel.run("%%flow -o r\nload")
    kernel.run("matplotlib.rcParams['text.usetex'] = False")
    assert not cell.error and not cell.printed
    assert "image/png" in cell.outputs[1]
