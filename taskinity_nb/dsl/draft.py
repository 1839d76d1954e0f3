"""A flow while its lines are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import Span
from ..model.flow import Edge, EdgeKind, Flow, Source
from ..model.forms.edges import Part
from ..model.forms.literals import Constant
from .clauses import Given

__all__ = ["Draft", "Item"]


class Item(NamedTuple):
    """A task where the text mentions it; `key_at` is the index of the key's token.

    `part` is the name of a part that stands there in place of a task.
    """

    name: str
    span: Span
    mapped: EdgeKind | None = None
    key: str | int | None = None
    key_at: int = 0
    is_optional: bool = False
    part: str | None = None


@dataclass
class Draft:
    """A flow while its lines are read; `span` is the name in its header."""

    name: str
    span: Span
    has_header: bool
    description: str | None = None
    tasks: dict[str, Span] = field(default_factory=dict)
    edges: dict[Edge, Span] = field(default_factory=dict)
    functions: dict[str, tuple[str, Span]] = field(default_factory=dict)
    constants: dict[str, Given] = field(default_factory=dict)
    inputs: dict[str, tuple[Constant | None, Span]] = field(default_factory=dict)
    parts: dict[str, tuple[Part, Span]] = field(default_factory=dict)
    apart: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of tasks whose results were taken apart: the names of the parts."""
    no_tasks: set[str] = field(default_factory=set)
    """The names of inputs and parts."""

    def flow(self, text: str, above: Mapping[str, Flow]) -> Flow:
        """Return the flow; those that stand `above` it in the text can be tasks of it."""
        constants = {
            (task, name): span
            for task, given in self.constants.items()
            for name, (_, span) in given.items()
        }
        places = {name: span for name, (_, span) in (*self.inputs.items(), *self.parts.items())}
        functions = {node: function for node, (function, _) in self.functions.items()}
        return Flow(
            self.name,
            self.edges,
            self.tasks,
            self.description or "",
            functions,
            Source(text, self.tasks, self.edges, places, constants),
            constants={
                task: {name: value for name, (value, _) in given.items()}
                for task, given in self.constants.items()
            },
            inputs={name: default for name, (default, _) in self.inputs.items()},
            parts={name: part for name, (part, _) in self.parts.items()},
            flows={
                name: above[name]
                for name in (functions.get(task, task) for task in self.tasks)
                if name in above
            } if above else None,
        )  # fmt: skip
