"""The options of a ``%%flow`` line that name tasks: which are wanted, given, or to run again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from unicodedata import normalize

from ...engine.rerun.given import tasks_to_rerun
from ...errors import FlowError, Span
from ...formatting import elided
from ...model.extents.extent import Choose, Extent, extent_of, given_results, tasks_called
from ...model.flow import Flow

__all__ = ["GIVEN", "LIST_OF_NAMES", "LONGEST", "Named", "Parts", "names_of"]

_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")

LIST_OF_NAMES = re.compile(rf"""[\[(]?(\s*["']?{_NAME.pattern}["']?\s*(,|[\])]?$))+[\])]?""")
"""Names with commas between them, perhaps as Python writes a list of texts."""

GIVEN = re.compile(rf"({_NAME.pattern})=(?!=)")
"""How a result that is given begins: the name of its task."""


LONGEST = 100
"""Characters that are told of a word of the line."""


class Named(NamedTuple):
    """A name of a task, and where it stands in the line."""

    option: str
    name: str
    place: Span


class Parts:
    """The tasks that a line names.

    Attributes
    ----------
    named : list of Named
        In the order of the line.
    overrides : dict of str to object
        The results that are given.
    """

    def __init__(self) -> None:
        self.named: list[Named] = []
        self.overrides: dict[str, object] = {}

    def names(self, option: str) -> list[str]:
        """Return the names that an option gives."""
        return [each.name for each in self.named if each.option == option]

    @property
    def targets(self) -> list[str] | None:
        """The tasks that are wanted; None for all."""
        return self.names("--targets") or None

    @property
    def rerun(self) -> list[str]:
        """The tasks that run again although they have a result."""
        return self.names("--rerun")

    def add_names(self, option: str, value: str, where: Span, line: str) -> None:
        """Take the names in the value of an option."""
        named = names_of(option, value, where)
        if named is None:
            raise FlowError(
                f"'{elided(value, LONGEST)}' is no list of names", text=line, span=where,
                remedy="write the names with commas and no blanks between them: "
                f"{option} load,clean",
            )  # fmt: skip
        self.named += named

    def add_override(
        self, value: str, where: Span, line: str, evaluate: Callable[[str, Span], Any]
    ) -> None:
        """Take a task with the expression of its result."""
        match = GIVEN.match(value)
        if match is None or match.end() == len(value):
            raise FlowError(
                f"'{elided(value, LONGEST)}' gives no task a result", text=line, span=where,
                remedy="write --override task=expression",
            )  # fmt: skip
        name, start = normalize("NFKC", match[1]), match.end()
        if name in self.overrides:
            raise FlowError(f"the result of '{name}' is given twice", text=line, span=where)
        behind = Span(1, where.column + start, max(1, len(value) - start))
        self.overrides[name] = evaluate(value[start:], behind)
        self.named.append(Named("--override", name, Span(1, where.column, len(match[1]))))

    def choose(self) -> Choose | None:
        """Return what says which tasks of a flow run; None if all do."""
        return self._extent if self.named else None

    def _extent(self, flow: Flow) -> Extent:
        return extent_of(flow, self.targets, given_results(flow, self.overrides))

    def check(self, flow: Flow, line: str) -> None:
        """Raise if a name is none of the flow's, with carets under it in the line."""
        for option, name, place in self.named:
            try:
                tasks_called(flow, name, option)
            except FlowError as error:
                error.text, error.span = line, place
                if name in flow.inputs:
                    error.remedy = f"write --input {name}=…"
                raise
        extent = self._extent(flow)
        for option, name, place in self.named:
            if option == "--rerun":
                try:
                    tasks_to_rerun(flow, extent, name, option)
                except FlowError as error:
                    error.text, error.span = line, place
                    raise


def names_of(option: str, value: str, where: Span) -> list[Named] | None:
    """Return the names in the value of an option, or None if it is no list of names.

    Examples
    --------
    >>> [(name, place.column) for _, name, place in names_of("--targets", "a,b", Span(1, 8, 3))]
    [('a', 8), ('b', 10)]
    >>> names_of("--targets", "a+b", Span(1, 8, 3)) is None
    True
    """
    if not LIST_OF_NAMES.fullmatch(value):
        return None
    return [
        Named(option, match[0], Span(1, where.column + match.start(), len(match[0])))
        for match in _NAME.finditer(value)
    ]
