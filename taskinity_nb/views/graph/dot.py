"""A flow as DOT, the language of Graphviz, and as lines of text.

Names and descriptions come from whoever wrote the flow, so each label is data: markup, escapes and
entities in it are drawn as they stand.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING

from ...formatting import elided, visible
from ...model.events import State
from ..style.palette import EDGE, INK, LOOKS
from .layout import FONT

if TYPE_CHECKING:
    import graphviz

    from ...model.flow import Edge, Flow

__all__ = [
    "SIGN_ROOM",
    "flow_text",
    "label",
    "levels",
    "to_graphviz",
]

SIGN_ROOM = "\N{EM SPACE}"
"""What each line of a label begins with, so that the sign of the state has a place."""

WIDEST, WIDEST_OF_MAP = "00.00 s", "00,000 of 00,000 · 00.0 s"
"""What the line that tells of a task's run has room for, and that of a mapped one."""

LONGEST_LABEL = 60
"""Characters of a label; of a longer one the middle is left out."""

MOST_READ = 1000
"""Characters of a description or a label that are looked at."""

MOST_LINES, LONGEST_LINE = 60, 200
"""Of a text that stands for a picture; in characters."""

PAGE = 680
"""Points that a notebook's output is wide, about."""


def to_graphviz(
    flow: Flow,
    labels: Mapping[str, str] | None = None,
    *,
    for_layout: bool = False,
    details: bool = False,
    counted: Collection[str] = (),
) -> graphviz.Digraph:
    """Return a flow as a ``graphviz.Digraph``.

    Tasks are boxes, and a mapped one has a double outline; a task that is not called by its
    function's name shows both. An edge that only waits is dotted; a key stands at its edge.

    Parameters
    ----------
    flow : Flow
        What to draw.
    labels : mapping of str to str, optional
        What to call a task in the picture, instead of its name.
    for_layout : bool
        Whether there is room for what `svg` draws itself: the sign of the state, before the label,
        and the second outline of a mapped task.
    details : bool
        Whether there is a line for what a run tells of a task.
    counted : collection of str
        Of which tasks that line is how many of it are done.

    Returns
    -------
    graphviz.Digraph
        Its nodes are called by the tasks' names.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> graph = to_graphviz(Flow("Example", [("load", "save")]))
    >>> graph.name, graph.body
    ('Example', ['\\tload [label=load]\\n', '\\tsave [label=save]\\n', '\\tload -> save\\n'])
    """
    import graphviz

    heading, direction = _heading(flow, for_layout), _direction(flow)
    graph = graphviz.Digraph(
        graphviz.escape(visible(flow.name)),
        graph_attr={
            "rankdir": direction, "bgcolor": "transparent", "fontname": FONT,
            "fontsize": "10", "fontcolor": EDGE, "nodesep": "0.16", "ranksep": "0.42",
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
    mapped = {edge.target for edge in flow.edges if edge.kind == "map"}
    double = {"margin": "0.18,0.1"} if for_layout else {"peripheries": "2"}
    room = SIGN_ROOM if for_layout else ""
    # From left to right, Graphviz piles up what is not connected from the bottom.
    parts = _connected(flow)
    for task in chain(*(reversed(parts) if direction == "LR" else parts)):
        is_wide = task in mapped or task in counted
        detail = [WIDEST_OF_MAP if is_wide else WIDEST] if details else []
        text = label(_lines(flow, task, labels) + detail, start=room)
        graph.node(task, text, **(double if task in mapped else {}))
    for edge in flow.edges:
        graph.edge(edge.source, edge.target, **_edge_attributes(edge))
    return graph


def _connected(flow: Flow) -> list[list[str]]:
    """Return the tasks in groups that no edge connects, in the order of the text."""
    group: dict[str, list[str]] = {}
    for task in flow.tasks:
        group[task] = [task]
    for edge in flow.edges:
        one, other = group[edge.source], group[edge.target]
        if one is not other:
            small, large = sorted((one, other), key=len)
            large += small
            group.update(dict.fromkeys(small, large))
    place = {task: i for i, task in enumerate(flow.tasks)}
    unique = {id(tasks): sorted(tasks, key=place.__getitem__) for tasks in group.values()}
    return list(unique.values())


def _edge_attributes(edge: Edge) -> dict[str, str]:
    attributes = {}
    words = [f".{edge.key}"] if edge.key else []
    if edge.kind == "map":
        words.append("map")
        attributes = {"arrowhead": "normalnormal"}
    if edge.kind == "wait":
        attributes = {"style": "dotted", "penwidth": "1.6", "arrowhead": "vee"}
    if words:
        attributes["label"] = label([" " + " ".join(words) + " "])
    return attributes


def _lines(flow: Flow, task: str, labels: Mapping[str, str] | None = None) -> list[str]:
    own = " ".join((labels or {}).get(task, task)[:MOST_READ].split()) or task
    function = flow.function_of(task)
    lines = [own] if function == task else [own, f"{function}()"]
    return [elided(visible(line), LONGEST_LABEL) for line in lines]


def _heading(flow: Flow, with_room: bool) -> str:
    """Return name and description, with room behind them for a browser whose font is wider."""
    lines = [] if flow.name == "flow" else [visible(flow.name)]
    told = " ".join(visible(flow.description[:MOST_READ]).split())
    lines += textwrap.wrap(told, 72, max_lines=3, placeholder=" …")
    room = "\N{EM SPACE}" * (1 + max(map(len, lines), default=0) // 16) if with_room else ""
    return label(lines, end=f"{room}\\l") if lines else ""


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
    """Return how many edges lie at most between each task and a first one.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> levels(Flow("Example", [("a", "b"), ("b", "c"), ("a", "c")]))
    {'a': 0, 'b': 1, 'c': 2}
    """
    level = dict.fromkeys(flow.tasks, 0)
    downstream = flow.downstream
    for task in flow.order:
        for edge in downstream[task]:
            level[edge.target] = max(level[edge.target], level[task] + 1)
    return level


def _direction(flow: Flow) -> str:
    """Choose the direction in which the picture fits the page; of two that fit, the lower one."""
    rows: dict[int, list[float]] = {}
    for task, level in levels(flow).items():
        rows.setdefault(level, []).append(34 + 6.2 * max(map(len, _lines(flow, task))))
    across = sum(max(row) for row in rows.values()) + 42 * (len(rows) - 1)
    down = max((sum(row) + 12 * len(row) for row in rows.values()), default=0)
    if across <= PAGE or down <= PAGE:
        tall = (36 * max(map(len, rows.values()), default=0), 66 * len(rows))
        if across <= PAGE and down <= PAGE:
            return "LR" if tall[0] <= tall[1] else "TB"
        return "LR" if across <= PAGE else "TB"
    return "LR" if across <= down else "TB"


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
    lines = []
    for task in flow.tasks:
        groups: dict[tuple[str, str], list[str]] = {}
        for edge in flow.downstream[task]:
            start = task + (f".{edge.key}" if edge.key else "")
            arrow = "-.->" if edge.kind == "wait" else "->"
            target = f"map {edge.target}" if edge.kind == "map" else edge.target
            groups.setdefault((start, arrow), []).append(target)
        for (start, arrow), targets in groups.items():
            ends = targets[0] if len(targets) == 1 else f"[{', '.join(targets)}]"
            lines.append(f"{start} {arrow} {ends}")
        if not groups and not flow.upstream[task]:
            lines.append(task)
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"… and {len(lines) - MOST_LINES + 1} more lines"]
    short = [textwrap.shorten(visible(line), LONGEST_LINE, placeholder=" …") for line in lines]
    return "\n".join([visible(repr(flow)), *("  " + line for line in short)])
