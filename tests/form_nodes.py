"""Tasks of random flows in which all forms stand, for any process."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nodes import digest

from taskinity_nb import skip

__all__ = ["Taker", "Undecided"]


class Undecided:
    """What cannot be asked for its truth."""

    def __bool__(self) -> bool:
        raise ValueError("neither true nor false")

    def __repr__(self) -> str:
        return "Undecided()"


@dataclass(frozen=True)
class Taker:
    """A task that takes what it is given; its end follows from that.

    Attributes
    ----------
    name : str
        Name of the task.
    gives : str
        What it returns: ``number``, ``list``, ``once``, ``pair``, ``mapping``, ``truth``, ``word``
        or ``undecided``.
    shape : str
        How it takes its arguments: ``star``, ``names``, or ``plain`` (`required` parameters and
        `optional` ones, which have a default).
    required, optional : int
        How many parameters it has, if its shape is plain.
    fails, skips : bool
        Whether it fails, or skips itself.
    odd : int
        About one call in so many fails, and one skips; 0 for none.
    flaky : bool
        Whether the first attempt with the same arguments fails.
    folder : str
        Where attempts are counted.
    """

    name: str
    gives: str = "number"
    shape: str = "star"
    required: int = 0
    optional: int = 0
    fails: bool = False
    skips: bool = False
    odd: int = 0
    flaky: bool = False
    folder: str = ""

    @property
    def __signature__(self) -> inspect.Signature:
        kinds = inspect.Parameter
        if self.shape == "star":
            return inspect.Signature([kinds("args", kinds.VAR_POSITIONAL)])
        if self.shape == "names":
            return inspect.Signature([kinds("kwargs", kinds.VAR_KEYWORD)])
        both = kinds.POSITIONAL_OR_KEYWORD
        return inspect.Signature(
            [kinds(f"r{i}", both) for i in range(self.required)]
            + [kinds(f"o{i}", both, default=f"no o{i}") for i in range(self.optional)]
        )

    def taken(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Return what stands for the arguments of a call."""
        if self.shape != "plain":
            return args, sorted(kwargs.items())
        bound = self.__signature__.bind(*args, **kwargs)
        bound.apply_defaults()
        return tuple(bound.arguments.values()), []

    def fate(self, taken: tuple[Any, ...]) -> str:
        """Return how a call ends."""
        if self.fails:
            return "fails"
        if self.skips:
            return "skips"
        if self.odd:
            return {0: "fails", 1: "skips"}.get(digest(self.name, taken) % (2 * self.odd), "")
        return ""

    def value(self, taken: tuple[Any, ...]) -> Any:
        """Return what a call returns."""
        number = digest(self.name, taken)
        if self.gives in ("list", "once"):
            return [digest(number, place) for place in range(number % 4)]
        if self.gives == "pair":
            return number, [number % 3, number % 5]
        if self.gives == "mapping":
            return {"a": number, "b": [number % 2, number % 7, number % 11]}
        if self.gives == "truth":
            return number % 2 == 0
        if self.gives == "word":
            return ["big", "small", "odd"][number % 3]
        if self.gives == "undecided":
            return Undecided() if number % 3 == 0 else number % 3 - 1
        return number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        taken = self.taken(args, kwargs)
        if self.flaky and self._attempt(taken) == 1:
            raise KeyError(self.name)
        fate = self.fate(taken)
        if fate == "fails":
            raise ValueError(f"{self.name}: {digest(taken)}")
        if fate == "skips":
            skip(self.name)
        value = self.value(taken)
        return _one_by_one(value) if self.gives == "once" else value

    def _attempt(self, taken: tuple[Any, ...]) -> int:
        with open(os.path.join(self.folder, f"{self.name}-{digest(taken)}"), "ab") as file:
            file.write(b".")
            file.flush()
            return file.tell()


def _one_by_one(items: list[Any]) -> Iterator[Any]:
    yield from items
