"""Writes down for a cluster how a task gets its arguments, without having the results it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....errors import BindingError, UnpicklableError
from ....model.forms.call import Call
from ....model.forms.origin import Origin
from ....model.plan import Plan
from ....model.refs import is_ref
from ...remote.cluster_task import ArgumentSpec
from ...remote.pickling.pickler import LARGE, PLAIN, size_of
from ...scheduling.maps.items import GatheredRef
from ...transport.codec import culprit
from .client import SlotRef
from .code_shipping import remote_module
from .refs import RemoteRef

__all__ = ["ArgumentSpecs", "Described", "binding_error", "stand_in"]

Described = tuple[str, bool, list[str]]
"""What is told of a value that lies on the cluster: its type, whether it is a mapping, and its keys
or attributes."""


class ArgumentSpecs:
    """The arguments of one task: where each comes from, and the futures of those that are there.

    Parameters
    ----------
    plan : Plan
        Whose task it is.
    future_of : callable
        Returns the future of a slot that was handed over and has not ended, or None.
    values : sequence
        The slots of the run.
    ship : callable
        Puts a large value on the cluster; returns its future.
    home : object
        The cluster: results that lie there already stay there.
    own : callable
        Returns what the task gets of an argument that is here (see `Encoder.own`).

    Attributes
    ----------
    futures : list
        What the task waits for; a place in an `ArgumentSpec` is one in this list.
    by_slot : dict of int to int
        The places of the results that it takes.
    """

    def __init__(
        self,
        plan: Plan,
        future_of: Callable[[int], Any],
        values: Sequence[Any],
        ship: Callable[[Any], Any],
        home: object,
        own: Callable[[Origin, Any], Any],
    ) -> None:
        self._plan = plan
        self._future_of = future_of
        self._values = values
        self._ship = ship
        self._home = home
        self._own = own
        self.futures: list[Any] = []
        self.by_slot: dict[int, int] = {}
        self._places: dict[int, int] = {}

    def of(
        self, task: int, item: Any = None
    ) -> tuple[int | tuple[ArgumentSpec, ...], tuple[tuple[str, ArgumentSpec], ...], Any]:
        """Return what a `TaskSpec` says of the arguments of a task, or of an item of a mapped one.

        Raises
        ------
        UnpicklableError
            If a value that is here cannot be sent; the parameter is named.
        """
        slots = self._plan.slots[task]
        if slots is not None:
            futures = [self._future(slot) for slot in slots]
            if None not in futures and len({id(future) for future in futures}) == len(slots):
                self.futures += futures
                self._places |= {id(future): place for place, future in enumerate(futures)}
                return len(futures), (), None
        call = self._plan.calls[task]
        if task in self._plan.gated:
            call = call.present(self._values, item)
        args = tuple(self._spec(call, name, origin, item) for name, origin in call.positional)
        kwargs = tuple((name, self._spec(call, name, one, item)) for name, one in call.keywords)
        keys = None
        if call.mappings:
            mappings = [self._spec(call, one.name, one, item) for one in call.mappings]
            keys = call.late, call.optional, tuple(mappings), call.mappings[0].is_of_item
        return args, kwargs, keys

    def wait_for(self, future: Any) -> int:
        """Have the task wait for a future too; return its place."""
        place = self._places.get(id(future))
        if place is None:
            place = self._places[id(future)] = len(self.futures)
            self.futures.append(future)
        return place

    def _future(self, slot: int) -> Any:
        """Return the future of a slot, or None if its value is here."""
        value = self._values[slot]
        if isinstance(value, RemoteRef) and value.home is self._home:
            return value.future
        return self._future_of(slot)

    def _spec(self, call: Call, name: str, origin: Origin, item: Any) -> ArgumentSpec:
        if origin.is_of_item:
            return self.given(call, name, origin, origin.value(self._values, item))
        future = self._future(origin.slot)
        if future is None or (origin.is_optional and origin.key is not None):
            value = self._own(origin, origin.value(self._values))
            return self.given(call, name, origin, value)
        place = self.by_slot[origin.slot] = self.wait_for(future)
        return ("result", place) if origin.key is None else ("key", place, origin.key)

    def given(self, call: Call, name: str, origin: Origin | None, value: Any) -> ArgumentSpec:
        """Return how a task gets a value: from where it lies, or sent along."""
        if isinstance(value, SlotRef):
            return "result", self.wait_for(self._future_of(value.slot))
        if isinstance(value, RemoteRef) and value.home is self._home:
            return value.spec(self.wait_for)
        if isinstance(value, GatheredRef):
            return "list", tuple(self.given(call, name, origin, part) for part in value.parts)
        try:
            if is_ref(value):
                value = value.fetch()
            if type(value) in PLAIN - {bytes, str} or size_of(value) < LARGE:
                return "value", remote_module("pickling.pickler").dumps(value)
            return "result", self.wait_for(self._ship(value))
        except UnpicklableError:
            raise
        except BaseException as error:  # reading and pickling run code of the user's
            raise culprit(call, [(name, origin, value)], error) from error


def binding_error(
    plan: Plan, task: int, values: list[Any], described: Mapping[int, Described]
) -> BaseException:
    """Return the error of a task that did not find a key, worded as anywhere else.

    `described` is what lies on the cluster, by slot.
    """
    stand_ins = list(values)
    try:
        for slot, one in described.items():
            stand_ins[slot] = stand_in(one)
        plan.arguments(task, stand_ins)
    except BaseException as error:  # what else is looked at may be the user's own
        return error
    return BindingError(f"task '{plan.flow.tasks[task]}': a result has lost a key on its way")


def stand_in(described: Described) -> Any:
    """Return something with the type's name, and the keys or attributes, of a value.

    Examples
    --------
    >>> stand_in(("Config", True, ["path", "limit"]))
    {'path': None, 'limit': None}
    """
    kind, is_mapping, names = described
    if is_mapping:
        return type(kind, (dict,), {})(dict.fromkeys(names))
    return type(kind, (list,) if kind == "list" else (), dict.fromkeys(names))()
