"""What a picture says of the forms of a flow: inputs, parts, constants, conditions, boxes.

Nothing here is escaped but for what nobody sees: who draws a text makes it visible.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, NamedTuple

from ...formatting import elided
from ...model.flow import Edge
from ...model.forms.edges import CONDITIONS, MAPPED
from ...model.forms.literals import InputName
from ...values import gathered

if TYPE_CHECKING:
    from ...model.flow import Flow

__all__ = [
    "box_of",
    "boxes_around",
    "boxes_of",
    "boxes_with",
    "call_of",
    "drawn_edges",
    "gathered_in",
    "input_line",
    "key_of",
    "may_be_skipped",
    "short_name",
    "tail_of",
    "words_of",
]

LONGEST_VALUE, LONGEST_CALL = 24, 44
"""Characters of a constant, and of all that a task is called with."""

LONGEST_TAIL = 40
"""Characters of what stands at the edge of a condition."""


def drawn_edges(flow: Flow) -> tuple[Edge, ...]:
    """Return the edges of a flow, and one for each input that a parameter is given by its name.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> flow = Flow(tasks=["fit"], inputs={"depth": 3},
    ...             constants={"fit": {"most": InputName("depth"), "mode": "fast"}})
    >>> [words_of(flow, edge) for edge in drawn_edges(flow)]
    ['most=']
    """
    named = [
        Edge(value.name, task, parameter=parameter)
        for task, given in flow.constants.items()
        for parameter, value in given.items()
        if isinstance(value, InputName) and value.name in flow.inputs
    ]
    return (*flow.edges, *named) if named else flow.edges


def key_of(flow: Flow, edge: Edge) -> str:
    """Write which part of a result an edge carries, or for which parameter; empty if neither."""
    if edge.key is not None:
        part = flow.parts.get(str(edge.key))
        is_part = part is not None and part.task == edge.source
        return short_name(str(edge.key)) if is_part else f".{edge.key}"
    usual = (None, short_name(edge.source), f"{short_name(edge.source)}_result")
    return "" if edge.parameter in usual else f"{edge.parameter}="


def tail_of(flow: Flow, edge: Edge) -> str:
    """Write what kind of an edge it is, where it is no plain one.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> flow = Flow("Example", [Edge("kind", "report", "when", "size", equals='"big"')])
    >>> tail_of(flow, flow.edges[0])
    'when .size == "big"'
    """
    mark = "?" * edge.optional
    if edge.kind in CONDITIONS:
        compared = "" if edge.equals is None else f"== {edge.equals}"
        words = (edge.kind + mark, key_of(flow, edge), compared)
        return elided(" ".join(filter(None, words)), LONGEST_TAIL)
    word = edge.kind if edge.kind in MAPPED and edge.kind != "each_wait" else ""
    return word + mark


def words_of(flow: Flow, edge: Edge) -> str:
    """Write what stands at an edge: the part, the kind, and a mark where it is optional.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> flow = Flow("Example", [Edge("load", "work", "map", 0, True)])
    >>> words_of(flow, flow.edges[0])
    '.0 map?'
    """
    if edge.kind in CONDITIONS:
        return tail_of(flow, edge)
    tail, key = tail_of(flow, edge), key_of(flow, edge)
    return f"{key}{tail}" if tail == "?" else f"{key} {tail}".strip()


def may_be_skipped(flow: Flow) -> set[str]:
    """Return the tasks that a condition may skip, or items of them, or what comes before them."""
    skipped: set[str] = set()
    if not any(edge.kind in CONDITIONS or edge.optional for edge in flow.edges):
        return skipped
    for task in flow.order:
        for edge in flow.incoming[task]:
            if edge.kind in CONDITIONS or edge.optional or edge.source in skipped:
                skipped.add(task)
    return skipped


def input_line(flow: Flow, name: str, *, whole: bool = False) -> str:
    """Write an input with its default, called as within its box, or by its whole name.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> input_line(Flow(tasks=["a"], inputs={"depth": 3}), "depth")
    'depth = 3'
    """
    default = flow.inputs[name]
    short = name if whole else short_name(name)
    return short if default is None else f"{short} = {elided(default.text, LONGEST_VALUE)}"


def call_of(flow: Flow, task: str) -> str:
    """Write how a task is called, if its name does not tell; else return an empty string.

    Of one that is the result of a box, write whose results it holds.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> flow = Flow(tasks=["low", "fit"], functions={"low": "fit"},
    ...             constants={"low": {"depth": 2}})
    >>> call_of(flow, "low"), call_of(flow, "fit")
    ('fit(depth=2)', '')
    """
    if results := gathered_in(flow, task):
        return elided(f"{{{', '.join(results)}}}", LONGEST_CALL)
    function = flow.function_of(task)
    given = [
        f"{parameter}={elided(value.text, LONGEST_VALUE)}"
        for parameter, value in flow.constants.get(task, {}).items()
        if not isinstance(value, InputName)
    ]
    if not given and function in (task, short_name(task)):
        return ""
    return f"{function}({elided(', '.join(given), LONGEST_CALL)})"


def gathered_in(flow: Flow, task: str) -> list[str]:
    """Return the names of what a task gathers that is the result of a box; of others, none.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> edges, written = [("P.a", "P"), ("P.b", "P")], Flow("All", tasks=["P"])
    >>> gathered_in(Flow("All", edges, functions={"P": "gathered"}, written=written), "P")
    ['a', 'b']
    """
    if flow.function_of(task) != gathered.__name__:
        return []
    before = [edge for edge in flow.incoming[task] if edge.source.startswith(f"{task}.")]
    return list(dict.fromkeys(e.parameter or short_name(e.source) for e in before))


def box_of(name: str) -> str:
    """Return the name of the box that a task, an input or another box is in; empty if in none.

    Examples
    --------
    >>> box_of("Prep.Load.read"), box_of("read")
    ('Prep.Load', '')
    """
    return name.rpartition(".")[0]


def short_name(name: str) -> str:
    """Return what a task, an input or a box is called within its box."""
    return name.rpartition(".")[2]


def boxes_around(name: str) -> list[str]:
    """Return the boxes that a task is in, the outermost first.

    Examples
    --------
    >>> boxes_around("Prep.Load.read")
    ['Prep', 'Prep.Load']
    """
    words = name.split(".")
    return [".".join(words[:i]) for i in range(1, len(words))]


def boxes_with(name: str, boxes: Container[str]) -> list[str]:
    """Return the boxes that a task is in, the outermost first; a box, if it is its result.

    Examples
    --------
    >>> boxes_with("Prep.clean", {"Prep"}), boxes_with("Prep", {"Prep"}), boxes_with("a", {"Prep"})
    (['Prep'], ['Prep'], [])
    """
    return [*boxes_around(name), *([name] if name in boxes else [])]


class Box(NamedTuple):
    """A frame around what is in it: nodes, and other boxes."""

    name: str
    nodes: list[str]
    boxes: list[str]


def boxes_of(flow: Flow, more: Iterable[str] = ()) -> dict[str, Box]:
    """Return the boxes of the tasks of a flow, each after the one that it is in.

    A task that bears the name of a box is its result, and in it.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> flow = Flow("All", [("A.B.c", "A.d"), ("A.d", "e")], written=Flow("All", [("A", "e")]))
    >>> [tuple(box) for box in boxes_of(flow).values()]
    [('A', ['A.d'], ['A.B']), ('A.B', ['A.B.c'], [])]
    """
    boxes: dict[str, Box] = {}
    for name in (*flow.tasks, *more):
        if "." not in name:
            continue
        for around in boxes_around(name):
            if around not in boxes:
                boxes[around] = Box(around, [], [])
                if "." in around:
                    boxes[box_of(around)].boxes.append(around)
        boxes[box_of(name)].nodes.append(name)
    for name in boxes:
        if name in flow.incoming:
            if "." in name:
                boxes[box_of(name)].nodes.remove(name)
            boxes[name].nodes.append(name)
    return boxes
