"""The live graph: what a kernel sends while a flow runs, and what stays in the notebook."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import pytest
from kernels import PATIENCE
from runs import make_run

from taskinity_nb import start, task
from taskinity_nb.model.events import State
from taskinity_nb.model.flow import Flow
from taskinity_nb.views.live.live_graph import WIDGET_VIEW, LiveGraph, run_states_text
from taskinity_nb.views.live.snapshot import progress_of
from taskinity_nb.views.live.widget import GraphWidget

HERE = Path(__file__).parents[2]

SETUP = f"""
import sys, threading
sys.path.insert(0, {str(HERE)!r})
from runs import make_run
from taskinity_nb.model.events import State
from taskinity_nb.model.flow import Flow
from taskinity_nb.views.live.live_graph import LiveGraph

flow = Flow("Deep<b>", [("load", "clean"), ("clean", "save")], description="<script>x</script>")

def told(graph, *intervals, **how):
    run = make_run(flow, intervals, **how)
    run.record.fold()
    graph([], run)
    return run
"""

DRIVEN = """
graph = LiveGraph(flow, lambda: None)
graph.show()
told(graph, ("load", "w", 0, 1, None))
told(graph, ("load", "w", 0, 1), ("clean", "w", 1, 2, None))
run = told(graph, ("load", "w", 0, 1), ("clean", "w", 1, 2, ValueError("no")),
           others={"save": (State.UPSTREAM_FAILED, "clean")})
graph.finish(run)
graph.finish(run)
graph([], run)
"""


@pytest.fixture(scope="module")
def kernel(kept_kernel):
    kernel = kept_kernel.as_new()
    assert not kernel.run(SETUP).error
    return kernel


@pytest.fixture(scope="module")
def driven(kernel):
    cell = kernel.run(DRIVEN)
    assert not cell.error, cell.error
    return cell


def states_in(svg):
    root = ElementTree.fromstring(svg)
    return {g.get("data-task"): g.get("data-state") for g in root.iter() if g.get("data-task")}


def sent(cell):
    """The states that the widget was told, in order."""
    updates = [content["data"] for content in cell.of("comm_msg")]
    return [data["state"] for data in updates if "states" in data.get("state", {})]


def test_the_first_bundle_has_the_widget_and_the_picture(driven):
    first = driven.of("display_data")[0]["data"]
    assert set(first) == {WIDGET_VIEW, "image/svg+xml", "image/png", "text/plain"}
    assert set(states_in(first["image/svg+xml"]).values()) == {"pending"}
    opened = {content["comm_id"]: content for content in driven.of("comm_open")}
    state = opened[first[WIDGET_VIEW]["model_id"]]["data"]["state"]
    assert state["states"] == "ppp" and state["cancel"] == "ready"
    assert state["counts"] == "0 of 3 tasks done"
    assert {look["state"] for look in state["looks"].values()} == {str(s) for s in State}


def test_the_states_are_sent_as_whole_snapshots(driven):
    told = sent(driven)
    assert [state["states"] for state in told] == ["Rpp", "sRp", "sfu"]
    assert all(set(state) <= {"states", "counts", "done", "clock", "sent"} for state in told)
    clocks = [state.get("clock", "as before") for state in told]
    assert clocks == [[1000, -1, -1], [1000, 1000, -1], "as before"]
    assert [round(state.get("done", 0.0), 2) for state in told] == [0.0, 0.33, 0.67]
    assert [state["counts"] for state in told if "counts" in state] == [
        "1 of 3 tasks done",
        "2 of 3 tasks done, 1 upstream failed",
    ]


def test_what_stays_has_no_widget(driven):
    assert len(driven.of("update_display_data")) == 1
    (final,) = driven.outputs
    assert set(final) == {"image/svg+xml", "image/png", "text/plain"}
    assert states_in(final["image/svg+xml"]) == {
        "load": "succeeded",
        "clean": "failed",
        "save": "upstream_failed",
    }
    assert b64decode(final["image/png"]).startswith(b"\x89PNG")
    assert final["text/plain"].splitlines() == [
        "Deep<b>: 3 tasks, 1 succeeded, 1 failed, 1 upstream failed",
        "  ✓ load",
        "  ✗ clean (failed)",
        "  ↯ save (upstream failed)",
    ]


def test_the_widget_stays_without_its_picture_and_nothing_else_is_printed(driven):
    model = driven.of("display_data")[0]["data"][WIDGET_VIEW]["model_id"]
    assert not driven.of("comm_close")
    opened = {content["comm_id"]: content["data"]["state"] for content in driven.of("comm_open")}
    (final,) = driven.outputs
    assert f'data-run="{opened[model]["token"]}"' in final["image/svg+xml"]
    told = [content["data"]["state"] for content in driven.of("comm_msg")]
    assert [state["svg"] for state in told if "svg" in state][-1] == ""
    assert not driven.printed


def test_cancel_works_while_the_cell_blocks(kernel):
    control = kernel.client.control_channel
    control.send(kernel.client.session.msg("create_subshell_request"))
    subshell = kernel.client.get_control_msg(timeout=PATIENCE)["content"]["subshell_id"]
    cell = kernel.send(
        "pressed = threading.Event(); graph = LiveGraph(flow, pressed.set); graph.show()\n"
        "told(graph, ('load', 'w', 0, 1, None))\n"
        "print(pressed.wait(30)); graph.abandon()"
    )
    printed, asked = [], []
    for message in kernel.messages(cell):
        content = message["content"]
        state = content.get("data", {}).get("state", {}) if "data" in content else {}
        if message["msg_type"] == "comm_msg" and "states" in state:
            pressed = kernel.client.session.msg(
                "comm_msg",
                {
                    "comm_id": content["comm_id"],
                    "data": {"method": "custom", "content": {"action": "cancel"}},
                },
            )
            pressed["header"]["subshell_id"] = subshell
            kernel.client.shell_channel.send(pressed)
        if message["msg_type"] == "stream":
            printed.append(content["text"])
        asked.append(message["msg_type"])
    assert "".join(printed) == "True\n"
    assert asked.count("update_display_data") == 1


def test_a_reloaded_page_keeps_the_view(kernel):
    told = "graph._widget._hear(None, {'action': 'shown'}, None)\n"
    start = "graph = LiveGraph(flow, lambda: None); graph.show()\n" + told
    end = "graph.finish(told(graph, ('load', 'w', 0, 1), ('clean', 'w', 1, 2)))"
    last = kernel.run(start + end).of("comm_msg")[-1]["data"]["state"]
    assert last == {"svg": "", "cancel": "none"}
    cell = kernel.run(start + told + end)
    assert not cell.error
    model = cell.of("display_data")[0]["data"][WIDGET_VIEW]["model_id"]
    assert model not in [content["comm_id"] for content in cell.of("comm_close")]
    told = [c["data"]["state"] for c in cell.of("comm_msg") if c["comm_id"] == model]
    assert told[-1] == {"cancel": "none"}


def test_nothing_was_run(kernel):
    cell = kernel.run("graph = LiveGraph(flow); graph.show(); graph.abandon()")
    assert set(cell.outputs[0]) == {"image/svg+xml", "image/png", "text/plain"}
    assert set(states_in(cell.outputs[0]["image/svg+xml"]).values()) == {"pending"}
    states = [c["data"]["state"] for c in cell.of("comm_open")]
    assert [state["cancel"] for state in states if "cancel" in state] == ["none"]


def test_without_widgets_the_picture_is_sent_again_but_seldom(kernel):
    cell = kernel.run(
        "widgets = sys.modules.pop('taskinity_nb.views.live.widget')\n"
        "sys.modules['taskinity_nb.views.live.widget'] = None  # its import fails\n"
        "graph = LiveGraph(flow, lambda: None); graph.show()\n"
        "for i in range(50):\n"
        "    run = told(graph, ('load', 'w', 0, 1), ('clean', 'w', 1, 2, None))\n"
        "graph.finish(run)\n"
        "sys.modules['taskinity_nb.views.live.widget'] = widgets\n"
    )
    assert not cell.error, cell.error
    assert not cell.of("comm_open", "comm_msg")
    assert WIDGET_VIEW not in cell.of("display_data")[0]["data"]
    assert 2 <= len(cell.of("update_display_data")) <= 8
    assert states_in(cell.outputs[0]["image/svg+xml"])["clean"] == "running"


def test_a_flow_that_is_too_large_shows_its_counts(kernel):
    cell = kernel.run(
        "big = Flow('Big', [(f'b{i}', f'b{i + 1}') for i in range(3000)]); graph = LiveGraph(big)\n"
        "graph.show(); run = make_run(big); graph([], run); graph.finish(run)"
    )
    assert not cell.error, cell.error
    opened = [c["data"]["state"] for c in cell.of("comm_open") if "note" in c["data"]["state"]]
    assert opened[0]["svg"] == ""
    assert opened[0]["note"] == "Big: too large for a picture: 3,001 tasks, 3,000 edges"
    (final,) = cell.outputs
    assert set(final) == {"text/plain"}
    lines = final["text/plain"].splitlines()
    assert lines[0] == "Big: 3,001 tasks, 3,001 pending"
    assert lines[-2:] == [
        "  … and 2943 more",
        "(too large for a picture: 3,001 tasks, 3,000 edges)",
    ]


# Where nobody sees a picture.


def test_in_a_script_the_end_is_told_in_text(capsys):
    flow = Flow("Small", [("load", "save")])
    graph = LiveGraph(flow, lambda: None)
    graph.show()
    run = make_run(flow, [("load", "w", 0, 1), ("save", "w", 1, 2)])
    graph([], run)
    assert capsys.readouterr().out == ""
    graph.finish(run)
    assert capsys.readouterr().out.splitlines() == [
        "Small: 2 tasks, 2 succeeded",
        "  ✓ load",
        "  ✓ save",
    ]


def test_in_a_terminal_there_is_text():
    code = (
        "from taskinity_nb.views.live.live_graph import LiveGraph\n"
        "from taskinity_nb.model.flow import Flow\n"
        "from runs import make_run; flow = Flow('Small', [('load', 'save')])\n"
        "graph = LiveGraph(flow); graph.show(); graph.finish(make_run(flow))"
    )
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--quick", "-c", code],
        cwd=HERE, capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE,
    )  # fmt: skip
    assert "Small: 2 tasks, 2 pending\n  ○ load\n  ○ save\n" in done.stdout
    assert "svg" not in done.stdout


def test_the_import_is_light():
    code = "import sys, taskinity_nb.views.live.live_graph; print([n for n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "taskinity_nb.views.live.live_graph" in done.stdout
    for heavy in ("'ipywidgets'", "'anywidget'", "'IPython'", "'matplotlib'", "'pygraphviz'"):
        assert heavy not in done.stdout


def test_the_text_of_a_large_run_is_bounded_and_names_what_failed():
    flow = Flow("Many", tasks=[f"t{i}" for i in range(200)])
    lines = run_states_text(make_run(flow, [("t150", "w", 0, 1, ValueError("x"))])).splitlines()
    assert len(lines) == 60
    assert lines[1] == "  ✗ t150 (failed)" and lines[-1] == "  … and 142 more"


@pytest.mark.parametrize("count", [58, 59, 60, 61])
def test_no_task_is_lost_at_the_bound(count):
    flow = Flow("Many", tasks=[f"t{i}" for i in range(count)])
    lines = run_states_text(make_run(flow)).splitlines()
    assert len(lines) <= 60
    more = int(lines[-1].split()[2]) if "more" in lines[-1] else 0
    assert sum(" t" in line for line in lines[1:]) + more == count


# In the browser.


def test_the_javascript():
    node = shutil.which("node")
    assert node, "the view's JavaScript is tested by Node.js 20 or newer: install it"
    files = sorted(map(str, (HERE / "js").glob("*.test.mjs")))
    assert files
    done = subprocess.run(
        [node, "--test", *files], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_javascript_reaches_for_nothing():
    folder = Path(sys.modules["taskinity_nb.views.live.live_graph"].__file__).parent / "static"
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "innerHTML" not in text and "://" not in text and "import(" not in text


def test_the_snapshot_tells_all_states_apart():
    from taskinity_nb.views.style.palette import CODES

    assert len(set(CODES.values())) == len(State) and all(len(c) == 1 for c in CODES.values())
    assert json.loads(json.dumps("".join(CODES.values())))


@pytest.mark.parametrize("content", [{"action": []}, {"action": "unknown"}, {}, "cancel", None])
def test_a_message_that_makes_no_sense_is_let_be(content):
    asked = []
    widget = GraphWidget(lambda: asked.append(True))
    widget._hear(None, content, None)
    widget._hear(None, {"action": "cancel"}, None)
    assert asked == [True]


def test_what_waits_for_resources_says_so():
    begun, opened = threading.Event(), threading.Event()

    @task(resources={"a licence of a long name": 1})
    def holds():
        begun.set()
        assert opened.wait(60)

    @task(resources={"a licence of a long name": 1})
    def held(after):
        return after

    def after():
        assert begun.wait(60)

    names = {"holds": holds, "held": held, "after": after, "free": lambda after: after}
    going = start("holds\nafter -> held\nafter -> free", namespace=names, workers=2,
                  resources={"a licence of a long name": 1})  # fmt: skip
    while not going.tasks["held"].waited_for:
        threading.Event().wait(0.01)
    going.record.fold()
    told = progress_of(going)["items"]
    opened.set()
    going.wait()
    assert told == {"held": "waits"}
