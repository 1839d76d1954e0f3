"""The items of mapped tasks: what they are, and how those of several come side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ....errors import BindingError
from ....model.refs import MISSING, ResultRef, is_ref
from ....values import is_frame

__all__ = ["GatheredRef", "Partial", "Side", "items_of"]


def items_of(result: Any, source: str, task: str) -> list[Any]:
    """Return the items of a result that a task is mapped over; of a mapping, its pairs.

    Raises
    ------
    BindingError
        If it has no items, or is a text.

    Examples
    --------
    >>> items_of({"a": 1, "b": 2}, "load", "work")
    [('a', 1), ('b', 2)]
    """
    if isinstance(result, Mapping):
        return list(result.items())
    if is_frame(result):
        rows = "df.itertuples()" if hasattr(result, "itertuples") else "df.iter_rows(named=True)"
        raise BindingError(
            f"task '{task}' is mapped over the result of '{source}', a {type(result).__name__}, "
            "whose items are its columns",
            remedy=f"let '{source}' return the rows, {rows}, or list(df.columns)",
        )
    if isinstance(result, (str, bytes)) or not isinstance(result, Iterable):
        is_text = isinstance(result, (str, bytes))
        what = "is one text, and no list" if is_text else "has no items"
        raise BindingError(
            f"task '{task}' is mapped over the result of '{source}', which {what}: "
            f"it is {type(result).__name__}",
            remedy=f"let '{source}' return a list, or write '{source} -> {task}' without 'map'",
        )
    return list(result)


class GatheredRef(ResultRef):
    """The results of items, some of which are not in this process."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts
        there = [part for part in parts if is_ref(part) and part.place]
        self.place = ", ".join(dict.fromkeys(part.place for part in there))
        self.nbytes = sum(part.nbytes or 0 for part in there) if there else None
        self._whole: list[Any] | None = None

    def fetch(self) -> list[Any]:
        if self._whole is None:
            self._whole = [p.fetch() if is_ref(p) else p for p in self.parts]
        return self._whole

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (self.parts,)  # a part travels as what it stands for


class Side:
    """Items that come side by side, some of them as the results of other mapped tasks.

    `lists` has for each edge that brings items those that are known, or None.
    """

    def __init__(self, lists: list[list[Any] | None]) -> None:
        self.lists = lists


class Partial(Sequence[Any]):
    """The slots of a run, as who takes what there is sees them."""

    def __init__(self, values: list[Any], partial: Mapping[int, list[Any]]) -> None:
        self._values, self._partial = values, partial

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, slot: Any) -> Any:
        value = self._values[slot]
        return self._partial.get(slot, value) if value is MISSING else value
