"""What is said of parameters, results and inputs that do not fit together.

Each error names the task, its signature and what was on offer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

from ...errors import BindingError, listed, suggestion
from ..flow import Flow
from ..signature import Signature
from .call import Call, edge_to_add
from .edges import WAITS, Edge
from .extent import WHOLE, Extent
from .literals import InputName
from .origin import Origin

__all__ = ["Misfits", "with_defaults"]

WHOLE_OR_DICT = (
    "an input that is no dict goes to each first task with one parameter without a default; "
    'write it as {{"{}": value}} to reach others'
)


class Takes(Protocol):
    """Knows which inputs tasks may take that do not run."""

    def may_take(self, key: str) -> bool: ...
    def may_take_whole(self) -> bool: ...


class Misfits:
    """Words the errors of one flow with its inputs."""

    def __init__(self, flow: Flow, inputs: Any) -> None:
        self.flow, self.inputs = flow, inputs
        self.keys: Mapping[str, Any] = inputs if isinstance(inputs, Mapping) else {}
        self.index = flow.structure.index

    def check_inputs_taken(
        self, calls: Sequence[Call], taken: Collection[str], is_whole_taken: bool, absent: Takes
    ) -> None:
        """Raise if an input of the flow went to no task, and is for none that does not run."""
        if self.inputs is None or is_whole_taken:
            return
        if not isinstance(self.inputs, Mapping):
            if absent.may_take_whole():
                return
            first = [call for call in calls if not self.flow.upstream[call.name]]
            texts = [call.signature.text(call.name) for call in first[:5]]
            raise _not_taken_input(
                "",
                f"no task takes the input, which is {type(self.inputs).__name__}; "
                f"the first tasks are {', '.join(texts)}{', …' * (len(first) > 5)}",
                WHOLE_OR_DICT.format("parameter"),
            )
        unused = [key for key in self.keys if key not in taken]
        unused = [key for key in unused if not absent.may_take(str(key))]
        if unused:
            plural = "s" if len(unused) > 1 else ""
            raise _not_taken_input(
                str(unused[0]),
                f"no task takes the input{plural} {listed(unused)}",
                self._why_unused(str(unused[0]), calls),
            )

    def _why_unused(self, key: str, calls: Sequence[Call]) -> str:
        addressed, dot, parameter = key.rpartition(".")
        for call in calls:
            origin = dict(call.positional + call.keywords).get(parameter)
            if origin is not None and (not dot or call.name == addressed):
                return (
                    f"task '{call.name}': {call.signature.text(call.name)} takes '{parameter}' "
                    f"from the {origin}; remove the input"
                )
        parameters = {(call.name, p.name) for call in calls for p in call.signature.named}
        names = {name for _, name in parameters}
        if not dot:
            known = listed(sorted(names))
            return suggestion(key, names) or f"the parameters of the tasks are: {known}"
        near = suggestion(key, [f"{name}.{parameter}" for name, parameter in parameters])
        if addressed not in self.index:
            return near or f"{listed([addressed])} is no task; the tasks are: {listed(self.index)}"
        text = calls[self.index[addressed]].signature.text(addressed)
        return near or f"task '{addressed}' is {text}"

    def missing(
        self, signature: Signature, name: str, parameter: str, left: list[Origin]
    ) -> BindingError:
        edges = self.flow.upstream[name]
        offered = [f"the result of '{edge.source}'" for edge in edges if edge.kind not in WAITS]
        offered += [f"the input {listed([key])}" for key in islice(self.keys, 10)]
        whole = self.inputs is not None and not isinstance(self.inputs, Mapping)
        if whole:
            offered.append(f"the input, which is {type(self.inputs).__name__}")
        message = (
            f"task '{name}': {signature.text(name)} has no value for '{parameter}'; "
            f"on offer: {', '.join(offered) or 'nothing'}"
        )
        others = [task for task in self.index if task != name]
        near = [key for key in map(str, self.keys) if "." not in key or key.startswith(f"{name}.")]
        remedy = edge_to_add(self.flow, name, parameter) or suggestion(parameter, [*others, *near])
        if not remedy and whole and not edges:
            remedy = WHOLE_OR_DICT.format(parameter)
        elif not remedy and left and parameter in signature.positional_only:
            remedy = (
                "parameters in front of '/' cannot be filled from the keys of a result; "
                "give the task as many results as it has parameters"
            )
        elif not remedy:
            remedy = (
                f"give the flow an input '{parameter}', add an edge from a task that returns "
                f"it, or give the parameter a default"
            )
        return BindingError(message, remedy=remedy, **self.flow.at(name))

    def not_taken(self, signature: Signature, name: str, left: list[Origin]) -> BindingError:
        first = left[0].name
        edge = next(
            e for e in self.flow.incoming[name] if e.kind not in WAITS and e.source == first
        )
        plural = "s" if len(left) > 1 else ""
        return BindingError(
            f"task '{name}': {signature.text(name)} does not take the result{plural} of "
            f"{listed([origin.name for origin in left])}",
            remedy=f"use '{Edge(first, name, 'wait')}' if '{name}' should only wait, "
            f"or give the function a parameter '{first}'",
            **self.flow.at(edge),
        )

    def check_optional(
        self,
        signature: Signature,
        name: str,
        filled: Mapping[str, Origin],
        missing: tuple[str, ...],
        optionals: list[Origin],
    ) -> None:
        """Raise if what may not be there is needed: where it is not, the default stays."""
        required = [p for p in signature.required if p in filled and filled[p].is_optional]
        parameter = required[0] if required else missing[0] if missing and optionals else None
        if parameter is None:
            return
        origin = filled.get(parameter) or optionals[0]
        several = len(required) + len(optionals) > 1
        raise BindingError(
            f"task '{name}': {signature.text(name)} needs a value for '{parameter}', "
            f"and '{origin.name}?' may have none",
            remedy=f"give the parameter a default, '{parameter}=None'"
            + (", or take those that are there as '*results'" if several else ""),
            **self.flow.at(name),
        )

    def two_for_one(
        self, signature: Signature, name: str, parameter: str, left: list[Origin]
    ) -> BindingError:
        named = listed([origin.label or origin.name for origin in left])
        return BindingError(
            f"task '{name}': {signature.text(name)} has one parameter, '{parameter}', "
            f"for the results of {named}",
            remedy=f"write '*{parameter}' to take them all, as a tuple, or give the function a "
            "parameter for each",
            **self.flow.at(name),
        )


def with_defaults(flow: Flow, inputs: Any, extent: Extent = WHOLE) -> Mapping[str, Any]:
    """Return the values of a flow's inputs by name: those that were given, or else the defaults.

    Where not all tasks run, an input that is written at none that does may have no value. A value
    that is no mapping is that of the only input, or of the only one without a default.
    """
    if inputs is not None and not isinstance(inputs, Mapping):
        needed = [name for name, default in flow.inputs.items() if default is None]
        names = needed if len(needed) == 1 else list(flow.inputs)
        if len(names) > 1:
            raise _not_taken_input(
                "",
                f"the flow has the inputs {listed(names)}, and got {type(inputs).__name__}",
                f"give them by name: {{'{names[0]}': value, …}}",
            )
        inputs = {names[0]: inputs}
    given = dict(inputs or {})
    for name, default in flow.inputs.items():
        if name not in given:
            if default is None and extent is not WHOLE and not _is_written(flow, name, extent):
                continue
            if default is None:
                near = suggestion(name, [str(key) for key in given if key not in flow.inputs])
                error = BindingError(
                    f"the flow's input '{name}' has no value",
                    remedy=(f"{near} " if near else "")
                    + f"give it to the run, {{'{name}': value}}, or a default in the text: "
                    f"'input {name} = …'",
                    **flow.at(name),
                )
                raise error
            given[name] = default.value
    return given


def _is_written(flow: Flow, name: str, extent: Extent) -> bool:
    """Tell whether the text gives an input to a task that runs."""
    if any(edge.source == name and extent.runs(edge.target) for edge in flow.edges):
        return True
    return any(
        extent.runs(task) and any(type(v) is InputName and v.name == name for v in values.values())
        for task, values in flow.constants.items()
    )


def _not_taken_input(name: str, message: str, remedy: str) -> BindingError:
    error = BindingError(message, remedy=remedy)
    error.input = name
    return error
