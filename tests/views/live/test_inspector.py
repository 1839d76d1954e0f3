"""The inspector: what its panel tells, how it follows a run, and what objects cannot do to it."""

from __future__ import annotations

import json
import threading
import time
import tracemalloc
from base64 import b64decode

import pytest
from runs import make_run

from taskinity_nb import FlowError, NoResultError, run, start
from taskinity_nb.model.events import State
from taskinity_nb.model.flow import Flow
from taskinity_nb.model.refs import ResultRef
from taskinity_nb.views.explorer.explorer import _GraphPart
from taskinity_nb.views.live import inspector, previews
from taskinity_nb.views.live.inspector import inspect
from taskinity_nb.views.live.panel import MOST_ROWS, details_of, rows_of
from taskinity_nb.views.live.previews import LONGEST_TEXT, preview
from taskinity_nb.views.live.widget import GraphWidget

HOSTILE = "<script>window.pwned = 1</script>\"']]>"


def numbers(path):
    print("read", path)
    return [4, 2, 0]


def inverse(number):
    return 1 / number


def total(numbers):
    return sum(numbers)


FUNCTIONS = {"numbers": numbers, "inverse": inverse, "total": total}


@pytest.fixture
def done():
    flow = "numbers -> total\nnumbers -> map inverse"
    return run(flow, {"path": "p"}, namespace=FUNCTIONS, on_error="continue", executor="sequential")


def said(widget, content):
    """Let the widget hear a message of the browser's."""
    widget._handle_custom_msg(content, [])


def shown(widget):
    """Return what the panel tells when all previews are there."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        panel = widget.panel
        made = [one["preview"] for one in panel.get("arguments", [])] + [panel.get("result")]
        if not any(one and one["kind"] == "waiting" for one in made):
            return panel
        time.sleep(0.01)
    raise AssertionError("the previews were not made")


def wait_for(what):
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# What is told.


def test_a_task(done):
    panel = shown(done.inspect("total"))
    assert (panel["name"], panel["state"], panel["item"]) == ("total", "s", None)
    assert panel["result"] == {"kind": "text", "data": "6", "type": "int"}
    (argument,) = panel["arguments"]
    assert (argument["name"], argument["source"]) == ("numbers", "result of numbers")
    assert argument["preview"]["data"] == "[4, 2, 0]"
    assert panel["source"].startswith("def total(numbers):\n    return sum")
    facts = dict(panel["facts"])
    assert facts["worker"] == "main" and facts["attempts"] == "1"
    moments = [one.split()[0] for one in facts["times"].split(", ")]
    assert moments == ["ready", "submitted", "started", "finished", "received"]
    assert not panel["error"] and "items" not in panel


def test_what_was_printed_and_what_is_an_input(done):
    panel = shown(done.inspect("numbers"))
    assert panel["stdout"] == "read p\n"
    assert panel["arguments"][0]["source"] == "input 'path'"
    assert panel["arguments"][0]["preview"]["data"] == "'p'"


def test_a_mapped_task_and_its_items(done):
    widget = done.inspect("inverse")
    panel = shown(widget)
    assert [(row[1], row[2]) for row in panel["items"]["rows"]] == [
        ("0", "s"),
        ("1", "s"),
        ("2", "f"),
    ]
    assert panel["items"]["rows"][2][5] == "ZeroDivisionError: division by zero"
    assert panel["arguments"][0]["preview"]["data"] == "[4, 2, 0]"
    said(widget, {"action": "open", "task": "inverse", "item": 2})
    panel = shown(widget)
    assert (panel["name"], panel["task"], panel["item"]) == ("inverse[2]", "inverse", 2)
    assert "return 1 / number" in panel["error"]
    assert panel["error"].endswith("ZeroDivisionError: division by zero")
    assert panel["arguments"][0]["source"] == "item 2 of result of numbers"
    assert panel["arguments"][0]["preview"]["data"] == "0"
    assert panel["note"] == "run.replay('inverse', item=2) calls it again, for %debug"
    assert panel["result"] is None


def test_what_does_not_exist_is_not_opened(done):
    with pytest.raises(NoResultError, match="did you mean 'total'"):
        done.inspect("totl")
    widget = done.inspect("total")
    before = shown(widget)
    for content in (
        {"action": "open", "task": "nothing"},
        {"action": "open", "task": "inverse", "item": 3},
        {"action": "open", "task": "inverse", "item": "x"},
        {"action": "open", "task": "total", "item": -1},
        {"action": "open"},
        {"action": "shout"},
        "open",
    ):
        said(widget, content)
        assert widget.panel["name"] == before["name"]
    said(widget, {"action": "close"})
    assert widget.panel == {}


def test_a_result_that_is_gone(done):
    done.release()
    panel = shown(done.inspect("total"))
    assert panel["result"]["kind"] == "missing" and "released" in panel["result"]["data"]
    assert "was released" in panel["arguments"][0]["preview"]["data"]


def test_why_a_task_did_not_run():
    functions = FUNCTIONS | {"load": lambda: 1 / 0, "total": lambda load: load}
    failed = run("load -> total", namespace=functions, on_error="continue")
    panel = shown(failed.inspect("total"))
    assert panel["state"] == "u" and panel["note"] == "because of load"
    assert panel["arguments"][0]["preview"] == {
        "kind": "missing",
        "data": "task 'total' takes the result of 'load', which is failed",
    }


def test_a_run_that_no_engine_made():
    flow = Flow("Made", [("load", "save")])
    made = make_run(flow, [("load", "w", 0, 1), ("save", "w", 1, 2, ValueError(HOSTILE))])
    panel = shown(made.inspect("save"))
    assert panel["error"] == f"ValueError: {HOSTILE}"


def test_a_flow_without_a_picture_has_a_list(monkeypatch):
    def no_picture(*_, **__):
        raise FlowError("too large for a picture")

    monkeypatch.setattr(inspector, "Picture", no_picture)
    flow = Flow("Big", [("a", f"b{i}") for i in range(3000)])
    widget = inspect(make_run(flow, [("b7", "w", 0, 1, ValueError("no"))]))
    assert widget.svg == "" and "too large" in widget.note
    items = widget.panel["items"]
    assert len(items["rows"]) == MOST_ROWS and items["what"] == "task"
    assert items["rows"][8][1] == "b7" and "2,001 more" in items["note"]
    said(widget, {"action": "open", "task": "b7"})
    assert widget.panel["name"] == "b7"
    said(widget, {"action": "close"})
    assert widget.panel["items"] == items


def test_of_many_items_the_failed_and_the_slowest_are_listed():
    flow = Flow("Many", [("load", "work", "map")])
    intervals = [("load", "w", 0, 1)]
    for i in range(3000):
        how = ValueError("no") if i == 2900 else State.SUCCEEDED
        intervals.append((f"work[{i}]", "w", 1, 50 if i == 2800 else 2, how))
    made = make_run(flow, intervals)
    rows, left_out = rows_of(made.tasks["work"].items)
    assert len(rows) == MOST_ROWS and left_out.startswith("2,000 more are not listed")
    assert {2800, 2900, 0, 1} <= {row[0] for row in rows}
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


# Live.


def test_it_follows_a_run_that_goes_on():
    go = threading.Event()

    def hold():
        go.wait(60)
        return "held"

    seen = []
    going = start(
        "hold -> after", namespace={"hold": hold, "after": str.upper},
        observers=[lambda events, run: seen.extend(events)],
    )  # fmt: skip
    widget = going.inspect("hold")
    assert widget.cancel == "ready"
    deadline = time.monotonic() + 30
    while widget.panel["state"] != "R" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert widget.panel["state"] == "R" and widget.panel["result"] is None
    go.set()
    going.wait()
    while not (widget.panel["result"] and widget.cancel == "none") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert shown(widget)["result"]["data"] == "'held'"
    assert widget.states == "ss" and widget.done == 1.0
    assert seen == going.events  # who else watches is told of everything too


def test_a_slow_preview_is_made_once_while_items_end(monkeypatch):
    monkeypatch.setattr(inspector, "preview", lambda get: preview(get, patience=60))
    asked, go, ended = [], threading.Event(), [threading.Event() for _ in range(3)]

    class Slow(list):
        def _repr_pretty_(self, page, _):
            asked.append(threading.current_thread())
            go.wait(60)
            page.text("slow")

    def work(event):
        event.wait(60)

    going = start("load -> map work", namespace={"load": lambda: Slow(ended), "work": work})
    widget = going.inspect("work")
    wait_for(lambda: asked)
    for number, event in enumerate(ended, 1):
        event.set()
        wait_for(lambda n=number: dict(widget.panel["facts"]).get("items") == f"{n} of 3 done")
    going.wait()
    go.set()
    assert shown(widget)["arguments"][0]["preview"]["data"] == "slow"
    assert len(asked) == 1


def test_what_is_elsewhere_is_not_fetched_to_list_the_arguments():
    class Far(ResultRef):
        def fetch(self):
            raise AssertionError("it was fetched")

    functions = {"load": lambda: {"a": 1, "b": 2, "more": 3}, "total": lambda a, b, more=0: a + b}
    made = run("load -> total", namespace=functions)
    assert [one["name"] for one in inspect(made, "total").panel["arguments"]] == ["a", "b", "more"]
    made.record.values[0] = Far()
    widget = inspect(made, "total")
    assert [one["name"] for one in widget.panel["arguments"]] == ["a", "b"]
    assert "it was fetched" in shown(widget)["arguments"][0]["preview"]["data"]


def test_a_click_is_answered_while_the_cell_blocks(kept_kernel):
    kernel = kept_kernel.as_new()
    kernel.run("import threading\ndef hold(): threading.Event().wait(30)\ndef after(hold): 0")
    session, shell = kernel.client.session, kernel.client.shell_channel
    kernel.client.control_channel.send(session.msg("create_subshell_request"))
    subshell = kernel.client.get_control_msg(timeout=60)["content"]["subshell_id"]

    def say(widget, **content):
        data = {"method": "custom", "content": content}
        message = session.msg("comm_msg", {"comm_id": widget, "data": data})
        message["header"]["subshell_id"] = subshell
        shell.send(message)

    kernel.send("%%flow --no-gantt\nhold -> after")
    told, panel = [], {}
    while panel.get("state") != "R":
        message = kernel.client.get_iopub_msg(timeout=60)  # the answer's parent is the click
        content = message["content"]
        state = content.get("data", {}).get("state", {}) if "data" in content else {}
        told.append((message["msg_type"], state.get("states"), state.get("panel")))
        assert message["msg_type"] != "update_display_data", told  # the cell has ended
        if state.get("states") == "Rp":  # the first that is told of the run
            say(content["comm_id"], action="open", task="hold", item=None)
        panel = state.get("panel", {})
    assert panel["name"] == "hold" and "wait(30)" in panel["source"]
    say(content["comm_id"], action="cancel")


def test_it_looks_less_often_where_a_look_is_long(monkeypatch):
    going = make_run(Flow("Made", tasks=["a"]), [("a", "w", 0, 1)], state=State.RUNNING)
    looks = []

    class Clock:
        now = cpu = 0.0

        def monotonic(self):
            return self.now

        def thread_time(self):
            self.cpu += 0.02
            return self.cpu

        def sleep(self, seconds):
            self.now += seconds
            if self.now > 5:
                going.record.state = State.SUCCEEDED

    widget = GraphWidget()
    monkeypatch.setattr(inspector, "time", Clock())
    monkeypatch.setattr(
        inspector, "progress_of", lambda *_, **__: looks.append(round(inspector.time.now)) or {}
    )
    inspector._follow(going, widget, inspector.Inspector(widget, going.flow))
    assert looks == [0, 2, 4, 5]  # a look took 0.02 s, and the last one waits for nothing


class SlowToTell(Exception):
    def __init__(self):
        super().__init__()
        self.asked, self.go = threading.Event(), threading.Event()

    def __str__(self):
        self.asked.set()
        self.go.wait(60)
        return "at last"


def test_an_exception_that_is_slow_to_tell_is_in_nobodys_way():
    error = SlowToTell()
    made = make_run(Flow("Made", tasks=["a", "b"]), [("a", "w", 0, 1, error), ("b", "w", 0, 1)])
    widget = made.inspect("b")
    opening = threading.Thread(target=said, args=(widget, {"action": "open", "task": "a"}))
    opening.start()
    assert error.asked.wait(30)
    said(widget, {"action": "close"})
    said(widget, {"action": "open", "task": "b"})
    error.go.set()
    opening.join()
    assert widget.panel["name"] == "b"  # what comes late is shown no more


def test_a_graph_ends_while_an_exception_is_told():
    error = SlowToTell()
    made = make_run(Flow("Made", tasks=["a"]), [("a", "w", 0, 1, error)])
    assert made.tasks["a"].error is error  # the log is in the record, as for an observer
    graph = _GraphPart(made.flow)
    said(graph.widget(), {"action": "open", "task": "a"})
    watching = threading.Thread(target=graph, args=([], made))
    watching.start()
    assert error.asked.wait(30)
    graph.finish(made)
    assert watching.is_alive()
    error.go.set()
    watching.join()


# Objects that are no friends.


class Never:
    def __repr__(self):
        while True:
            pass


class Raises:
    def __repr__(self):
        raise RuntimeError(HOSTILE)


class RaisesHtml:
    def _repr_html_(self):
        raise RuntimeError("no html")

    def __repr__(self):
        return "its text"


class Html:
    def __init__(self, html):
        self.html = html

    def _repr_html_(self):
        return self.html


class Endless(list):
    def __iter__(self):
        while True:
            yield 1


def test_a_repr_that_never_ends_is_given_up_and_stopped():
    began = time.monotonic()
    assert "has not ended in 0.2 s" in preview(lambda: Never(), patience=0.2)["data"]
    assert time.monotonic() - began < 5
    deadline = time.monotonic() + 10
    while any(thread.name == "preview" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "the loop goes on"
        time.sleep(0.01)


def test_a_preview_that_ends_in_the_last_moment_ends_nobody_else(monkeypatch):
    go, stopped = threading.Event(), []

    class Waits:
        def __repr__(self):
            go.wait(60)
            return "made"

    class Api:
        def PyThreadState_SetAsyncExc(self, ident, _):
            stopped.append(ident.value)
            go.set()
            (thread,) = (one for one in threading.enumerate() if one.name == "preview")
            thread.join(0.2)
            assert thread.is_alive() and thread.ident == ident.value

    monkeypatch.setattr(previews.ctypes, "pythonapi", Api())
    assert "has not ended" in preview(Waits, patience=0.01)["data"]
    assert stopped


def test_a_repr_that_never_ends_is_not_in_the_way_of_the_rest(monkeypatch):
    monkeypatch.setattr(inspector, "preview", lambda get: preview(get, patience=0.5))
    functions = {"never": Never, "after": lambda never: "fine"}
    widget = run("never -> after", namespace=functions).inspect("after")
    assert widget.panel["name"] == "after"  # at once
    while widget.panel["result"]["kind"] == "waiting":
        time.sleep(0.01)
    assert widget.panel["arguments"][0]["preview"]["kind"] == "waiting"
    panel = shown(widget)
    assert panel["result"]["data"] == "'fine'"
    assert "has not ended" in panel["arguments"][0]["preview"]["data"]


class Unreadable(Exception):
    @property
    def __notes__(self):
        raise RuntimeError("no notes")


def test_an_exception_that_cannot_be_read_is_not_in_the_way():
    made = make_run(Flow("Made", tasks=["load"]), [("load", "w", 0, 1, Unreadable())])
    panel = shown(made.inspect("load"))
    assert panel["state"] == "f" and panel["error"].startswith("Unreadable")


def test_a_repr_that_raises_is_shown_as_such():
    assert preview(Raises)["data"] == f"(its repr raised RuntimeError: {HOSTILE})"
    assert preview(RaisesHtml)["data"] == "its text\n(its repr raised RuntimeError: no html)"


@pytest.mark.parametrize(
    "value",
    ["x" * 10_000_000, b"x" * 10_000_000, ["x" * 10_000_000], list(range(10**6)), Endless()],
)
def test_what_is_large_is_cut_before_it_is_sent(value):
    made = preview(lambda: value)
    assert made["kind"] == "text" and len(made["data"]) <= LONGEST_TEXT + 2


def test_of_a_long_text_in_a_collection_only_the_beginning_is_written():
    small = {"b": [b"y", bytearray(b"z"), "'", State.FAILED]}
    assert preview(lambda: small)["data"] == repr(small)
    long = {"a": ["x" * 10_000_000]}
    tracemalloc.start()
    try:
        made = preview(lambda: long)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert made["data"].startswith("{'a': ['xxx") and len(made["data"]) <= LONGEST_TEXT + 2


def test_large_html_is_not_sent_and_a_text_stands_in():
    assert preview(lambda: Html("<b>x</b>"))["kind"] == "html"
    assert preview(lambda: Html("<b>x</b>" * 100_000))["kind"] == "text"


def test_a_table_and_a_figure():
    pandas = pytest.importorskip("pandas")
    from matplotlib.figure import Figure

    made = preview(lambda: pandas.DataFrame({"a": range(5000)}))
    assert made["kind"] == "html" and "<table" in made["data"]
    assert made["type"] == "DataFrame, 5,000 × 1" and len(made["data"]) < 20_000
    figure = Figure(figsize=(40, 3), dpi=300)
    figure.add_subplot().plot([1, 2, 3])
    made = preview(lambda: figure)
    assert made["kind"] == "image" and len(made["data"]) < 200_000
    png = b64decode(made["data"].removeprefix("data:image/png;base64,"))
    assert png.startswith(b"\x89PNG") and int.from_bytes(png[16:20], "big") <= 800


def test_a_picture_is_nothing_but_a_picture():
    class Svg:
        def _repr_svg_(self):
            return f'<svg onload="x">{HOSTILE}</svg>'

    class Png:
        def _repr_png_(self):
            return '"><script>'

    assert preview(Svg)["data"].startswith("data:image/svg+xml;base64,")
    for made in (preview(Svg), preview(Png)):
        assert made["kind"] == "image" and "<" not in made["data"] and '"' not in made["data"]


def test_half_characters_can_be_sent():
    def odd():
        print("\ud800")
        raise ValueError("\udfff")

    failed = run("odd", namespace={"odd": odd}, on_error="continue")
    json.dumps(details_of(failed, failed.tasks["odd"]), ensure_ascii=False).encode()
    assert preview(lambda: "\ud800")["data"]


def test_long_output_keeps_its_end_and_a_deep_recursion_both():
    def deep():
        print("first\n" + "x" * 100_000 + "\nlast")
        deep()

    failed = run("deep", namespace={"deep": deep}, on_error="continue", executor="sequential")
    panel = shown(failed.inspect("deep"))
    assert panel["stdout"].endswith("last\n") and len(panel["stdout"]) < 21_000
    assert "RecursionError" in panel["error"] and len(panel["error"]) < 21_000
