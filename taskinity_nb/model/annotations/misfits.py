"""Which results of a plan go to parameters that they cannot fit, and what is said of them.

A plan of many tasks has mostly few functions: each is read once, each two are compared once, and a
plan in which nobody says what he gives or takes is left at once.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from ...errors import FlowError, FlowWarning
from ...strangers import is_interrupt
from ..flow import Edge
from ..forms.edges import WAITS
from .fit import cannot_fit, has_no_items
from .hints import NOTHING_SAID, Annotations, read, shown
from .kinds import handed

__all__ = ["Misfit", "misfits", "remarks", "said_once", "warn_of_misfits"]

Plan = Any
"""A `Plan`, which is above this module: its text shows what is found here."""

Origin = Any

OURS = (__name__.partition(".")[0], "IPython")
"""Packages whose frames are not where a user would look for what he has written."""


class Misfit(NamedTuple):
    """A result that cannot be what the parameter's annotation says.

    Attributes
    ----------
    edge : Edge
        The arrow that brings it.
    parameter : str
        The parameter that gets it.
    gives, takes : str
        What the two annotations say.
    is_item : bool
        Whether the parameter gets the items, one by one.
    has_items : bool
        Whether there are any.
    fits_other_way : bool
        Whether it would fit without ``map``, or with it.
    """

    edge: Edge
    parameter: str
    gives: str
    takes: str
    is_item: bool = False
    has_items: bool = True
    fits_other_way: bool = False

    def __str__(self) -> str:
        source, target, key = self.edge.source, self.edge.target, self.edge.key
        of = "" if key is None else f" under {key!r}"
        said = f"'{source}' gives {self.gives}{of}"
        if not self.has_items:
            return f"{said}, over which '{target}' cannot be mapped"
        return (
            f"{said}, and the parameter '{self.parameter}' of '{target}' takes {self.takes}"
            f"{' for each item of it' if self.is_item else ''}"
        )

    @property
    def remedy(self) -> str:
        """What to do about it."""
        source, target, kind, key = self.edge[:4]
        start = source if key is None else f"{source}.{key}"
        if self.fits_other_way and kind == "map":
            return f"write '{start} -> {target}' if '{target}' should get all of it"
        if self.fits_other_way and kind == "result":
            return f"write '{start} -> map {target}' if '{target}' should run for each item"
        if self.gives == "None":
            return (
                f"let '{source}' return something and say what, or write "
                f"'{source} -.-> {target}' if '{target}' should only wait"
            )
        return "change the annotation that is not true, or the function"


def misfits(plan: Plan) -> list[Misfit]:
    """Return the results that cannot fit, in the order of the tasks that take them.

    Examples
    --------
    >>> from taskinity_nb.model.binding import resolve
    >>> from taskinity_nb.model.flow import Flow
    >>> def load() -> str: ...
    >>> def total(xs: list[int]): ...
    >>> plan = resolve(Flow("F", [("load", "total")]), None, {"load": load, "total": total})
    >>> print(*misfits(plan))
    'load' gives str, and the parameter 'xs' of 'total' takes list[int]
    """
    said: dict[int, Annotations] = {}
    for binding in {id(each): each for each in plan.bindings}.values():
        annotations = read(binding.task.function)
        if annotations is not NOTHING_SAID:
            said[id(binding)] = annotations
    if not any(each.returns is not Any for each in said.values()):
        return []
    if not any(each.takes for each in said.values()):
        return []
    return list(_Search(plan, said).found())


class _Search:
    """Goes through the tasks of a plan; what two functions say is compared once."""

    def __init__(self, plan: Plan, said: dict[int, Annotations]) -> None:
        self.plan = plan
        self.said = said
        self.mapped = plan.maps.keys()
        self.known: dict[tuple[Any, ...], Misfit | None] = {}

    def found(self) -> Iterator[Misfit]:
        plan, said = self.plan, self.said
        takes = {key for key, each in said.items() if each.takes}
        gives = {key for key, each in said.items() if each.returns is not Any}
        owners = [id(binding) for binding in plan.bindings]
        for index, owner in enumerate(owners):
            if owner not in takes:
                continue
            for parameter, slot, origin in self._arguments(index):
                if slot >= len(owners) or owners[slot] not in gives:
                    continue
                is_mapped = slot in self.mapped
                kind, key = ("result", None) if origin is None else (origin.kind, origin.key)
                pair = (owner, owners[slot], parameter, kind, key, is_mapped)
                if pair not in self.known:
                    self.known[pair] = self._compared(index, slot, parameter, origin)
                misfit = self.known[pair]
                if misfit is not None:
                    yield misfit._replace(edge=self._edge(index, slot, origin))

    def _arguments(self, index: int) -> Iterator[tuple[str, int, Origin | None]]:
        """Yield parameters, the slots that fill them, and their origins if they are not plain.

        A call that nobody has asked for yet is not made for this.
        """
        plan = self.plan
        slots, call = plan.slots[index], plan.calls.known.get(index)
        if call is None and slots is not None:
            signature = plan.bindings[index].signature
            star = f"*{signature.star}"
            names = [star] * len(slots) if signature.star else signature.ordered
            for name, slot in zip(names, slots, strict=False):
                yield name, slot, None
            return
        call = plan.calls[index]
        for name, origin in (*call.positional, *call.keywords):
            yield name, origin.slot, origin

    def _edge(self, index: int, slot: int, origin: Origin | None) -> Edge:
        tasks, key = self.plan.flow.tasks, None if origin is None else origin.key
        edges = [
            edge
            for edge in self.plan.flow.upstream[tasks[index]]
            if edge.source == tasks[slot] and edge.kind not in WAITS
        ]
        exact = (edge for edge in edges if edge.key == key)
        return next(exact, edges[0] if edges else Edge(tasks[slot], tasks[index]))

    def _compared(
        self, index: int, slot: int, parameter: str, origin: Origin | None
    ) -> Misfit | None:
        """Compare two annotations."""
        bindings = self.plan.bindings
        of = self.said[id(bindings[slot])].returns
        takes = self.said[id(bindings[index])].parameter(parameter, bindings[index].signature)
        kind, key = ("result", None) if origin is None else (origin.kind, origin.key)
        is_item, is_mapped = kind == "item", slot in self.mapped

        def ask(question: Callable[..., bool], kind: str, *more: Any) -> bool:
            return _is_sure(lambda: question(handed(of, kind, key, is_mapped), *more))

        has_items = not is_item or takes is Any or not ask(has_no_items, "result")
        if has_items and not ask(cannot_fit, kind, takes):
            return None
        other = "result" if is_item else "item"
        return Misfit(
            self._edge(index, slot, origin),
            parameter,
            shown(handed(of, "result" if is_item else kind, key, is_mapped)),
            shown(takes),
            is_item,
            has_items,
            ask(lambda hint: hint is not Any and not cannot_fit(hint, takes), other),
        )


def _is_sure(question: Callable[[], bool]) -> bool:
    """Tell whether the answer is yes; whatever classes of the user's raise, it is not."""
    try:
        return question()
    except BaseException as error:
        if is_interrupt(error):
            raise
        return False


# What is said of them.


def remarks(plan: Plan) -> dict[str, list[str]]:
    """Return what the explanation of a plan says of the tasks that get what cannot fit."""
    said: dict[str, list[str]] = {}
    for misfit in misfits(plan):
        said.setdefault(misfit.edge.target, []).append(f"    (does not fit: {misfit})")
    return said


_said: ContextVar[set[str] | None] = ContextVar("said", default=None)


@contextmanager
def said_once() -> Iterator[None]:
    """Have the runs that are started within warn of the same thing only once."""
    token = _said.set(set())
    try:
        yield
    finally:
        _said.reset(token)


def warn_of_misfits(plan: Plan) -> None:
    """Warn of each two functions that do not fit, at the place of the first arrow between them."""
    groups: dict[tuple[Any, ...], list[Misfit]] = {}
    for misfit in misfits(plan):
        functions = map(plan.flow.function_of, misfit.edge[:2])
        groups.setdefault((*functions, misfit.edge.key, *misfit[1:]), []).append(misfit)
    said = _said.get()
    for first, *more in groups.values():
        others = f" (and so for {len(more):,} more of these arrows)" if more else ""
        place = plan.flow.at(first.edge)
        text = str(FlowError(f"{first}{others}", remedy=first.remedy, **place))
        if said is None or text not in said:
            warnings.warn(FlowWarning(text), stacklevel=_level_of_user())
            if said is not None:
                said.add(text)


def _level_of_user() -> int:
    """Return how far up the frame is that called this package, as `warnings.warn` counts."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in OURS:
            break
        frame, level = frame.f_back, level + 1
    return level
