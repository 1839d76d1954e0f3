"""What is said of parameters, results and inputs that do not fit together.

Each error names the task, its signature and what was on offer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

from ...errors import BindingError, listed, suggestion
from ..extents.extent import WHOLE, Extent
from ..flow import Flow
from ..signature import Signature
from .call import Call, edge_to_add
from .edges import MAPPED, WAITS, Edge
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
        declared = [key for key in unused if key in self.flow.inputs]
        if declared:
            raise self._unused_declared(declared[0], calls)
        if unused:
            plural = "s" if len(unused) > 1 else ""
            raise _not_taken_input(
                str(unused[0]),
                f"no task takes the input{plural} {listed(unused)}",
                self._why_unused(str(unused[0]), calls),
            )

    def _unused_declared(self, name: str, calls: Sequence[Call]) -> BindingError:
        parameters = {p.name for call in calls for p in call.signature.named}
        near = suggestion(name, parameters)
        group, _, word = name.rpartition(".")
        first = (c.name.removeprefix(f"{group}.") for c in calls if c.name.startswith(f"{group}."))
        task = next(first, "task") if group else calls[0].name if calls else "task"
        return BindingError(
            f"no task takes '{name}', which is an input of the flow",
            remedy=(f"{near} " if near else "") + f"write where it goes, '{word} -> {task}' or "
            f"'{task}(parameter={word})', or remove it from this line",
            **self.flow.at(name),
        )

    def _why_unused(self, key: str, calls: Sequence[Call]) -> str:
        addressed, dot, parameter = key.rpartition(".")
        for call in calls:
            origin = dict(call.positional + call.keywords).get(parameter)
            if origin is not None and (not dot or call.name == addressed):
                where = f"{'' if origin.kind == 'constant' else 'the '}{origin}"
                return (
                    f"task '{call.name}': {call.signature.text(call.name)} takes '{parameter}' "
                    f"from {where}; remove the input"
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
        offered = [self._offered(edge) for edge in edges if edge.kind not in WAITS]
        offered += [f"the input {listed([key])}" for key in islice(self.keys, 10)]
        whole = self.inputs is not None and not isinstance(self.inputs, Mapping)
        if whole:
            offered.append(f"the input, which is {type(self.inputs).__name__}")
        message = (
            f"task '{name}': {signature.text(name)} has no value for '{parameter}'; "
            f"on offer: {', '.join(offered) or 'nothing'}"
        )
        others = [task for task in (*self.index, *self.flow.parts) if task != name]
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

    def _offered(self, edge: Edge) -> str:
        whole = self._whole(edge)
        return f"each item of {whole}" if edge.kind in MAPPED else whole

    def _whole(self, edge: Edge) -> str:
        part = self.flow.parts.get(edge.key) if isinstance(edge.key, str) else None
        if part is not None and part.task == edge.source:
            return f"'{edge.key}', a part of the result of '{edge.source}'"
        if edge.key is not None:
            return f"'{edge.source}.{edge.key}'"
        return f"the result of '{edge.source}'"

    def not_taken(self, signature: Signature, name: str, left: list[Origin]) -> BindingError:
        edges = [e for e in self.flow.incoming[name] if e.kind not in WAITS]
        labels = [origin.label or origin.name for origin in left]
        first = left[0].name
        edge = next(
            (e for e in edges if e.source == first and (not left[0].label or e.key == labels[0])),
            next(e for e in edges if e.source == first),
        )
        plural = "s" if len(left) > 1 else ""
        of_inputs = all(origin.kind == "input" for origin in left)
        what = f"the input{plural}" if of_inputs else f"the result{plural} of"
        if left[0].label and not of_inputs:
            what = f"{'parts' if plural else 'this part'} of a result:"
        constants = self.flow.constants.get(name, {})
        taken = next((p for p in constants if p in signature.names), None)
        if taken is not None and len(constants) >= len(signature.required):
            remedy = (
                f"the constant {taken}={constants[taken]} fills '{taken}': remove one of the two, "
                "the arrow or the constant"
            )
        elif len(left) > 1 and len(signature.parameters) == 1:
            parameter = next((p.name for p in signature.named), "results")
            remedy = f"write '*{parameter}' to take them all, as a tuple"
        elif of_inputs or left[0].label:
            remedy = f"give the function a parameter '{labels[0]}', or remove the arrow"
        else:
            remedy = (
                f"use '{Edge(first, name, 'wait')}' if '{name}' should only wait, "
                f"or give the function a parameter '{first}'"
            )
            if len(left) == 1 and (parameter := self._free(signature, name)):
                remedy += f";\nto give it to '{parameter}', call it so: '{first} as {parameter}'"
        return BindingError(
            f"task '{name}': {signature.text(name)} does not take {what} {listed(labels)}",
            remedy=remedy,
            **self.flow.at(edge),
        )

    def _free(self, signature: Signature, name: str) -> str:
        """Return the first parameter with a default that the text does not give a constant."""
        given = self.flow.constants.get(name, {})
        names = (n for n in signature.names if n not in {*signature.required, *given, *self.keys})
        return next((n for n in names if n not in self.index and n not in self.flow.inputs), "")

    def no_parameter(self, signature: Signature, name: str, parameter: str) -> BindingError:
        """Explain a constant for what the function does not take."""
        known = f"its parameters are {listed(list(signature.names))}"
        if not signature.names:
            known = "it has no parameters by name; remove the constant"
        return BindingError(
            f"task '{name}': {signature.text(name)} has no parameter '{parameter}'",
            remedy=suggestion(parameter, signature.names) or known,
            **self.flow.at((name, parameter)),
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

    def no_value(self, name: str, parameter: str, value: str) -> BindingError:
        return BindingError(
            f"task '{name}': its parameter '{parameter}' is the input '{value}', "
            "which has no value",
            remedy=suggestion(value, map(str, self.keys))
            or f"give it to the run, {{'{value}': value}}, or a default in the text: "
            f"'input {value} = …'",
            **self.flow.at((name, parameter)),
        )

    def two_for_one(
        self, signature: Signature, name: str, parameter: str, left: list[Origin]
    ) -> BindingError:
        named = listed([origin.label or origin.name for origin in left])
        of_inputs = all(origin.kind == "input" for origin in left)
        what = "inputs" if of_inputs else "parts" if left[0].label else "results of"
        return BindingError(
            f"task '{name}': {signature.text(name)} has one parameter, '{parameter}', "
            f"for the {what} {named}",
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
            outer = name.rpartition(".")[2]
            if flow.is_lifted(name) and outer in given:  # of a flow in the flow
                given[name] = given[outer]
                continue
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
