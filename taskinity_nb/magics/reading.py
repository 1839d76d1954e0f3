"""What an editor is told of a cell while it is written, and of a name that it stands on.

Nothing is executed: a text is parsed, and of what a name stands for nothing is asked that code of
the user's would answer.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NamedTuple

from ..dsl.read import parse_flows
from ..errors import FlowError, Span, suggestion
from ..model.flow import Flow
from ..model.task import is_task
from ..strangers import harmless, type_name
from .completion import function_named, names_in
from .line.words import FIRST, without_semicolon

__all__ = ["Told", "faults_of", "told_of"]

MOST_NAMES = 200
"""Names without a function that are told of, and `FEW` those for which a near one is looked for."""
FEW = 20
LONGEST_DOC = 1500
LONGEST_VALUE = 30


class Told(NamedTuple):
    """What is wrong in a cell, where, and what to write instead; lines count from 1.

    `name` is one that no function bears; `is_error` if another name was meant, or the text is none.
    """

    message: str
    remedy: str
    span: Span
    is_error: bool = True
    name: str = ""


def faults_of(cell: str, names: Mapping[Any, Any]) -> list[Told]:
    """Return what is wrong in a ``%%flow`` cell; `names` are those of the notebook.

    Examples
    --------
    >>> [(told.message, told.span) for told in faults_of("%%flow\\na => b", {})]
    [("'=>' is not an arrow here", Span(line=2, column=3, width=2))]
    """
    lines = cell.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    body, _ = without_semicolon("\n".join(lines[first + 1 :]))
    if lines[first].split(maxsplit=1)[:1] != [FIRST] or not body.strip():
        return []
    try:
        flows = parse_flows("\n" * (first + 1) + body)  # so that lines are counted as in the cell
    except FlowError as error:
        return [Told(error.message, error.remedy, error.span or Span(first + 1, 1, len(FIRST)))]
    return list(_without_function(flows, names))


def _without_function(flows: Sequence[Flow], names: Mapping[Any, Any]) -> Iterator[Told]:
    """Return the names in some flows that no function bears."""
    bear = {flow.name for flow in flows}
    known = [n for n, v in names.items() if type(n) is str and n[:1] != "_" and _is_function(v)]
    unknown: dict[str, Span] = {}
    for flow in flows:
        for task in flow.tasks:
            path = flow.function_of(task)
            if path not in bear and _is_missing(path, names):
                unknown.setdefault(path, flow.at(task).get("span") or Span(1, 1))
    for number, (path, span) in enumerate(list(unknown.items())[:MOST_NAMES]):
        head, *_ = path.split(".")
        near = suggestion(path, known) if number < FEW else ""
        remedy = near or f"define it in a cell, 'def {path}(...):', and run that cell"
        if head != path:
            remedy = near or f"'{head}' is a module or object with functions: import it in a cell"
        yield Told(f"no function is called '{path}'", remedy, span, bool(near), path)


def _is_missing(path: str, names: Mapping[Any, Any]) -> bool:
    """Tell whether no function bears a name; only what can be known without asking is true."""
    value, *parts = path.split(".")
    found = function_named(names, value)
    if not parts:
        return not _is_function(found)
    for part in parts:
        if found is None:
            return True
        # A module may be asked for what it makes when it is asked, by code of its own.
        if type(found) is not ModuleType or "__getattr__" in names_in(found):
            return False
        found = names_in(found).get(part)
    return not _is_function(found)


def _is_function(value: object) -> bool:
    return callable(value) or issubclass(type(value), Flow)


def told_of(path: str, names: Mapping[Any, Any]) -> tuple[str, str] | None:
    """Return the signature and the docstring of a function; None of what is no function.

    Examples
    --------
    >>> def load(path, rows=3, *, dry=False):
    ...     "Read a table."
    >>> told_of("load", {"load": load})
    ('load(path, rows=3, *, dry=False)', 'Read a table.')
    """
    value = function_named(names, path)
    if type(value) is Flow:
        return f"flow {value.name}: {len(value.tasks)} tasks", value.description or ""
    if not callable(value):
        return None
    function: Any = value.function if is_task(value) else value
    kind = type(function)
    if kind is FunctionType:
        return f"{path}({', '.join(_parameters(_within(function)))})", _cut(function.__doc__)
    if kind is BuiltinFunctionType:
        try:
            signature = str(inspect.signature(function))
        except ValueError:  # it has none that could be read
            signature = "(…)"
        return f"{path}{signature}", _cut(function.__doc__)
    return f"class {path}" if issubclass(kind, type) else f"{path}: {type_name(function)}", ""


def _within(function: FunctionType) -> FunctionType:
    """Return the function that a decorator was put around."""
    seen: list[FunctionType] = []
    while function not in seen and type(vars(function).get("__wrapped__")) is FunctionType:
        seen.append(function)
        function = vars(function)["__wrapped__"]
    return function


def _cut(doc: object) -> str:
    return harmless(inspect.cleandoc(doc), LONGEST_DOC) if type(doc) is str else ""


def _parameters(function: FunctionType) -> Iterator[str]:
    """Return the parameters as they are written, without their annotations, which are code."""
    code = function.__code__
    count, total = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames
    defaults = function.__defaults__ or ()
    given = dict(zip(names[count - len(defaults) : count], defaults, strict=True))
    given |= function.__kwdefaults__ or {}
    has_rest = bool(code.co_flags & inspect.CO_VARARGS)
    for at, name in enumerate(names[:total]):
        if at == count and not has_rest:
            yield "*"
        if at == count and has_rest:
            yield f"*{names[total]}"
        yield f"{name}={_value(given[name])}" if name in given else name
        if at + 1 == code.co_posonlyargcount:
            yield "/"
    if has_rest and total == count:
        yield f"*{names[total]}"
    if code.co_flags & inspect.CO_VARKEYWORDS:
        yield f"**{names[total + has_rest]}"


def _value(value: object) -> str:
    """Return a default as it is written, if that asks no code of the user's."""
    if type(value) not in (int, float, complex, bool, str, bytes, type(None)):
        return "…"
    return harmless(repr(value), LONGEST_VALUE) if len(str(value)) <= LONGEST_VALUE else "…"
