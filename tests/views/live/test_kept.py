"""The widgets that stay behind pictures: which click they answer, and when they are closed."""

from __future__ import annotations

import gc
import re
import time
import weakref

import pytest
from kernels import new_kernel

from taskinity_nb import run
from taskinity_nb.model.flow import Flow
from taskinity_nb.views.graph.picture import Picture
from taskinity_nb.views.live.inspector import Inspector
from taskinity_nb.views.live.kept import MOST_KEPT, Kept
from taskinity_nb.views.live.live_graph import WIDGET_VIEW
from taskinity_nb.views.live.widget import GraphWidget


def soon(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def load():
    return list(range(1000))


def work(load):
    if load:
        raise ValueError("no")


def made(count=1):
    names = [f"w{i}" for i in range(count)]
    flow = Flow("Made", [("load", name) for name in names], functions=dict.fromkeys(names, "work"))
    return run(flow, namespace={"load": load, "work": work}, on_error="continue")


def ended(a_run, picture=None):
    """A widget as it is behind a picture that stays."""
    assert a_run.tasks  # which brings the record up to date
    widget = GraphWidget(a_run.cancel)
    inspector = Inspector(widget, a_run.flow, picture)
    inspector.let_go(a_run)
    widget.stay()
    return widget


def is_open(widget):
    return widget.comm is not None


def test_a_widget_goes_with_its_run():
    kept, a_run = Kept(), made()
    widget = ended(a_run)
    kept.keep(widget, a_run, "cell")
    widget._hear(None, {"action": "open", "task": "w0", "item": None, "node": True}, None)
    soon(lambda: widget.panel.get("arguments", [{}])[0].get("preview", {}).get("kind") == "text")
    gone = weakref.ref(a_run)
    del a_run
    soon(
        lambda: not gc.collect() and gone() is None
    )  # nothing of ours holds it, an open panel neither
    soon(lambda: not is_open(widget) and not len(kept))


def test_a_widget_goes_when_its_cell_is_run_again():
    kept, a_run = Kept(), made()
    widgets = {cell: ended(a_run) for cell in ("one", "two", None)}
    for cell, widget in widgets.items():
        kept.keep(widget, a_run, cell)
    kept.replace(None)
    kept.replace("three")
    assert len(kept) == 3
    kept.replace("one")
    assert [is_open(widget) for widget in widgets.values()] == [False, True, True]
    kept.replace("one")


def test_there_are_never_too_many():
    kept, a_run = Kept(), made()
    widgets = [ended(a_run) for _ in range(MOST_KEPT + 3)]
    for widget in widgets:
        kept.keep(widget, a_run, None)
    assert len(kept) == MOST_KEPT
    assert [is_open(widget) for widget in widgets] == [False] * 3 + [True] * MOST_KEPT


def test_a_view_that_a_reloaded_page_shows_is_not_taken_away():
    kept, a_run = Kept(), made()
    widget = ended(a_run)
    for _ in range(2):
        widget._hear(None, {"action": "shown"}, None)
    kept.keep(widget, a_run, None)
    del a_run
    gc.collect()
    soon(lambda: not len(kept))
    assert is_open(widget)


def test_a_released_run_still_tells_what_happened():
    a_run = made()
    widget = ended(a_run)
    a_run.release()
    widget._hear(None, {"action": "open", "task": "w0", "item": None, "node": True}, None)
    assert "ValueError: no" in widget.panel["error"]
    soon(lambda: widget.panel["arguments"][0]["preview"]["kind"] != "waiting")


# Boxes.


def boxed():
    """A run of a flow with a box that has ended, the widget that is left of it, and its picture."""
    edges = [("Prep.load", "Prep.work"), ("Prep.load", "last")]
    flow = Flow("Boxed", edges, functions={"Prep.load": "load", "Prep.work": "work"},
                written=Flow("Boxed", [("Prep", "last")]))  # fmt: skip
    names = {"load": load, "work": work, "last": len}
    a_run = run(flow, namespace=names, on_error="continue")
    assert a_run.tasks
    widget = GraphWidget(a_run.cancel)
    inspector = Inspector(widget, flow, Picture(flow, details=True))
    return a_run, widget, inspector


def test_a_box_of_the_picture_that_stays_is_closed_and_opened():
    a_run, widget, inspector = boxed()
    widget._hear(None, {"action": "turn", "task": "Prep"}, None)
    assert 'data-task="Prep"' in widget.svg and widget.still == ""  # it lives
    widget._hear(None, {"action": "turn", "task": "Prep"}, None)
    assert "Prep.load" in widget.svg
    inspector.let_go(a_run)
    widget.stay()
    widget._hear(None, {"action": "turn", "task": "Prep", "close": True}, None)
    assert widget.svg == ""  # what tools save has no picture of a live graph
    assert f'data-run="{widget.token}"' in widget.still
    assert (
        'data-task="Prep" data-state="failed"' in widget.still and "▸ Prep: 2 tasks" in widget.still
    )
    assert 'data-closed="yes"' in widget.still and 'data-legend="failed"' in widget.still
    # A click on what is closed already, in a picture that is behind, does no harm.
    widget._hear(None, {"action": "turn", "task": "Prep", "close": True}, None)
    assert 'data-task="Prep" data-state="failed"' in widget.still
    widget._hear(None, {"action": "turn", "task": "Prep", "close": False}, None)
    assert 'data-task="Prep.work" data-state="failed"' in widget.still
    assert "data-closed" not in widget.still


def test_a_picture_of_which_the_run_is_gone_stays_as_it_is():
    a_run, widget, inspector = boxed()
    inspector.let_go(a_run)
    widget.stay()
    del a_run
    soon(lambda: not gc.collect() and inspector.run is None)
    widget._hear(None, {"action": "turn", "task": "Prep", "close": True}, None)
    assert widget.still == ""


# Lists.


def test_all_tasks_are_listed_and_a_task_leads_back():
    a_run = made(3)
    widget = ended(a_run)
    widget._hear(None, {"action": "list", "task": ""}, None)
    assert widget.panel["title"] == "all tasks"
    assert [row[1] for row in widget.panel["items"]["rows"]] == ["w0", "w1", "w2", "load"]
    widget._hear(None, {"action": "open", "task": "load", "item": None}, None)
    assert widget.panel["name"] == "load" and widget.panel["back"] == ["all tasks", ""]
    widget._hear(None, {"action": "open", "task": "load", "item": None, "node": True}, None)
    assert "back" not in widget.panel
    widget._hear(None, {"action": "close"}, None)
    assert widget.panel == {}


def test_a_fan_is_listed_with_what_failed_first():
    from taskinity_nb.views.graph.picture import Picture

    counted = iter(range(24))

    def some(load):
        return 1 / (next(counted) - 7)

    names = [f"w{i}" for i in range(24)]
    flow = Flow("Fan", [("load", name) for name in names], functions=dict.fromkeys(names, "some"))
    a_run = run(flow, namespace={"load": load, "some": some}, on_error="continue",
                executor="sequential")  # fmt: skip
    widget = ended(a_run, Picture(flow, details=True))
    widget._hear(None, {"action": "open", "task": "w0", "item": None, "node": True}, None)
    assert widget.panel["title"] == "some × 24"
    assert [row[1] for row in widget.panel["items"]["rows"]][:3] == ["w7", "w0", "w1"]
    widget._hear(None, {"action": "open", "task": "w7", "item": None}, None)
    assert (
        widget.panel["back"] == ["some × 24", "w0"] and "ZeroDivisionError" in widget.panel["error"]
    )
    # Opened and folded again.
    assert widget.folded == ["w0"] and widget.opened == {}
    widget._hear(None, {"action": "turn", "task": "w0", "item": None, "node": True}, None)
    assert widget.folded == [] and widget.opened == {"w0": "some × 24"}
    assert len(widget.states) == 25 and 'data-task="w23"' in widget.svg
    widget._hear(None, {"action": "turn", "task": "w0", "item": None, "node": True}, None)
    assert widget.folded == ["w0"] and len(widget.states) == 2
    widget._hear(None, {"action": "turn", "task": ["x"], "item": None, "node": True}, None)
    widget._hear(None, {"action": "turn", "task": "load", "item": None, "node": True}, None)
    assert widget.panel["name"] == "load"


# In a kernel.

CELL = "%%flow --no-gantt --on-error continue --output held\nflow F:\n    load -> work"


@pytest.fixture(scope="module")
def one_kernel():
    with new_kernel() as (kernel, _):
        assert not kernel.run("%load_ext taskinity_nb").error
        yield kernel


@pytest.fixture
def kernel(one_kernel):
    setup = (
        "import gc\nfrom taskinity_nb.views.live.kept import kept\n"
        "def load(): return 1\ndef work(load): return 2"
    )
    assert not one_kernel.run(setup).error  # another test may have emptied the namespace
    return one_kernel


def test_the_picture_in_the_notebook_bears_the_token_of_an_open_widget(kernel):
    cell = kernel.run(CELL)
    assert not cell.error
    model = cell.of("display_data")[0]["data"][WIDGET_VIEW]["model_id"]
    opened = {content["comm_id"]: content["data"]["state"] for content in cell.of("comm_open")}
    final = cell.of("update_display_data")[0]["data"]
    assert WIDGET_VIEW not in final
    token = re.match(r'<svg data-run="(\w+)"', final["image/svg+xml"])[1]
    assert opened[model]["token"] == token
    assert model not in [content["comm_id"] for content in cell.of("comm_close")]


def test_runs_that_nobody_holds_leave_no_widget_behind(kernel):
    for _ in range(3):
        assert not kernel.run(CELL).error
    kernel.run("get_ipython().reset(new_session=False); import gc; gc.collect()")
    cell = kernel.run(
        "import time\nfrom taskinity_nb.views.live.kept import kept\n"
        "for _ in range(200):\n"
        "    if len(kept) <= 1: break\n"
        "    time.sleep(0.02)\n"
        "print(len(kept))"
    )
    assert cell.printed.strip() in ("0", "1")  # the magic holds its last run, for --resume
