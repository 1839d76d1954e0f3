"""Graphviz, in a process of its own: which one, and what it may do wrong."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from taskinity_nb import show_versions
from taskinity_nb.errors import FlowError
from taskinity_nb.model.flow import Edge, Flow
from taskinity_nb.views.graph import drawing, layout
from taskinity_nb.views.graph.layout import Engine
from taskinity_nb.views.graph.picture import Picture, flow_mimebundle

DIAMOND = Flow("Diamond", [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])

RICH = Flow(
    "Rich",
    [Edge("scan", "work", "map"), Edge("work", "collect"), Edge("scan", "late", "wait"),
     Edge("scan", "first", "result", "key"), Edge("first", "collect")],
)  # fmt: skip


def program(code):
    return Engine("it", [sys.executable, "-c", code])


@pytest.fixture
def engines(monkeypatch):
    """Have these programs lay out, in this order."""

    def use(*programs):
        monkeypatch.setattr(layout, "_engines", lambda: iter(programs))

    return use


# What an engine may do wrong.

WRONG = {
    "refuses": ("import sys; print('no', file=sys.stderr); sys.exit(3)", r"it refuses it \(no\)"),
    "refuses in silence": ("import sys; sys.exit(3)", r"it refuses it \(code 3\)"),
    "is killed": ("import os; os.kill(os.getpid(), 9)", "it was ended by SIGKILL"),
    "crashes": ("import os; os.kill(os.getpid(), 11)", "it was ended by SIGSEGV"),
    "says nothing": ("", "cannot be drawn: it "),
    "says what is no JSON": ("print('<svg>')", "cannot be drawn: it "),
    "says other JSON": ("print('[1, 2]')", "cannot be drawn: it "),
    "leaves something out": ('print(\'{"bb": "0,0,9,9"}\')', "cannot be drawn"),
    "says half a number": ('print(\'{"bb": "0,0,9"}\')', "cannot be drawn"),
}


@pytest.mark.parametrize("code, told", WRONG.values(), ids=WRONG)
def test_what_an_engine_does_wrong_costs_a_picture(code, told, engines):
    engines(program(code))
    with pytest.raises(FlowError, match=told):
        Picture(DIAMOND)
    bundle = flow_mimebundle(DIAMOND)
    assert set(bundle) == {"text/plain"} and "cannot be drawn" in bundle["text/plain"]


def test_one_that_hangs_is_ended(engines, monkeypatch, tmp_path):
    monkeypatch.setattr(layout, "TIME_LIMIT", 1.0)
    told = tmp_path / "pid"
    code = f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    engines(program(code))
    with pytest.raises(FlowError, match="it took longer than 1 s"):
        Picture(DIAMOND)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


def test_where_one_cannot_the_next_one_does(engines, tmp_path):
    broken = tmp_path / "graphviz-pure"
    broken.write_bytes(b"\x7fELF of another machine")
    broken.chmod(0o755)
    real = next(layout._engines())
    wanted = Picture(DIAMOND).svg()
    engines(Engine("broken", [str(broken)]), program("import sys; sys.exit(1)"), real)
    assert Picture(DIAMOND).svg() == wanted
    assert layout.layout_engine().startswith("graphviz-pure 0.")
    engines(Engine("gone", [str(tmp_path / "gone")]))
    with pytest.raises(FlowError, match="gone cannot be run"):
        Picture(DIAMOND)


def test_without_any_there_is_an_error_that_says_what_to_install(engines):
    engines()
    with pytest.raises(FlowError, match="pip install graphviz-pure"):
        Picture(DIAMOND)
    assert "pip install" in layout.layout_engine()
    assert "Graphviz is missing" in flow_mimebundle(DIAMOND)["text/plain"]


def test_an_interrupt_ends_it_at_once(engines):
    engines(program("import time; time.sleep(600)"))
    began = time.monotonic()
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        Picture(DIAMOND)
    assert time.monotonic() - began < 20


# Which one.


def test_the_wheels_program_is_found_beside_python_and_on_the_path(monkeypatch, tmp_path):
    real = layout.pure_program()
    assert Path(real).is_file()
    (tmp_path / "graphviz-pure").symlink_to(real)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setattr(layout.sysconfig, "get_path", lambda *_: "/nowhere/bin")
    assert layout.pure_program() == str(tmp_path / "graphviz-pure")
    assert next(engine.name for engine in layout._engines()) == "graphviz-pure"


def test_a_bug_report_says_which_one(capsys):
    show_versions()
    told = capsys.readouterr().out
    assert f"graphviz-pure {metadata.version('graphviz-pure')}" in told
    assert f"taskinity_nb: {metadata.version('taskinity-nb')}" in told


DOT = f"""#!{sys.executable}
{layout.BY_PYGRAPHVIZ}
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["dot", "pygraphviz"])
@pytest.mark.parametrize("flow", [DIAMOND, RICH], ids=lambda flow: flow.name)
def test_graphvizs_own_layouts_are_alike(way, flow, engines, tmp_path):
    pytest.importorskip("pygraphviz")
    path = tmp_path / "dot"
    path.write_text(DOT)
    path.chmod(0o755)
    asked = []
    real, original = next(layout._engines()), layout._run

    def run(engine, source):
        asked.append(source)
        return original(engine, source)

    layout._run = run
    try:
        Picture(flow)
    finally:
        layout._run = original
    command = [str(path)] if way == "dot" else [sys.executable, "-c", layout.BY_PYGRAPHVIZ]
    ours, theirs = (layout._read(original(e, asked[0])) for e in (real, Engine(way, command)))
    assert ours.nodes.keys() == theirs.nodes.keys() and ours.edges.keys() == theirs.edges.keys()
    assert math.dist(ours[:2], theirs[:2]) < 4
    for number, place in ours.nodes.items():
        assert math.dist(place, theirs.nodes[number]) < 4


WITHOUT = """
import sys
from pathlib import Path
from taskinity_nb.model.flow import Flow
from taskinity_nb.views.graph.picture import Picture
flows = (Flow("f", [("größe", "日本語")]), Flow("g", [("s", f"t{i}") for i in range(999)]))
for flow in flows:
    print(Picture(flow, {"s": "😀 emoji"}, details=True).svg({}))
"""


@pytest.mark.slow
def test_it_is_quiet_and_the_same_everywhere(tmp_path):
    printed = []
    for folder in ("/nowhere", str(tmp_path)):
        env = {"HOME": folder, "FONTCONFIG_PATH": folder, "PYTHONIOENCODING": "utf-8"}
        env |= {"PATH": folder, "LANG": "C" if folder == "/nowhere" else "C.UTF-8"}
        done = subprocess.run([sys.executable, "-c", WITHOUT], env=env, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")
        printed.append(done.stdout)
    assert printed[0] == printed[1]


def test_in_threads():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(6) as pool:
        drawn = list(pool.map(lambda _: Picture(RICH).svg({}), range(24)))
    assert len(set(drawn)) == 1


# What it is asked.


@settings(max_examples=50)
@given(st.text(max_size=200), st.text(min_size=1, max_size=50), st.text(max_size=50))
def test_no_text_of_a_users_reaches_it(name, key, text):
    """Not one character: what is asked is the same for all texts that are as wide."""
    flow = Flow(name, [Edge("a", "b", "result", key), ("b", "c")], description=text)
    seen = []

    def asked(source, *counts):
        seen.append(source)
        return layout.layout(source, *counts)

    original, drawing.layout = drawing.layout, asked
    try:
        Picture(flow, {"a": text})
    finally:
        drawing.layout = original
    (source,) = seen
    known = 'digraph {}[]="->\n.0123456789'
    words = {"graph", "rankdir", "LR", "TB", "nodesep", "ranksep", "node", "shape", "box", "edge",
             "fixedsize", "true", "label", "arrowsize", "width", "height", "id", "digraph",
             "TABLE", "BORDER", "CELLBORDER", "FIXEDSIZE", "TRUE", "WIDTH", "HEIGHT", "TR",
             "TD"}  # fmt: skip
    assert set(re.findall(r"[^\W\d_]+", source)) <= words
    assert set(re.sub(r"[A-Za-z]", "", source)) <= set(known + "</>,")


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("seed", range(sized(1, 4)))
def test_labels_over_all_of_unicode(seed):
    """Five thousand of them for each seed, in flows of a hundred tasks."""
    import random

    drawn = random.Random(seed)
    for number in range(50):
        texts = [
            "".join(chr(drawn.randrange(0x110000)) for _ in range(drawn.randrange(1, 12)))
            for _ in range(100)
        ]
        flow = Flow(texts[0], [("t0", f"t{i}") for i in range(1, 100)], description=texts[1])
        picture = Picture(flow, {f"t{i}": text for i, text in enumerate(texts)})
        assert picture.svg({}).count("data-task=") == 100
        if number % 10 == seed:  # the fonts of the system are read each time
            assert picture.png({}).startswith(b"\x89PNG")


def test_a_program_that_is_asked_by_name(tmp_path, monkeypatch):
    """`pipe` and `render` of the graph that users get work where there is no `dot`."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("dot") is None
    graph = DIAMOND.to_graphviz()
    assert graph.pipe("svg", encoding="utf-8").count('class="node"') == 4
    written = graph.render(tmp_path / "it", format="json", cleanup=True)
    assert len(json.loads(Path(written).read_text())["objects"]) == 4
    from graphviz.backend import dot_command

    assert Path("dot") == dot_command.DOT_BINARY


@pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 3\n", "#!/no/such/program\n"])
def test_a_dot_that_does_not_work(tmp_path, monkeypatch, script):
    broken = tmp_path / "dot"
    broken.write_text(script)
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    svg = DIAMOND.to_graphviz().pipe("svg", encoding="utf-8")
    assert svg.count('class="node"') == 4


# Files.


def test_a_flow_is_saved(tmp_path):
    DIAMOND.save(tmp_path / "it.svg")
    DIAMOND.save(str(tmp_path / "it.PNG"))
    DIAMOND.save(tmp_path / "it.dot")
    assert (tmp_path / "it.svg").read_text("utf-8") == Picture(DIAMOND).svg()
    assert (tmp_path / "it.PNG").read_bytes() == Picture(DIAMOND).png()
    assert (tmp_path / "it.dot").read_text("utf-8") == DIAMOND.to_graphviz().source
    with pytest.raises(FlowError, match=r"cannot be saved as 'it.jpg'[\s\S]*\.svg, \.png, \.dot"):
        DIAMOND.save(tmp_path / "it.jpg")
    with pytest.raises(FileNotFoundError):
        DIAMOND.save(tmp_path / "none" / "it.svg")
