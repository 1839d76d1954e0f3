"""``%flow_from``: the text of a ``%%flow`` cell for functions of the notebook."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Any

from ..dsl.flow_from import tied
from ..dsl.write import to_dsl
from ..errors import FlowError, Span, suggestion
from ..formatting import elided
from ..model.task import registered_tasks
from ..strangers import type_name
from .line.words import FIRST

__all__ = ["WRITER_HELP", "cell_of_functions", "write_next_cell"]

WRITER = "%flow_from"
LONGEST = 100

WRITER_HELP = """Write the %%flow cell of functions, by the names of their parameters.

    %flow_from load clean fit [--name NAME]

A parameter that is named after another of the functions takes its result; the others are inputs of
the flow. The text goes into the next cell. In Python, flow_from(load, clean, fit) is the flow.
"""


def cell_of_functions(line: str, namespace: Mapping[str, Any]) -> str:
    """Return the text of the cell that runs some functions of the notebook.

    An input of the flow that the notebook has a name for is given by it.

    Raises
    ------
    FlowError
        If a name stands for no function, or the functions are no flow; with carets.

    Examples
    --------
    >>> functions = {"load": lambda path: path, "count": lambda load, least=2: 3, "path": "data"}
    >>> print(cell_of_functions("load count --name Count", functions))
    %%flow --input path=path
    flow Count:
        input path, least = 2
        load -> count
    """
    text = f"{WRITER} {line.rstrip(' ;')}"
    name, words = _words(text)
    if not words:
        raise FlowError(f"'{WRITER}' needs functions", remedy=f"write '{WRITER} load clean'")
    known: dict[str, Callable[..., Any]] = {}
    for word, at in words:
        function = _function(word, namespace, text, at)
        if word in known:
            raise _wrong(f"'{word}' stands here twice", text, word, at, "each is one task")
        known[word] = function
    flow = tied(known, name or "flow")
    lines = to_dsl(flow).splitlines()
    if not name:
        lines = [line.removeprefix("    ") for line in lines[1:]]
    given = [n for n, default in flow.inputs.items() if default is None and n in namespace]
    return "\n".join([" ".join([FIRST, *(f"--input {n}={n}" for n in given)]), *lines])


def write_next_cell(shell: Any, text: str) -> bool:
    """Put a text into the next cell, or the next line of a terminal; tell whether that can be."""
    try:
        shell.set_next_input(text)
    except (AttributeError, NotImplementedError):  # who runs cells has no next one
        return False
    return True


def _words(text: str) -> tuple[str, list[tuple[str, int]]]:
    """Return the name of the flow, and the names of functions with their columns."""
    words: list[tuple[str, int]] = []
    at = len(WRITER)
    for word in text[at:].replace(",", " ").split():
        at = text.index(word, at)
        words.append((word, at + 1))
        at += len(word)
    name, functions = "", []
    while words:
        word, column = words.pop(0)
        if not word.startswith("-"):
            functions.append((word, column))
            continue
        option, equals, value = word.partition("=")
        if option != "--name":
            remedy = "the only option is '--name NAME'"
            raise _wrong(f"there is no option '{option}'", text, word, column, remedy)
        name = value if equals else words.pop(0)[0] if words else ""
        if not name.isidentifier():
            told = f"{name!r} is no name that a flow can have" if name else "'--name' needs a name"
            raise _wrong(told, text, word, column, "write '--name Prep'")
    return name, functions


def _function(word: str, namespace: Mapping[str, Any], text: str, at: int) -> Any:
    if not word.isidentifier():
        root, _, last = word.rpartition(".")
        remedy = f"give it one in a cell above: {last} = {word}" if root and last else ""
        told = f"'{elided(word, LONGEST)}' is no name of a function"
        raise _wrong(told, text, word, at, remedy)
    for place in (namespace, registered_tasks()):
        value = place.get(word)
        if callable(value):
            return value
    if word in namespace:
        told = f"'{word}' is no function: it is {type_name(namespace[word])}"
        raise _wrong(told, text, word, at)
    known = [str(name) for name, value in namespace.items() if callable(value)]
    remedy = suggestion(word, [*known, *registered_tasks()])
    if not remedy and callable(vars(builtins).get(word)):
        remedy = f"write a function around Python's own: 'def {word}_of(...): ...'"
    remedy = remedy or f"define it with 'def {word}(...):', and run that cell"
    raise _wrong(f"there is no function '{word}'", text, word, at, remedy)


def _wrong(message: str, text: str, word: str, at: int, remedy: str = "") -> FlowError:
    return FlowError(message, text=text, span=Span(1, at, len(word)), remedy=remedy)
