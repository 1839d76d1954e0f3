"""A flow as DOT, the language of Graphviz, and as lines of text.

Names and descriptions come from whoever wrote the flow, so each label is data: markup, escapes and
entities in it are drawn as they stand.
"""

from __future__ import annotations

import shutil
import subprocess
import textwrap
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...formatting import elided, visible
from ...model.events import State
from ...model.forms.edges import CONDITIONS, MAPPED, WAITS
from ..style.palette import EDGE, INK, LOOKS
from .forms import (
    box_of,
    boxes_of,
    call_of,
    drawn_edges,
    gathered_in,
    input_line,
    short_name,
    words_of,
)
from .layout import pure_program
from .text_width import FONT, width

if TYPE_CHECKING:
    import graphviz

    from ...model.flow import Edge, Flow
    from .forms import Box

__all__ = [
    "LEVEL_GAP",
    "NODE_GAP",
    "direction",
    "flow_text",
    "heading_lines",
    "in_order",
    "label",
    "levels",
    "lines_of",
    "to_graphviz",
]

LONGEST_LABEL = 60
"""Characters of a label; of a longer one the middle is left out."""

MOST_READ = 1000
"""Characters of a description or a label that are looked at."""

MOST_LINES, LONGEST_LINE = 60, 200
"""Of a text that stands for a picture; in characters."""

NODE_GAP, LEVEL_GAP = 0.16, 0.42
"""Inches between boxes, side by side and one after the other."""

PAGE = 680
"""Points that a notebook's output is wide, about."""


def to_graphviz(flow: Flow) -> graphviz.Digraph:
    """Return a flow as a ``graphviz.Digraph``, to be changed, rendered, or put into a larger one.

    Tasks are boxes, and a mapped one has a double outline; a task that is not called by its
    function's name, or is given constants, shows its call. Inputs are slanted. An edge that only
    waits is dotted, and one that is a condition says it; a key stands at its edge. The tasks of a
    flow that is used in this one are in a frame, a cluster of Graphviz.

    Parameters
    ----------
    flow : Flow
        What to draw.

    Returns
    -------
    graphviz.Digraph
        Its nodes are called by the tasks' names. Its ``pipe`` and ``render`` use ``dot`` or, where
        there is none that works, the program that comes with this package.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> graph = to_graphviz(Flow("Example", [("load", "save")]))
    >>> graph.name, graph.body
    ('Example', ['\\tload [label=load]\\n', '\\tsave [label=save]\\n', '\\tload -> save\\n'])
    """
    import graphviz

    heading, way = label(heading_lines(flow), end="\\l"), direction(flow)
    graph = _digraph()(
        graphviz.escape(visible(flow.name)),
        graph_attr={
            "rankdir": way, "bgcolor": "transparent", "fontname": FONT,
            "fontsize": "10", "fontcolor": EDGE, "nodesep": f"{NODE_GAP}",
            "ranksep": f"{LEVEL_GAP}",
            **({"label": heading, "labelloc": "t", "labeljust": "l"} if heading else {}),
        },
        node_attr={
            "shape": "box", "style": "rounded,filled", "fillcolor": LOOKS[State.PENDING].fill,
            "color": EDGE, "fontcolor": INK, "fontname": FONT, "fontsize": "10",
            "height": "0.34", "width": "0.5", "margin": "0.14,0.06",
        },
        edge_attr={
            "color": EDGE, "fontcolor": EDGE, "fontname": FONT, "fontsize": "9",
            "arrowsize": "0.7",
        },
    )  # fmt: skip
    mapped = {edge.target for edge in flow.edges if edge.kind in MAPPED}
    for node in in_order(flow, way):
        look = {"peripheries": "2"} if node in mapped else {}
        if node in flow.inputs:
            look = {"shape": "polygon", "sides": "4", "skew": "0.2", "style": "filled",
                    "margin": "0,0"}  # fmt: skip
        graph.node(node, label(lines_of(flow, node)), **look)
    boxes = boxes_of(flow, flow.inputs)
    for name in boxes:
        if not box_of(name):
            _add_cluster(graph, name, boxes)
    for edge in drawn_edges(flow):
        graph.edge(edge.source, edge.target, **_edge_attributes(flow, edge))
    return graph


def _add_cluster(graph: Any, name: str, boxes: Mapping[str, Box]) -> None:
    """Frame the nodes of a box, which are in the graph already."""
    look = {"label": label([short_name(name)]), "labelloc": "t", "labeljust": "l",
            "style": "rounded", "color": EDGE, "fontsize": "9"}  # fmt: skip
    with graph.subgraph(name=f"cluster_{name}", graph_attr=look) as cluster:
        for node in boxes[name].nodes:
            cluster.node(node)
        for inner in boxes[name].boxes:
            _add_cluster(cluster, inner, boxes)


@cache
def _digraph() -> Any:
    """Return the class of the graphs, made when the library is needed."""
    import graphviz

    class Digraph(graphviz.Digraph):  # type: ignore[misc]
        """A graph that is rendered also where there is no ``dot``."""

        def pipe(self, *args: Any, **options: Any) -> Any:
            return _by_some_dot(partial(super().pipe, *args, **options))

        def render(self, *args: Any, **options: Any) -> Any:
            return _by_some_dot(partial(super().render, *args, **options))

    return Digraph


_renders = threading.Lock()


def _by_some_dot(render: Callable[[], Any]) -> Any:
    """Have the library call ``dot`` or, if there is none that works, what else is there."""
    from graphviz.backend import ExecutableNotFound, dot_command

    program = pure_program()
    if program is None:
        return render()
    try:
        if shutil.which("dot") is not None:
            return render()
    except (OSError, ExecutableNotFound, subprocess.CalledProcessError):
        pass  # the other program succeeds, or says what is wrong with the graph
    with _renders:
        before, dot_command.DOT_BINARY = dot_command.DOT_BINARY, Path(program)
        try:
            return render()
        finally:
            dot_command.DOT_BINARY = before


def in_order(flow: Flow, way: str) -> Iterable[str]:
    """Return inputs and tasks such that what is not connected is drawn in the order of the text.

    From left to right, Graphviz piles it up from the bottom.
    """
    parts = _connected(flow)
    return chain(*(reversed(parts) if way == "LR" else parts))


def _connected(flow: Flow) -> list[list[str]]:
    """Return inputs and tasks in groups that no edge connects, in the order of the text."""
    group: dict[str, list[str]] = {}
    nodes = (*flow.inputs, *flow.tasks)
    for node in nodes:
        group[node] = [node]
    for edge in drawn_edges(flow):
        one, other = group[edge.source], group[edge.target]
        if one is not other:
            small, large = sorted((one, other), key=len)
            large += small
            group.update(dict.fromkeys(small, large))
    place = {node: i for i, node in enumerate(nodes)}
    unique = {id(tasks): sorted(tasks, key=place.__getitem__) for tasks in group.values()}
    return list(unique.values())


def _edge_attributes(flow: Flow, edge: Edge) -> dict[str, str]:
    attributes, words = {}, words_of(flow, edge)
    if edge.kind in MAPPED:
        attributes = {"arrowhead": "normalnormal"}
    if edge.kind in WAITS:
        attributes = {"style": "dotted", "penwidth": "1.6", "arrowhead": "vee"}
    if words:
        attributes["label"] = label([f" {words} "])
    return attributes


def lines_of(flow: Flow, task: str, labels: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines that a task, or an input, is called by in a picture, within its box."""
    if task in flow.inputs:
        return [elided(visible(input_line(flow, task)), LONGEST_LABEL)]
    usual = "result" if gathered_in(flow, task) else short_name(task)
    own = " ".join((labels or {}).get(task, usual)[:MOST_READ].split())
    call = call_of(flow, task)
    lines = [own or short_name(task), *([call] if call else [])]
    return [elided(visible(line), LONGEST_LABEL) for line in lines]


def heading_lines(flow: Flow) -> list[str]:
    """Return the lines above a picture: the name of the flow, and what describes it."""
    lines = [] if flow.name == "flow" else [elided(visible(flow.name), LONGEST_LABEL)]
    told = " ".join(visible(flow.description[:MOST_READ]).split())
    return lines + textwrap.wrap(told, 72, max_lines=3, placeholder=" …")


def label(lines: Iterable[str], start: str = "", end: str = "") -> str:
    r"""Return a DOT label that shows `lines` literally, whatever they hold.

    Each begins with `start`; `end` is the escape that ends and aligns it, by default only between
    lines that are centred.

    Examples
    --------
    >>> print(label(["<b>", r"a & \N"]))
    <b>\na &amp; \\N
    """
    import graphviz

    # Graphviz also decodes entities, so a bare ampersand would begin one.
    literal = [visible(line).replace("&", "&amp;").replace("\\", "\\\\") for line in lines]
    text = ("" if end else "\\n").join(start + line + end for line in literal)
    return str(graphviz.nohtml(text))


def levels(flow: Flow) -> dict[str, int]:
    """Return how many edges lie at most between each task and a first one, or an input.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> levels(Flow("Example", [("a", "b"), ("b", "c"), ("a", "c")]))
    {'a': 0, 'b': 1, 'c': 2}
    """
    level = dict.fromkeys((*flow.tasks, *flow.inputs), 0)
    if flow.inputs:
        level |= {edge.target: 1 for edge in drawn_edges(flow) if edge.source in flow.inputs}
    downstream = flow.downstream
    for task in flow.order:
        for edge in downstream[task]:
            level[edge.target] = max(level[edge.target], level[task] + 1)
    return level


def direction(flow: Flow, sizes: Mapping[str, tuple[float, float]] | None = None) -> str:
    """Choose the direction in which the picture fits the page; of two that fit, the lower one.

    `sizes` are those of the boxes in points, where they are known better.
    """
    rows: dict[int, list[tuple[float, float]]] = {}
    for task, level in levels(flow).items():
        size = sizes[task] if sizes is not None else _size(lines_of(flow, task))
        rows.setdefault(level, []).append(size)
    wide, tall = ([[size[i] for size in row] for row in rows.values()] for i in (0, 1))
    (across, low), (down, high) = _extent(wide, tall), _extent(tall, wide)
    if across <= PAGE or high <= PAGE:
        if across <= PAGE and high <= PAGE:
            return "LR" if low <= down else "TB"
        return "LR" if across <= PAGE else "TB"
    return "LR" if across <= high else "TB"


def _size(lines: list[str]) -> tuple[float, float]:
    return 20 + max(width(line, 10) for line in lines), 9.0 + 13 * len(lines)


def _extent(along: list[list[float]], aside: list[list[float]]) -> tuple[float, float]:
    """Return how long and how broad a picture is, given its levels' sizes along and aside."""
    long = sum(map(max, along)) + 30 * (len(along) - 1)
    return long, max((sum(row) + 12 * (len(row) - 1) for row in aside), default=0.0)


def flow_text(flow: Flow) -> str:
    """Return a flow as a few lines of text: its arrows, those of one task in one line.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> print(flow_text(Flow("Example", [("a", "b"), ("a", "c")], tasks=["z"])))
    <Flow Example: 4 tasks, 2 edges>
      z
      a -> [b, c]
    """
    lines = [f"input {input_line(flow, name, whole=True)}" for name in flow.inputs]
    outgoing: dict[str, list[Edge]] = {}
    for edge in drawn_edges(flow):
        outgoing.setdefault(edge.source, []).append(edge)
    for task in (*flow.inputs, *flow.tasks):
        groups: dict[tuple[str, str], list[str]] = {}
        for edge in outgoing.get(task, ()):
            if edge.kind in CONDITIONS:
                groups[str(edge), ""] = []
                continue
            start = edge.origin
            arrow = "-.->" if edge.kind in WAITS else "->"
            word = f"{edge.kind} " if edge.kind in ("map", "zip", "product") else ""
            groups.setdefault((start, arrow), []).append(word + edge.target)
        for (start, arrow), targets in groups.items():
            ends = targets[0] if len(targets) == 1 else f"[{', '.join(targets)}]"
            lines.append(f"{start} {arrow} {ends}" if arrow else start)
        if task in flow.constants and (call := call_of(flow, task)):
            lines.append(f"{call} as {task}")
        elif not groups and not flow.incoming.get(task, flow.inputs):
            lines.append(task)
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"… and {len(lines) - MOST_LINES + 1} more lines"]
    short = [textwrap.shorten(visible(line), LONGEST_LINE, placeholder=" …") for line in lines]
    return "\n".join([visible(repr(flow)), *("  " + line for line in short)])
