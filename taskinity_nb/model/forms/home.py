"""Where the functions of a flow are that was bound: a module, or functions as they were then.

A module is looked into when the flow runs, so that an edited one that was reloaded is what runs; it
is pickled by its name. A mapping is what it was when the flow was bound.
"""

from __future__ import annotations

import pickle
import sys
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any

from ...engine.remote.pickling.registered import REGISTERED
from ...errors import FlowError, UnpicklableError, described
from ...strangers import is_interrupt, type_name

__all__ = ["Homes", "ModuleHome", "Namespace", "Snapshot", "home", "read_homes", "saved_homes"]

Homes = Mapping[str, Mapping[str, Any]]
"""By the name of a task, where its function is."""

Namespace = Mapping[str, Any] | ModuleType | None
"""Where functions may be looked for; None stands for the notebook."""


class Snapshot(dict[str, Any]):
    """Functions by name, as they were when a flow was bound to them; they travel along with it.

    Examples
    --------
    >>> pickle.loads(pickle.dumps(Snapshot(twice=lambda x: 2 * x)))["twice"](4)
    8
    """

    def __reduce__(self) -> tuple[Any, ...]:
        import cloudpickle

        try:
            return _read, (cloudpickle.dumps(dict(self)),)
        except BaseException as error:  # it runs code of the user's
            if is_interrupt(error):
                raise
            raise UnpicklableError(
                f"the functions that a flow is bound to cannot be pickled: {described(error)}",
                remedy="bind it to a module: flow.bind(module)",
            ) from error


REGISTERED[Snapshot] = lambda known: (Snapshot, (dict(known),))


def _read(packed: bytes) -> Snapshot:
    return Snapshot(pickle.loads(packed))


class ModuleHome(Mapping[str, Any]):
    """What there is in a module, which is imported when somebody asks.

    Examples
    --------
    >>> ModuleHome("math")["floor"](2.5)
    2
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def names(self) -> Mapping[str, Any]:
        """The names in the module."""
        try:
            return vars(import_module(self.name))
        except BaseException as error:  # it runs code of the user's
            if is_interrupt(error):
                raise
            raise FlowError(
                f"the flow is bound to the module '{self.name}', which cannot be imported here: "
                f"{described(error)}",
                remedy="let it be found here, or bind the flow anew: flow.bind(module)",
            ) from error

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __reduce__(self) -> tuple[Any, ...]:
        return ModuleHome, (self.name,)


def home(namespace: Any, paths: Iterable[str]) -> Mapping[str, Any]:
    """Return where functions are looked for that are called by these paths.

    Raises
    ------
    FlowError
        If it is neither a module nor a mapping.

    Examples
    --------
    >>> import math
    >>> home(math, ["floor"]) is vars(math)
    True
    >>> list(home({"load": abs, "size": 3, "tool": math}, ["load", "tool.floor"]))
    ['load', 'tool']
    """
    if isinstance(namespace, ModuleType):
        return vars(namespace)
    if isinstance(namespace, Snapshot | ModuleHome):  # of another flow that was bound
        return namespace
    if not isinstance(namespace, Mapping):
        told = type_name(namespace)
        raise FlowError(
            f"a flow is bound to a mapping of names to functions or a module, not {told}"
        )
    if _module_of(namespace):
        return namespace
    wanted = {path.partition(".")[0] for path in paths}
    found = Snapshot()
    for place in reversed(namespace.maps if isinstance(namespace, ChainMap) else [namespace]):
        for name, value in list(place.items()):
            if callable(value) or (name in wanted and name not in found):
                found[name] = value
    return found


def _module_of(place: Mapping[str, Any]) -> str:
    """Return the name of the module whose names these are, if an import finds it."""
    name = place.get("__name__") if type(place) is dict else None
    module = sys.modules.get(name) if type(name) is str and name != "__main__" else None
    return str(name) if getattr(module, "__dict__", None) is place else ""


def saved_homes(flow: Any) -> list[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Return where the functions of a flow's tasks are, as it is pickled."""
    tasks: dict[int, list[str]] = {}
    places: dict[int, Mapping[str, Any]] = {}
    for task, place in flow.homes.items():
        tasks.setdefault(id(place), []).append(task)
        places[id(place)] = place
    return [(tuple(tasks[key]), _saved(place, flow)) for key, place in places.items()]


def _saved(place: Mapping[str, Any], flow: Any) -> Mapping[str, Any]:
    if isinstance(place, ModuleHome):
        return place
    if name := _module_of(place):
        return ModuleHome(name)
    found = Snapshot()
    flows, seen = [flow], set[int]()
    while flows:
        other = flows.pop()
        if id(other) in seen:
            continue
        seen.add(id(other))
        flows += other.flows.values()
        for path in map(other.function_of, other.tasks):
            root = path.partition(".")[0]
            if root in place:
                found[root] = place[root]
                flows += [found[root]] if isinstance(found[root], type(flow)) else []
    return found


def read_homes(saved: Iterable[tuple[tuple[str, ...], Mapping[str, Any]]]) -> Homes:
    """Return where the functions of a flow are that was pickled."""
    return MappingProxyType({task: place for tasks, place in saved for task in tasks})
