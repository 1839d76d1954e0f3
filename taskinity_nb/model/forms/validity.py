"""Whether the parts of a flow fit together: names, kinds of edges, and no circle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ...errors import CycleError, FlowError, listed
from .edges import CONDITIONS, KINDS, MAPPED, Edge, Part
from .literals import is_literal

__all__ = ["Checked", "check"]

SIDE_BY_SIDE = frozenset({"zip", "each", "each_wait"})
"""Kinds of mapped edges of which several may lead into one task."""


class Checked(Protocol):
    """What is asked of a flow."""

    @property
    def edges(self) -> tuple[Edge, ...]: ...
    @property
    def tasks(self) -> tuple[str, ...]: ...
    @property
    def functions(self) -> Mapping[str, str]: ...
    @property
    def constants(self) -> Mapping[str, Any]: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...
    @property
    def parts(self) -> Mapping[str, Part]: ...
    @property
    def flows(self) -> Mapping[str, Any]: ...
    @property
    def written(self) -> Any: ...
    @property
    def incoming(self) -> Mapping[str, tuple[Edge, ...]]: ...
    @property
    def downstream(self) -> Mapping[str, tuple[Edge, ...]]: ...
    def at(self, part: str | Edge | tuple[str, str]) -> dict[str, Any]: ...


def check(flow: Checked) -> None:
    """Raise if the parts of a flow do not fit together.

    Raises
    ------
    CycleError, FlowError
        As `Flow` says.
    """
    _check_names(flow)
    _check_kinds(flow)
    _check_cycles(flow)


def _check_names(flow: Checked) -> None:
    for kind in {edge[2] for edge in flow.edges}:
        if kind not in KINDS:
            raise FlowError(f"the kind of an edge is {listed(KINDS)}, not {kind!r}")
    for edge in [edge for edge in flow.edges if edge[5] is not None]:
        if edge.equals is not None and not is_literal(edge.equals):
            raise FlowError(
                f"a condition compares with a literal, as a text, and not with {edge.equals!r}",
                remedy="write repr(value), or read the flow from a text",
            )
    for task in flow.tasks:
        words = task.split(".") if isinstance(task, str) else [""]
        if not all(map(str.isidentifier, words)) or (len(words) > 1 and flow.written is flow):
            raise FlowError(f"a task's name is a Python identifier, not {task!r}", **flow.at(task))
    for what, names in (("a function", flow.functions), ("a constant", flow.constants)):
        for task in names:
            if task not in flow.incoming:
                raise FlowError(f"'{task}' has {what} but is no task of the flow")
    for name, other in flow.flows.items():
        if name != other.name:
            raise FlowError(f"the flow '{other.name}' stands in another one by its own name only")
    for name in flow.inputs:
        if not all(map(str.isidentifier, name.split("."))):
            raise FlowError(f"an input's name is a Python identifier, not {name!r}")
        if name in flow.incoming:
            raise FlowError(
                f"'{name}' is an input of the flow, and a task too",
                remedy="an input is there before anything runs, so no arrow leads to it; "
                "give one of the two another name",
                **flow.at(name),
            )
    for name, part in flow.parts.items():
        if name in flow.incoming or name in flow.inputs:
            what = "a task" if name in flow.incoming else "an input of the flow"
            raise FlowError(
                f"'{name}' is a part of the result of '{part.task}', and {what} too",
                remedy=f"write the line '{name} = …' above all others that name it, "
                "or give one of the two another name",
                **flow.at(name),
            )


def _check_kinds(flow: Checked) -> None:
    kinds: dict[tuple[str, str, str | int | None], Edge] = {}
    waits: dict[tuple[str, str], Edge] = {}
    mapped: dict[str, Edge] = {}
    conditions: set[Edge] = set()
    marked = any([edge[4] for edge in flow.edges])
    seen: set[Edge] = set()
    if {edge[2] for edge in flow.edges} == {"result"} and not marked:
        return
    over_items = {edge.target for edge in flow.edges if edge.kind in MAPPED}
    for edge in flow.edges:
        if edge.kind in CONDITIONS:
            conditions.add(edge)
            other = edge._replace(kind="when" if edge.kind == "unless" else "unless")
            if other in conditions:
                raise FlowError(
                    f"'{edge}' contradicts '{other}': '{edge.target}' would never run",
                    remedy="keep one of the two",
                    **flow.at(edge),
                )
            continue
        if edge.kind == "wait" and edge.source in flow.inputs:
            raise FlowError(
                f"'{edge.source}' is an input, which is there before anything runs: "
                "there is nothing to wait for",
                remedy=f"write '{edge.source} -> {edge.target}', or remove the arrow",
                **flow.at(edge),
            )
        if marked:
            other = edge._replace(optional=not edge.optional)
            if other in seen:
                raise FlowError(
                    f"'{edge}' contradicts '{other}'", remedy="keep one of the two",
                    **flow.at(edge),
                )  # fmt: skip
            seen.add(edge)
        # One part may be mapped over and another one be given whole, as to 'start.frame -> work'
        # beside 'start.genres -> map work'; of a mapped task, each item has its parts.
        part = None if edge.source in over_items else edge.key
        first = kinds.setdefault((edge.source, edge.target, part), edge)
        any_part = waits.setdefault((edge.source, edge.target), edge)
        if "wait" in (any_part.kind, edge.kind):
            first = any_part
        if first.kind != edge.kind and "each" not in first.kind + edge.kind:
            raise FlowError(
                f"'{edge}' contradicts '{first}'",
                remedy="keep one of the two",
                **flow.at(edge),
            )
        if edge.kind in MAPPED:
            _check_mapped(flow, edge, mapped.setdefault(edge.target, edge))


def _check_mapped(flow: Checked, edge: Edge, first: Edge) -> None:
    """Raise if a task that is mapped by one edge cannot be mapped by another one as well."""
    kinds = {first.kind, edge.kind}
    if edge is first or (kinds <= SIDE_BY_SIDE | {"map"} and kinds & {"each", "each_wait"}):
        return
    sources = f"[{first.origin}, {edge.origin}]"
    if kinds == {"map"} or len(kinds) > 1:
        raise FlowError(
            f"'{edge.target}' is mapped over two results, "
            f"'{first.source}' and '{edge.source}'"
            + (f", by '{first.kind}' and by '{edge.kind}'" if len(kinds) > 1 else ""),
            remedy=f"write '{sources} -> zip {edge.target}' to take their items side by side, "
            f"or '{sources} -> product {edge.target}' to take every combination;\n"
            f"to give each item of '{edge.origin}' the whole of '{first.origin}', write "
            f"'{first.origin} -> {edge.target}' in a line of its own",
            **flow.at(edge),
        )


def _check_cycles(flow: Checked) -> None:
    """Walk depth first, in the order of the text; an edge to an open task closes a cycle."""
    done: set[str] = set()
    for root in flow.tasks:
        if root in done:
            continue
        path = {root: None}
        stack = [(root, iter(flow.downstream[root]))]
        while stack:
            task, edges = stack[-1]
            edge = next(edges, None)
            if edge is None:
                stack.pop()
                path.pop(task)
                done.add(task)
            elif edge.target in path:
                names = list(path)
                cycle = (*names[names.index(edge.target) :], edge.target)
                error = CycleError(
                    f"the tasks wait for each other in a cycle: {_shortened(cycle)}",
                    remedy="remove one of these arrows",
                    **flow.at(edge),
                )
                error.path = cycle
                raise error
            elif edge.target not in done:
                path[edge.target] = None
                stack.append((edge.target, iter(flow.downstream[edge.target])))


def _shortened(path: tuple[str, ...]) -> str:
    """Write a path with arrows; of a long one the middle is left out."""
    if len(path) > 12:
        path = (*path[:6], f"… ({len(path) - 11} more) …", *path[-5:])
    return " -> ".join(path)
