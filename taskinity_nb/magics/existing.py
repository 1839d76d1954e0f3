"""``%flow FLOW``: which flow is meant by the expression, and the options behind it."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ..dsl.read import parse_dsl
from ..errors import FlowError, Span, suggestion
from ..formatting import elided
from ..model.flow import Flow
from ..model.lookup import of_module
from ..model.run import Run
from ..strangers import type_name
from .line.options import Options, Reader
from .line.parts import LONGEST
from .line.words import FIRST, LINE, Word, refuse_blanks

__all__ = ["read_line"]

ARROWS = ("->", "-.->")
USAGE = (
    "write '%flow FLOW [options]', where FLOW is Python, such as a name or flow_from(load, clean)"
)


def read_line(line: str, namespace: Mapping[str, Any]) -> tuple[Flow, Options]:
    """Read a line that gives a flow and options: an expression, and what may stand behind `%%flow`.

    The expression gives a `Flow`, or the text of one. Of a flow that lies in a module and is bound
    to nothing, the functions are looked for there first.

    Raises
    ------
    FlowError
        If it gives no flow, or an option is wrong; with carets.

    Examples
    --------
    >>> flow, options = read_line('"load -> save" --workers 2', {})
    >>> flow.tasks, options.workers
    (('load', 'save'), 2)
    """
    reader = _LineReader(line, namespace)
    options = reader.read()
    assert reader.flow is not None
    return reader.flow, options


class _LineReader(Reader):
    flow: Flow | None = None

    def __init__(self, line: str, namespace: Mapping[str, Any]) -> None:
        super().__init__(line, namespace, LINE)

    def words(self) -> list[Word]:
        words = super().words()
        if not words:
            raise FlowError(
                "'%flow' needs a flow that exists",
                remedy=f"{USAGE}; the text of a new one stands in the lines below '{FIRST}'",
            )
        text, place = words[0].text, words[0].place
        if text.startswith("-"):
            raise self.error("the flow stands in front of its options", place, USAGE)
        if any(word.text in ARROWS for word in words):
            raise self.error(
                "the text of a flow is in quotes here", place,
                f"write it so, or in the lines below '{FIRST}'",
            )  # fmt: skip
        refuse_blanks(self.text, text, place, words[1:])
        self.flow = self.read_flow(text, place)
        return words[1:]

    def read_flow(self, expression: str, where: Span) -> Flow:
        if expression.isidentifier() and not (
            expression in self.namespace or hasattr(builtins, expression)
        ):
            known = [name for name, value in self.namespace.items() if type(value) is Flow]
            near = suggestion(expression, known) or USAGE
            raise self.error(f"there is no flow '{elided(expression, LONGEST)}'", where, near)
        value = self.value(expression, where)
        if issubclass(type(value), str):
            return parse_dsl(value)
        if not issubclass(type(value), Flow):
            told = f"'{elided(expression, LONGEST)}' is {type_name(value)}, and no flow"
            raise self.error(told, where, _what_instead(expression, value))
        flow: Flow = value
        parent = expression.rpartition(".")[0]
        if flow.homes or not all(map(str.isidentifier, parent.split("."))):
            return flow
        module = self.value(parent, where)
        return of_module(flow, module) if isinstance(module, ModuleType) else flow


def _what_instead(expression: str, value: Any) -> str:
    if issubclass(type(value), Run):
        return f"its flow is '{expression}.flow'"
    if issubclass(type(value), ModuleType):
        flows = [name for name, each in vars(value).items() if type(each) is Flow]
        return f"write '%flow {expression}.{flows[0]}'" if flows else ""
    if callable(value):
        return f"'%flow flow_from({expression})' is a flow of it, and '%flow_from' writes its text"
    return USAGE
