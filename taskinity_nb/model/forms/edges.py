"""Edges: what ties a task to another one, or to an input of the flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args

from ...errors import FlowError
from .literals import canonical

__all__ = [
    "CONDITIONS", "KINDS", "MAPPED", "WAITS", "Edge", "EdgeKind", "Part", "as_edges", "condition",
    "local_name",
]  # fmt: skip

EdgeKind = Literal["result", "wait", "map", "zip", "product", "when", "unless", "each", "each_wait"]
KINDS = get_args(EdgeKind)

MAPPED = frozenset({"map", "zip", "product", "each", "each_wait"})
"""The target runs once for each item."""

CONDITIONS = frozenset({"when", "unless"})

WAITS = frozenset({"wait", "each_wait", *CONDITIONS})
"""The target takes nothing of the source."""


class Edge(NamedTuple):
    """One arrow: `target` receives the result of `source`, or only waits for it.

    Attributes
    ----------
    source, target : str
        The names of two tasks; the source may be an input of the flow.
    kind : str
        ``"result"``: the target receives the result. ``"wait"``: it only waits. ``"map"``: it runs
        once for each item of the result; ``"zip"``: with those of others side by side;
        ``"product"``: with those of others in every combination. ``"when"``, ``"unless"``: it
        runs only if the result is true, or is not. Where a flow runs once for each item, its tasks
        are tied by ``"each"`` (and ``"each_wait"``): they receive the result for the same item.
    key : str or int, optional
        One part of the result: what a part is called, a key, an attribute, or a position.
    optional : bool
        Whether the target runs also if there is nothing to receive.
    equals : str, optional
        Of a condition: the literal that the result is compared with.
    parameter : str, optional
        The parameter of the target that it fills, where that is not found by the rules.
    """

    source: str
    target: str
    kind: EdgeKind = "result"
    key: str | int | None = None
    optional: bool = False
    equals: str | None = None
    parameter: str | None = None

    @property
    def origin(self) -> str:
        """What stands at its beginning in a text."""
        key = "" if self.key is None else f".{self.key}"
        return f"{self.source}{key}{'?' * self.optional}"

    def __str__(self) -> str:
        if self.kind in CONDITIONS:
            return f"{self.target} {condition(self)}"
        arrow = "-.->" if self.kind in WAITS else "->"
        word = f"{self.kind} " if self.kind in ("map", "zip", "product") else ""
        return f"{self.origin} {arrow} {word}{self.target}"


def condition(edge: Edge) -> str:
    """Write the condition that an edge is.

    Examples
    --------
    >>> condition(Edge("kind", "report", "when", "size", equals='"big"'))
    'when kind.size == "big"'
    """
    compared = "" if edge.equals is None else f" == {edge.equals}"
    return f"{edge.kind} {edge.origin}{compared}"


def local_name(source: str, task: str) -> str:
    """Return what a task is called where another one stands, which may be in a flow in the flow.

    Examples
    --------
    >>> local_name("Prep.clean", "Prep.count"), local_name("Prep.clean", "train")
    ('clean', 'Prep')
    """
    if "." not in source:
        return source
    words, others = source.split("."), task.split(".")
    depth = 0
    while depth < min(len(words), len(others)) - 1 and words[depth] == others[depth]:
        depth += 1
    return words[depth]


class Part(NamedTuple):
    """A part of a task's result that has a name of its own, such as `X` in ``X, y = split``.

    Attributes
    ----------
    task : str
        The task.
    key : str or int
        The key, attribute or position at which it is.
    names : tuple of str
        Where the whole result was taken apart: the names of all parts.
    """

    task: str
    key: str | int
    names: tuple[str, ...] = ()


def as_edges(edges: Iterable[Any]) -> tuple[Edge, ...]:
    """Return edges, each once, with what a condition compares with as its canonical text.

    Examples
    --------
    >>> [str(edge) for edge in as_edges([("a", "b"), ("k", "b", "when", None, False, "'x'")])]
    ['a -> b', 'b when k == "x"']
    """
    found = dict.fromkeys([e if type(e) is Edge else _edge(e) for e in edges])
    if any([edge[5] is not None for edge in found]):
        found = dict.fromkeys(
            edge if edge.equals is None else edge._replace(equals=canonical(edge.equals))
            for edge in found
        )
    return tuple(found)


def _edge(pair: Any) -> Edge:
    """Make an edge of a tuple; a string of two letters is none, nor is a list of targets."""
    parts = tuple(pair) if isinstance(pair, (tuple, list)) else ()
    if len(parts) not in range(2, 8) or not all(isinstance(part, str) for part in parts[:3]):
        raise FlowError(
            f"an edge is a pair of names, not {pair!r}",
            remedy='write ("a", "b") for each arrow, or read a text with parse_dsl("a -> [b, c]")',
        )
    return Edge(*parts)
