"""Names, labels, descriptions, logs, results and errors are data, wherever they are shown."""

from __future__ import annotations

import io
import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hostile import HUGE, MARKUP, Endless, Evil, Raises, hostile_error
from svgs import is_harmless_svg

from taskinity_nb import (
    BindingError,
    Flow,
    TaskError,
    advise,
    history,
    plot_gantt,
    run,
    simulate,
    task,
    to_dsl,
    to_mermaid,
)
from taskinity_nb.dsl.read import parse_dsl
from taskinity_nb.views.graph.ascii_graph import flow_picture
from taskinity_nb.views.graph.dot import flow_text
from taskinity_nb.views.graph.picture import Picture, flow_mimebundle
from taskinity_nb.views.live.live_graph import run_states_text

HERE = Path(__file__).parents[1]
EDGES = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "e")]


def functions(text):
    @task(name=text, description=text)
    def a():
        print(text)
        return Evil()

    def b(a):
        return Raises()

    def c(a):
        return Endless()

    def d(b, c):
        print(text, file=sys.stderr)
        raise hostile_error(text, text)

    def e(d):
        pass

    return {"a": a, "b": b, "c": c, "d": d, "e": e}


def flow_of(text):
    return Flow("Hostile", EDGES, description=text)


@pytest.fixture(scope="module", params=[MARKUP, HUGE], ids=["markup", "huge"])
def ran(request):
    """A text, a run in which everything is called by it, and what the run raised."""
    text = request.param
    kind = type(text.replace("\x00", ""), (ThreadPoolExecutor,), {})
    began = time.monotonic()
    stdout, sys.stdout = sys.stdout, io.StringIO()
    stderr, sys.stderr = sys.stderr, io.StringIO()
    try:
        with kind(2) as executor, pytest.raises(TaskError) as caught:
            run(flow_of(text), namespace=functions(text), executor=executor)
    finally:
        sys.stdout, sys.stderr = stdout, stderr
    assert time.monotonic() - began < 20  # nobody has asked for a repr
    return text, caught.value.run, caught.value


def is_inert(text, longest=20_000):
    """Tell whether a terminal does nothing but show a text; our own colours are well known."""
    plain = re.sub(r"\x1b\[(0|1|31|32)m", "", text)
    return len(text) <= longest and all(c.isprintable() or c in "\n\t" for c in plain)


class Tags(HTMLParser):
    """Collects the elements and the attributes of HTML."""

    def __init__(self, html):
        super().__init__()
        self.found = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found |= {tag, *(name for name, _ in attrs)}


def test_texts_of_a_run(ran):
    _, result, error = ran
    for text in (
        repr(result), run_states_text(result),
        str(error), "\n".join(error._render_traceback_()), repr(plot_gantt(result).figure),
        repr(advise(result)), repr(simulate(result, 2)), repr(history("Hostile")),
    ):  # fmt: skip
        assert is_inert(text), text


def test_texts_of_a_flow(ran):
    text, _, _ = ran
    flow = flow_of(text)
    assert is_inert(flow_text(flow))
    assert is_inert(flow_picture(flow, {"a": text}))
    assert is_inert(to_mermaid(flow))
    assert is_inert(flow.to_graphviz().source)
    assert parse_dsl(to_dsl(flow)).description == text


def test_the_table_is_html_of_ours(ran):
    _, result, _ = ran
    html = result._repr_html_()
    assert len(html) < 20_000
    tags = {"div", "strong", "style", "table", "thead", "tbody", "tr", "th", "td", "span"}
    assert tags <= Tags(html).found <= tags | {"class", "title"}


def test_the_picture_is_made_of_what_is_known(ran):
    text, result, _ = ran
    picture = Picture(flow_of(text), {"a": text}, details=True)
    states = {name: record.state for name, record in result.tasks.items()}
    assert is_harmless_svg(picture.svg())
    assert is_harmless_svg(picture.svg(states, dict.fromkeys("abcde", text[:99]), ["a", "b"]))
    assert picture.png(states).startswith(b"\x89PNG")
    assert is_harmless_svg(flow_mimebundle(flow_of(text))["image/svg+xml"])


def test_a_chart_is_drawn_in_a_moment(ran):
    _, result, _ = ran
    began = time.monotonic()
    assert plot_gantt(result).figure._repr_png_()
    assert time.monotonic() - began < 30  # it took minutes to measure a label of ten megabytes


def test_what_was_printed_is_kept_as_it_was_up_to_a_bound(ran):
    text, result, _ = ran
    kept = result.tasks["a"].stdout
    assert len(kept) <= 1_100_000 and kept.endswith(text[-100:] + "\n")


def test_the_trace_is_json(ran, tmp_path):
    _, result, _ = ran
    result.to_chrome_trace(tmp_path / "trace.json")
    assert json.loads((tmp_path / "trace.json").read_text("utf-8"))


def test_keys_of_inputs(ran):
    text, _, _ = ran
    for inputs in ({text: Raises()}, {f"{text}.x": Endless()}, {3: Evil()}):
        with pytest.raises(BindingError) as caught:
            run("e", inputs, namespace={"e": lambda x, y: None})
        assert is_inert(str(caught.value))


@pytest.mark.parametrize("executor", ["threads", "processes", "sequential"])
def test_results_that_cannot_be_shown_are_handed_on(executor):
    names = {"b": Raises, "c": Endless, "d": lambda b, c: [type(b).__name__, type(c).__name__]}
    result = run("[b, c] -> d", namespace=names, executor=executor)
    assert result["d"] == ["Raises", "Endless"]
    assert is_inert(repr(result)) and result.resume()["d"] == result["d"]


SETUP = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
from hostile import *
from taskinity_nb import task
text = MARKUP
go = __import__("threading").Event()
@task(name=text, description=text)
def a(): print(text); return Evil()
def b(a): return Raises()
def c(a): return Endless()
def d(b, c): go.wait(60); print(text, file=sys.stderr); raise hostile_error(text, text)
def e(d): pass
"""

CELL = """%%flow --background -o r
flow Hostile:
    description: '<script>window.pwned=3</script></svg>]]>&lt;'
    a -> [b, c] -> d -> e
"""

AGAIN = """%%flow
flow Hostile:
    description: '<script>window.pwned=3</script></svg>]]>&lt;'
    a -> [b, c] -> d -> e
"""


def test_a_cell_with_all_of_it_ends_as_any_other(kept_kernel):
    kernel = kept_kernel.as_new()
    assert not kernel.run(SETUP).error
    for text in ("MARKUP", "HUGE"):
        kernel.run(f"text = {text}; go.set()\na = task(name=text)(a.function)")
        cell = kernel.run(AGAIN)
        assert "TaskError" in cell.error and is_inert(cell.error)
        graph, _ = cell.outputs
        assert is_harmless_svg(graph["image/svg+xml"]) and is_inert(graph["text/plain"])
        told = [m for m in cell.messages if m["msg_type"] != "stream"]  # what was printed is
        assert len(json.dumps(told, default=str)) < 1_000_000
    assert kernel.value("1 + 1") == "2"


@pytest.mark.browser
@pytest.mark.slow
def test_nothing_of_it_happens_in_a_browser(kept_lab):
    from browsers import open_notebook, write_notebook

    cells = [f"%load_ext taskinity_nb\n{SETUP}", CELL, "go.set()", AGAIN, "r.wait()", "r.inspect()"]
    with kept_lab.new_folder() as place:
        write_notebook(place.folder / "hostile.ipynb", cells)
        with open_notebook(place, "hostile.ipynb") as lab:
            look_for_it(lab, len(cells))


def look_for_it(lab, cells):
    for number in range(cells):
        lab.run_cell(number)
        assert lab.page.evaluate("window.pwned") is None
    lab.page.locator('.taskinity-flow g[data-task="d"]').last.click()
    lab.page.wait_for_selector('.taskinity-flow-panel [data-part="error"]')
    lab.screenshot("safety")
    assert lab.page.evaluate("window.pwned") is None
