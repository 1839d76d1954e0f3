"""Where everything in a graph goes: Graphviz, in a process of its own.

A layout engine that crashes or hangs costs a picture; within the kernel it would cost the kernel.
It is given numbers alone: how large nodes are, and which are connected. No text of a user's reaches
it, so it needs no fonts, and says the same on each machine.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from typing import Any, NamedTuple

from ...errors import FlowError

__all__ = ["EdgePlace", "Layout", "layout", "layout_engine", "pure_program"]

TIME_LIMIT = 30.0
"""Seconds; the largest graph that is laid out takes one, on a machine with nothing else to do."""

BY_PYGRAPHVIZ = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.read())
graph.layout(prog="dot")
graph.has_layout = True
sys.stdout.buffer.write(graph.draw(format="json0"))
"""


class Point(NamedTuple):
    """A place in points, from the top left corner."""

    x: float
    y: float


class EdgePlace(NamedTuple):
    """How an edge goes.

    Attributes
    ----------
    path : list of Point
        The first, then three for each Bézier curve.
    tip : Point or None
        Where the arrow that begins at the end of the path points to.
    label : Point or None
        The middle of its label.
    """

    path: list[Point]
    tip: Point | None
    label: Point | None


class Layout(NamedTuple):
    """How large a graph is, where the middle of each node is, and how each edge goes.

    Of a frame, there are two corners and the middle of its label.
    """

    width: float
    height: float
    nodes: dict[int, Point]
    edges: dict[int, EdgePlace]
    frames: dict[int, tuple[Point, Point, Point]]


class Engine(NamedTuple):
    """A program that lays out a graph: DOT comes in, JSON goes out."""

    name: str
    command: list[str]


def layout(source: str, nodes: int, edges: int) -> Layout:
    """Lay out a graph.

    Parameters
    ----------
    source : str
        DOT. Its nodes are called by numbers, and each edge has a number as its ``id``; a frame is a
        subgraph that is called ``cluster_`` and a number.
    nodes, edges : int
        How many there are; their numbers begin with 0.

    Raises
    ------
    FlowError
        If there is no engine, or none of those that there are can do it.

    Examples
    --------
    >>> found = layout("digraph { 0 -> 1 [id=0] }", nodes=2, edges=1)
    >>> found.nodes[0].y < found.nodes[1].y, list(found.edges)
    (True, [0])
    """
    wrong = []
    for engine in _engines():
        try:
            found = _read(_run(engine, source))
            if (len(found.nodes), len(found.edges)) != (nodes, edges):
                raise ValueError("leaves something out")
            return found
        except (OSError, ValueError, LookupError, TypeError) as error:
            wrong.append(f"{engine.name} {error}")
    if wrong:
        raise FlowError(f"the flow cannot be drawn: {'; '.join(wrong)}")
    raise FlowError(
        "Graphviz is missing, so the flow cannot be drawn",
        remedy="install the wheel that holds it: pip install graphviz-pure",
    )


def layout_engine() -> str:
    """Return which program lays graphs out here, with its version: for bug reports.

    Examples
    --------
    >>> layout_engine().split()[0]
    'graphviz-pure'
    """
    for engine in _engines():
        with suppress(OSError, ValueError):
            _run(engine, "digraph { 0 }")
            return _with_version(engine)
    return "none: pip install graphviz-pure"


def pure_program() -> str | None:
    """Return the program of the wheel, which lies beside Python or where users' scripts are."""
    places = [Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))]
    with suppress(KeyError):  # a Python that has no such place
        places.append(Path(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))))
    for place in places:
        found = shutil.which("graphviz-pure", path=str(place))
        if found is not None:
            return found
    return shutil.which("graphviz-pure")


def _engines() -> Iterator[Engine]:
    options = ["-Kdot", "-Tjson0"]
    pure, dot = pure_program(), shutil.which("dot")
    if pure is not None:
        yield Engine("graphviz-pure", [pure, *options])
    if dot is not None:
        yield Engine("dot", [dot, *options])
    if importlib.util.find_spec("pygraphviz") is not None:
        yield Engine("pygraphviz", [sys.executable, "-c", BY_PYGRAPHVIZ])


def _with_version(engine: Engine) -> str:
    if engine.name == "pygraphviz":
        from importlib.metadata import version

        return f"pygraphviz {version('pygraphviz')}"
    done = subprocess.run([engine.command[0], "-V"], capture_output=True, timeout=TIME_LIMIT)
    found = re.search(rb"\d+\.[\d.]+", done.stdout + done.stderr)
    version_told = found[0].decode() if found else "of an unknown version"
    return f"{engine.name} {version_told} ({engine.command[0]})"


def _run(engine: Engine, source: str) -> bytes:
    """Return what an engine answers; `ValueError` and `OSError` say what it did instead."""
    try:
        # In a session of its own, for an interrupt of the user's is not meant for it.
        process = subprocess.Popen(
            engine.command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
    except OSError as error:
        raise OSError(f"cannot be run ({error.strerror or error})") from error
    with process:
        try:
            answer, told = process.communicate(source.encode(), TIME_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ValueError(f"took longer than {TIME_LIMIT:g} s") from None
        except BaseException:  # the library would leave it to run on after an interrupt
            process.kill()
            process.wait()
            raise
    if process.returncode < 0:
        raise ValueError(f"was ended by {signal.Signals(-process.returncode).name}")
    if process.returncode:
        lines = told.decode(errors="replace").strip().splitlines()
        raise ValueError(f"refuses it ({lines[-1] if lines else f'code {process.returncode}'})")
    return answer


def _read(answer: bytes) -> Layout:
    """Read Graphviz's JSON, in which y points up."""
    graph: dict[str, Any] = json.loads(answer)
    left, bottom, right, top = map(float, graph["bb"].split(","))

    def point(text: str) -> Point:
        x, y = map(float, text.split(",")[-2:])
        return Point(x - left, top - y)

    def frame(box: dict[str, str]) -> tuple[Point, Point, Point]:
        x, y, end, up = box["bb"].split(",")
        return point(f"{x},{up}"), point(f"{end},{y}"), point(box["lp"])

    objects = graph.get("objects", ())
    return Layout(
        width=right - left,
        height=top - bottom,
        nodes={int(node["name"]): point(node["pos"]) for node in objects if "bb" not in node},
        edges={int(edge["id"]): _edge(edge, point) for edge in graph.get("edges", ())},
        frames={
            int(box["name"].removeprefix("cluster_")): frame(box) for box in objects if "bb" in box
        },
    )


def _edge(edge: dict[str, str], point: Callable[[str], Point]) -> EdgePlace:
    parts = edge["pos"].split()
    ends = {part[0]: point(part) for part in parts if part[0] in "se"}
    path = [point(part) for part in parts if part[0] not in "se"]
    return EdgePlace(path, ends.get("e"), point(edge["lp"]) if "lp" in edge else None)
