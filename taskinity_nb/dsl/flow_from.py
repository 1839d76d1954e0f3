"""A flow of functions alone: what a parameter is called says what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import Parameter
from keyword import iskeyword
from typing import Any

from ..errors import CycleError, FlowError, described
from ..model.binding import WHOLE_INPUTS
from ..model.flow import Flow
from ..model.forms.edges import Edge
from ..model.forms.literals import LONGEST, Constant, written
from ..model.lookup import not_looked_at
from ..model.signature import Signature, layers
from ..model.task import is_task
from ..strangers import is_interrupt, type_name

__all__ = ["flow_from", "tied"]

LAMBDA = "<lambda>"
WITH_DEF = "write it with 'def' and a name of its own"


def flow_from(*functions: Callable[..., Any], name: str = "flow") -> Flow:
    """Make a flow of functions, by the names of their parameters.

    A parameter that is named after another of the functions (``load``, or ``load_result``) takes
    its result. The others are the flow's inputs, with the literal that is their default, where all
    functions that have such a parameter agree about it; where they do not, each keeps its own.

    Parameters
    ----------
    *functions : callable
        Plain functions or tasks; each has a name of its own.
    name : str
        Name of the flow.

    Returns
    -------
    Flow
        It runs these very functions, wherever it is run from, and is changed by no later ``def``.

    Raises
    ------
    CycleError
        If a function would wait for itself.
    FlowError
        If a function has no name, or two have the same.
    TypeError
        If one is no function.

    Examples
    --------
    >>> def load(path): return [len(path), 3]
    >>> def clean(load, least=2): return [number for number in load if number > least]
    >>> def report(clean): return f"{len(clean)} left"
    >>> flow = flow_from(load, clean, report, name="Report")
    >>> from taskinity_nb import run, to_dsl
    >>> print(to_dsl(flow))
    flow Report:
        input path, least = 2
        load -> clean
        clean -> report
    >>> run(flow, {"path": "data"}).result
    '2 left'
    """
    known = _by_name(functions)
    return tied(known, name).bind(known)


def tied(known: Mapping[str, Callable[..., Any]], name: str = "flow") -> Flow:
    """Return the flow of functions by the names of their tasks, without the functions.

    Examples
    --------
    >>> print(*tied({"load": lambda: 3, "twice": lambda load: 2 * load}).edges)
    load -> twice
    """
    signatures = {task: _Taken(task, function) for task, function in known.items()}
    edges = [
        Edge(source, task)
        for task, taken in signatures.items()
        for source in taken.sources(signatures)
    ]
    inputs = _inputs(signatures)
    try:
        return Flow(name, edges, tasks=signatures, inputs=inputs)
    except CycleError as error:
        error.remedy = (
            "these are named after one another in their parameters; give one of the parameters "
            "another name"
        )
        raise


def _by_name(functions: tuple[Any, ...]) -> dict[str, Callable[..., Any]]:
    """Return the functions by the names of their tasks."""
    if not functions:
        raise FlowError("a flow needs a function: flow_from(load, clean)")
    known: dict[str, Callable[..., Any]] = {}
    for place, function in enumerate(functions, 1):
        if not callable(function):
            remedy = ": flow_from(*functions)" if type(function) in (list, tuple) else ""
            raise TypeError(
                f"flow_from takes functions, and number {place} is {type_name(function)}{remedy}"
            )
        name = _name(function, place)
        if name in known:
            again = "is given twice" if known[name] is function else "stands for two functions"
            raise FlowError(
                f"'{name}' {again}",
                remedy="each is one task; in the text of a flow, one function may be two: "
                f"'[{name} as first, {name} as second]'",
            )
        known[name] = function
    return known


def _name(function: Callable[..., Any], place: int) -> str:
    """Return what a function is called in a text; of a partial, what its function is called."""
    try:
        names = (getattr(layer, "__name__", None) for layer in layers(function))
        name = next((each for each in names if type(each) is str), "")
    except BaseException as error:  # it may be an object of the user's
        if is_interrupt(error):
            raise
        raise FlowError(
            f"function {place} cannot be asked its name: {described(error)}", remedy=WITH_DEF
        ) from error
    if name == LAMBDA:
        raise FlowError(f"function {place} is a lambda, which has no name", remedy=WITH_DEF)
    if not name:
        what = f"function {place} is an object of the class {type_name(function)}"
        raise FlowError(f"{what}, which has no name", remedy=WITH_DEF)
    if not name.isidentifier() or iskeyword(name):
        raise FlowError(f"{name!r} is no name that a task can have", remedy=WITH_DEF)
    return name


class _Taken:
    """What a function takes, by the names of its parameters."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name = name
        try:
            inner = function.function if is_task(function) else function
            signature = Signature(inner)
            fixed = [layer.keywords for layer in layers(inner) if type(layer) is partial]
        except BaseException as error:  # what it says of itself may be code of the user's
            if is_interrupt(error):
                raise
            raise not_looked_at(name, error) from error
        given = {key for keywords in fixed for key in keywords}
        self.parameters = {p.name: p for p in signature.named if p.name not in given}

    def source_of(self, parameter: str, others: Mapping[str, Any]) -> str | None:
        """Return the function after which a parameter is named."""
        names = (parameter, parameter.removesuffix("_result"))
        return next((name for name in names if name in others and name != self.name), None)

    def sources(self, others: Mapping[str, Any]) -> list[str]:
        """Return the functions whose results it takes, in the order of its parameters."""
        found = (self.source_of(parameter, others) for parameter in self.parameters)
        return [name for name in found if name is not None]


def _inputs(signatures: Mapping[str, _Taken]) -> dict[str, Any]:
    """Return the inputs of the flow and their defaults; ``...`` where there is none.

    Those that some function has another default for, or one that no text can hold, are none; nor is
    a parameter that gets all inputs at once, or that is named as a function is.
    """
    found: dict[str, list[Constant | Any | None]] = {}
    for taken in signatures.values():
        for name, parameter in taken.parameters.items():
            if taken.source_of(name, signatures) is None:
                found.setdefault(name, []).append(_default(parameter))
    inputs: dict[str, Any] = {}
    for name, defaults in found.items():
        if name in WHOLE_INPUTS or name in signatures or iskeyword(name):
            continue
        if ... in defaults:
            inputs[name] = ...
        elif None not in defaults and len(set(defaults)) == 1:
            inputs[name] = defaults[0]
    return inputs


def _default(parameter: Parameter) -> Constant | Any:
    """Return a default as a literal; ``...`` if there is none, None if it is no literal."""
    if parameter.default is Parameter.empty:
        return ...
    try:
        text = written(parameter.default)
    except FlowError:
        return None
    return Constant(text) if len(text) <= LONGEST else None
