"""Where an argument comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from ...errors import BindingError, listed, suggestion
from ...formatting import counted
from ...values import Key, kind_of, picked
from ..refs import MISSING, is_missing, is_ref

__all__ = ["Origin"]


class Origin(NamedTuple):
    """Where an argument comes from: the slot of its value, and what is picked of it.

    Attributes
    ----------
    slot : int
        Where the value is.
    kind : str
        What it is: ``"item"`` of a mapped task, whose items are those of the value (or of what is
        picked of it); ``"each"``, for which it is the result of another mapped task for the same
        item.
    name : str
        What the task or the input is called.
    key : str, int or tuple, optional
        What is picked, as `values.picked` understands it.
    label : str
        What the part is called for which `key` stands.
    place : int, optional
        Where a task takes several items side by side: which of them.
    is_optional : bool
        Whether nothing may be there.
    default : int, optional
        The slot of what the argument is then; without it, there is no argument.
    within : str
        The flow in the flow whose result it is, if `key` is also the name of a task in that.
    """

    slot: int
    kind: Literal["result", "item", "each", "input", "inputs", "default", "constant"]
    name: str
    key: Key | None = None
    label: str = ""
    place: int | None = None
    is_optional: bool = False
    default: int | None = None
    within: str = ""

    @property
    def is_of_item(self) -> bool:
        """Whether it differs from item to item."""
        return self.kind in ("item", "each")

    def value(self, values: Sequence[Any], item: Any = None) -> Any:
        """Return the argument: the item, the value of the slot, or a key or attribute of it.

        It is `MISSING` where nothing is there and may be so.
        """
        if not self.is_of_item:
            found = self.whole(values)
        else:
            found = item if self.place is None else item[self.place]
            if self.kind == "each":
                found = self._picked(found)
        return values[self.default] if self.default is not None and found is MISSING else found

    def whole(self, values: Sequence[Any]) -> Any:
        """Return the value of the slot, or a key or attribute of it; of an item, all items."""
        return self._picked(values[self.slot])

    def _picked(self, whole: Any) -> Any:
        if self.key is None or is_missing(whole):
            return whole
        if is_ref(whole):
            whole = whole.fetch()
        found = picked(whole, self.key, MISSING)
        if found is not MISSING or self.is_optional:
            return found
        raise self._nothing_there(whole)

    def _nothing_there(self, whole: Any) -> BindingError:
        kind = kind_of(whole)
        what = "input" if self.kind == "input" else "result of"
        if isinstance(self.key, tuple):
            names = [name for name in self.key[1] if name != "_"]
            came = kind
            if hasattr(whole, "__len__"):
                came += f" with {counted(len(whole), 'element')}"
            if isinstance(whole, Mapping):
                came = f"{kind} with the keys {listed([str(key) for key in whole])}"
            return BindingError(
                f"the {what} '{self.name}' has no parts {listed(names)}: it is {came}",
                remedy=f"let '{self.name}' return {len(self.key[1])} values, "
                f"or a dict with the keys {listed(names)}",
            )
        if isinstance(self.key, int):
            length = f", which has {counted(len(whole), 'element')}" if _sized(whole) else ""
            return BindingError(
                f"the {what} '{self.name}', {kind}{length}, has no element {self.key}",
                remedy="positions count from 0",
            )
        word = "key" if isinstance(whole, Mapping) else "attribute"
        return BindingError(
            f"the {what} '{self.name}', {kind}, has no {word} '{self.key}'",
            remedy=self._what_to_pick(whole, str(self.key)),
        )

    def _what_to_pick(self, whole: Any, key: str) -> str:
        """Say what to write in place of a key that a value has not."""
        if self.within:
            task = f"{self.within}.{key}"
            if task == self.name:
                return (
                    f"the result of the flow '{self.within}' is that of '{key}' already: "
                    f"write '{self.within} -> next_task'"
                )
            or_return = f", or let '{self.name}' return a dict with the key '{key}'"
            return (
                f"'{key}' is a task in the flow '{self.within}', which gives the result of its "
                f"last tasks: write '{key} -> next_task' in that flow"
                + or_return
                * (self.name != self.within)
            )
        if type(whole) in (tuple, list) and whole:
            place = f"'{self.name}.0' for the first element"
            names = ", ".join(["a", "b", "c"][: len(whole)])
            several = f", or name the parts: '{names} = {self.name}'" * (1 < len(whole) < 4)
            return f"write {place}{several}"
        is_mapping = isinstance(whole, Mapping)
        known = [str(k) for k in whole] if is_mapping else [
            name for name in dir(whole) if not name.startswith("_")
        ]  # fmt: skip
        if near := suggestion(key, known):
            return near
        name = "…" if "." in self.name else self.name  # of a flow in the flow
        missing = f"; write '{name}.{key}?' where it may be missing" * is_mapping
        return f"it has {listed(known)}{missing}"

    def __str__(self) -> str:
        there = ", if there is one" if self.is_optional else ""
        if self.is_of_item:
            what = str(self._replace(kind="result", is_optional=False))
            return (
                f"{'each item of' if self.kind == 'item' else 'for the same item,'} {what}{there}"
            )
        if self.kind == "inputs":
            return "the flow's inputs"
        if self.kind in ("default", "constant"):
            return "its default" if self.kind == "default" else f"the constant {self.name}"
        whole = f"input {self.name!r}" if self.kind == "input" else f"result of {self.name}"
        if self.key is None:
            return f"{whole}{there}"
        if isinstance(self.key, tuple):
            return f"part '{self.label}' of the {whole}{there}"
        what = f"element {self.key}" if isinstance(self.key, int) else f"'{self.key}'"
        return f"{what} of the {whole}{there}"


def _sized(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or hasattr(value, "shape")
