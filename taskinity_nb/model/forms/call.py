"""How one task is called, and which results go to parameters that have defaults."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from inspect import Parameter
from typing import Any, NamedTuple

from ...errors import BindingError, listed, suggestion
from ...formatting import counted
from ..flow import Flow
from ..refs import MISSING, is_ref
from ..signature import Signature
from ..task import Task
from .origin import Origin

__all__ = ["Call", "edge_to_add", "fill_first", "fill_with_what_there_is"]


class Call(NamedTuple):
    """How one task is called.

    Attributes
    ----------
    name : str
        Name of the task in the flow.
    task : Task
        Its function and options.
    signature : Signature
        What its function takes.
    positional : tuple of (str, Origin)
        Parameters that are passed by position.
    keywords : tuple of (str, Origin)
        Parameters that are passed by name.
    late : tuple of str
        Parameters that are filled from the keys of `mappings`, once these are known (rule 4).
    optional : tuple of str
        Likewise, but they have a default.
    mappings : tuple of Origin
        Results whose keys fill `late` and `optional`.
    """

    name: str
    task: Task
    signature: Signature
    positional: tuple[tuple[str, Origin], ...] = ()
    keywords: tuple[tuple[str, Origin], ...] = ()
    late: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    mappings: tuple[Origin, ...] = ()

    @property
    def is_simple(self) -> bool:
        """Whether the arguments are just the values of some slots."""
        if self.keywords or self.mappings:
            return False
        return not any(
            origin.key is not None or origin.is_of_item or origin.is_optional
            for _, origin in self.positional
        )

    def present(self, values: Sequence[Any], item: Any = None) -> Call:
        """Return the call without what it may take, and which is not there."""
        return self._replace(
            positional=tuple([o for o in self.positional if _is_there(o[1], values, item)]),
            keywords=tuple([o for o in self.keywords if _is_there(o[1], values, item)]),
        )

    def from_keys(self, values: Sequence[Any], flow: Flow, item: Any = None) -> dict[str, Any]:
        """Return the arguments that come from the keys of results (rule 4).

        Raises
        ------
        BindingError
            If a result is no mapping, two of them hold a parameter's key, or none does.
        """
        found: dict[str, Any] = {}
        holders: dict[str, str] = {}
        results: list[Mapping[str, Any]] = []
        for origin in self.mappings:
            result = origin.value(values, item)
            if is_ref(result):
                result = result.fetch()
            if origin.is_of_item and isinstance(result, (tuple, list)):
                if len(self.mappings) == 1 and len(result) == len(self.late):
                    return dict(zip(self.late, result, strict=True))
                raise self._no_spread(origin, result, flow)
            if not isinstance(result, Mapping):
                raise self._no_mapping(origin, result, flow)
            results.append(result)
            for key in (*self.late, *self.optional):
                if key in result:
                    if key in holders:
                        raise self._error(
                            flow,
                            f"finds '{key}' in two results, "
                            f"that of '{holders[key]}' and that of '{origin.name}'",
                            "rename one of the keys, or name the parameter after a task",
                        )
                    holders[key] = origin.name
                    found[key] = result[key]
        for key in self.late:
            if key not in found:
                held = [str(key) for result in results for key in result]
                raise self._error(
                    flow,
                    f"has no value for '{key}'; the result of {self._sources} has "
                    f"the keys {listed(held)}",
                    edge_to_add(flow, self.name, key)
                    or suggestion(key, held)
                    or f"let a task in front of it return a dict with the key '{key}', "
                    "or give the parameter a default",
                )
        return found

    @property
    def _sources(self) -> str:
        return " and ".join(f"'{origin.name}'" for origin in self.mappings)

    def _no_spread(self, origin: Origin, item: Sequence[Any], flow: Flow) -> BindingError:
        return self._error(
            flow,
            f"cannot take an item of '{origin.name}' for {_named(self.late, 'parameter')}: "
            f"it is a {type(item).__name__} with {counted(len(item), 'element')}",
            f"let each item be a tuple of {len(self.late)} values, or give the function as many "
            "parameters without a default as an item has elements",
        )

    def _no_mapping(self, origin: Origin, result: Any, flow: Flow) -> BindingError:
        edges = (edge_to_add(flow, self.name, parameter) for parameter in self.late)
        several = len(self.mappings) > 1
        return self._error(
            flow,
            f"cannot take the result{'s' if several else ''} of {self._sources} for "
            f"{_named(self.late, 'parameter')}: their number differs, so only the keys of a "
            f"mapping could do, and '{origin.name}' returned {type(result).__name__}",
            next(filter(None, edges), "")
            or self._parts_to_name(origin, result)
            or self._one_for_each(origin)
            + f"or let '{origin.name}' return a dict with the {_named(self.late, 'key')}",
        )

    def _one_for_each(self, origin: Origin) -> str:
        """Say how the function can take all results, as many as they are."""
        each = "give the function one parameter for each result, "
        if len(self.mappings) <= len(self.late):
            return each
        others = "them all" if len(self.late) == 1 else "the rest"
        return f"{each}write '*{self.late[-1]}' in it to take {others} as a tuple, "

    def _parts_to_name(self, origin: Origin, result: Any) -> str:
        """Say how the parts of a tuple go to the parameters, if there are as many."""
        if not isinstance(result, (tuple, list)) or origin.key is not None:
            return ""
        if len(self.mappings) > 1 or len(result) != len(self.late):
            return ""
        names = ", ".join(self.late)
        return (
            f"name the parts of the {type(result).__name__}: '{names} = {origin.name}', "
            f"and '[{names}] -> {self.name}'"
        )

    def _error(self, flow: Flow, what: str, remedy: str) -> BindingError:
        message = f"task '{self.name}': {self.signature.text(self.name)} {what}"
        return BindingError(message, remedy=remedy, **flow.at(self.name))


def _followers(flow: Flow, name: str) -> set[str]:
    return {task for task in flow.tasks if name in flow.ancestors(task)}


def _is_there(origin: Origin, values: Sequence[Any], item: Any) -> bool:
    if not origin.is_optional or origin.default is not None:
        return True
    return origin.value(values, item) is not MISSING


def _named(names: Sequence[str], what: str) -> str:
    return f"{what}{'s' if len(names) > 1 else ''} {listed(names)}"


def edge_to_add(flow: Flow, name: str, parameter: str) -> str:
    """Say how the task `name` can get the result that its parameter is named after, if it is.

    Examples
    --------
    >>> flow = Flow("Example", [("load", "clean"), ("clean", "report")])
    >>> edge_to_add(flow, "report", "load_result")
    "add the edge 'load -> report'"
    """
    names = (parameter, parameter.removesuffix("_result"))
    source = next((name for name in names if name in flow.upstream), None)
    part = flow.parts.get(parameter)
    if source is None and part is not None and part.task not in (name, *_followers(flow, name)):
        whole = f"'{parameter}' is a part of the result of '{part.task}'"
        return f"{whole}: add '{parameter} -> {name}'"
    if source is None:
        return ""
    if source == name:
        return f"'{name}' cannot receive its own result"
    if name in flow.ancestors(source):
        return f"'{source}' comes after '{name}', so it cannot give it a value"
    edge = f"{source} -> {name}"
    if any(e.source == source and e.kind == "wait" for e in flow.upstream[name]):
        return f"'{name}' only waits for '{source}': write '{edge}' instead of the dotted arrow"
    if source in flow.ancestors(name):
        return f"add the edge '{edge}'"
    return f"'{source}' is a task of the flow: add the edge '{edge}'"


def fill_with_what_there_is(
    signature: Signature, filled: dict[str, Origin], optionals: list[Origin]
) -> None:
    """Fill what has a default with what may not be there, in order."""
    if signature.star:
        return
    free = [name for name in _by_place(signature) if name not in filled]
    free = [name for name in free if name not in signature.required]
    if len(free) >= len(optionals):
        filled.update(zip(free, optionals, strict=False))
        optionals.clear()


def fill_first(
    signature: Signature,
    filled: dict[str, Origin],
    brought: Sequence[Origin],
    given: Collection[str],
) -> bool:
    """Fill the first parameters of a function all of which have defaults, as a call would.

    It is not done, and false is returned, if one of them takes an input by its name: then it is not
    plain what was meant. Those that the text has `given` something are passed over.
    """
    if signature.required or signature.star or signature.double_star:
        return False
    by_name = (name for name in filled if name not in given)
    inputs = {name for name in by_name if filled[name].kind in ("input", "inputs")}
    names = [name for name in _by_place(signature) if name not in filled or name in inputs]
    first = names[: len(brought)]
    if len(first) < len(brought) or not inputs.isdisjoint(first):
        return False
    filled.update(zip(first, brought, strict=True))
    return True


def _by_place(signature: Signature) -> list[str]:
    return [p.name for p in signature.named if p.kind is not Parameter.KEYWORD_ONLY]
