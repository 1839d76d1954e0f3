"""Read the text of flows.

    text      = (header | description | statement)*, one a line
    header    = 'flow' NAME ':'
    statement = group (arrow group)*
    group     = item | '[' item (',' item)* [','] ']'
    item      = ['map'] NAME ['.' key] ['as' NAME]
    arrow     = '->' | '-.->'

A list may span lines. `flow`, `map`, `task` and `description` are words of the language only where
a task of that name could not stand; `as` is a Python keyword and so no task's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import NamedTuple

from ..errors import Span
from ..model.flow import Edge, EdgeKind, Flow, Source
from .diagnostics import Diagnostics
from .tokens import Token, shown, spelled, tokenize

__all__ = ["ESCAPES", "Parser"]

MOST_EDGES = 1_000_000
"""Edges of one flow; ``[many] -> [many]`` would let a short text fill the memory."""

ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"}
"""What stands behind a backslash in a description, and the sign that it means."""

_SMALLEST = "a flow can be as small as one line: load -> clean"


class _Item(NamedTuple):
    """A task where the text mentions it; `key_at` is the index of the key's token."""

    name: str
    span: Span
    mapped: bool = False
    key: str | None = None
    key_at: int = 0


@dataclass
class _Draft:
    """A flow while its lines are read; `span` is the name in its header."""

    name: str
    span: Span
    has_header: bool
    description: str | None = None
    tasks: dict[str, Span] = field(default_factory=dict)
    edges: dict[Edge, Span] = field(default_factory=dict)
    functions: dict[str, tuple[str, Span]] = field(default_factory=dict)


class Parser:
    """Reads a text line by line, without recursion; `at` is the index of the next token."""

    def __init__(self, text: str) -> None:
        self.text = text.removeprefix("\ufeff")
        self.tokens = tokenize(self.text)
        self.at = 0
        self.wrong = Diagnostics(self.text, self.tokens)
        self.names: dict[str, str] = {}
        self.drafts: dict[str, _Draft] = {}
        self.draft: _Draft

    def read(self) -> list[Flow]:
        """Read every line, then build the flows, which look for cycles themselves."""
        tokens = self.tokens
        while (token := tokens[self.at]).kind != "end":
            if token.kind == "newline":
                self.at += 1
                continue
            if token.text == "flow" and self.begins_block():
                self.header()
                continue
            if not self.drafts:
                self.draft = self.drafts["flow"] = _Draft("flow", token.span, has_header=False)
            if token.text == "task" and self.begins_block():
                raise self.wrong.task_block(self.at)
            if token.text == "description" and tokens[self.at + 1].text == ":":
                self.description()
            else:
                self.statement()
        if not self.drafts:
            raise self.wrong.error("this text names no task", Span(1, 1), _SMALLEST)
        return [self.flow(draft) for draft in self.drafts.values()]

    def flow(self, draft: _Draft) -> Flow:
        if not draft.tasks:
            if draft.has_header:
                message, remedy = f"the flow {shown(draft.name)} has no tasks", _SMALLEST
            else:
                message = "this description belongs to no task"
                remedy = "put it below the line 'flow Name:', or above the tasks that it describes"
            raise self.wrong.error(message, draft.span, remedy)
        return Flow(
            draft.name,
            draft.edges,
            draft.tasks,
            draft.description or "",
            {node: function for node, (function, _) in draft.functions.items()},
            Source(self.text, draft.tasks, draft.edges),
        )

    def begins_block(self) -> bool:
        """Tell ``flow Name:`` from a task of that name, as in ``flow -> b`` or ``flow as b``."""
        _, second, third = self.tokens[self.at : self.at + 3]
        if second.text == "as":
            return third.text == ":"
        return second.kind in ("word", "string", "unclosed") or second.text == ":"

    def header(self) -> None:
        _, second, third, fourth = self.tokens[self.at : self.at + 4]
        name = spelled(second.text)
        if name is None or third.text != ":" or fourth.kind != "newline":
            raise self.wrong.header(self.at)
        draft = _Draft(name, second.span, has_header=True)
        other = self.drafts.setdefault(name, draft)
        if other is not draft:
            unnamed = "the lines above the first header are a flow called 'flow'; "
            raise self.wrong.error(
                f"there is a flow called {shown(name)} already, in line {other.span.line}",
                second.span,
                f"{unnamed * (not other.has_header)}give one of the two another name",
            )
        self.draft = draft
        self.at += 3

    def description(self) -> None:
        first, _, text, behind = self.tokens[self.at : self.at + 4]
        draft = self.draft
        if draft.description is not None:
            raise self.wrong.error(
                f"the flow {shown(draft.name)} has a description already",
                first.span,
                "keep one of the two",
            )
        if text.kind != "string" or behind.kind != "newline":
            raise self.wrong.description(self.at)
        for escape in re.finditer(r"\\(.)", text.text, re.DOTALL):
            if escape[1] not in ESCAPES:
                raise self.wrong.error(
                    f"{shown(escape[0])} has no meaning in a description",
                    Span(text.line, text.column + escape.start(), 2),
                    r"write \\ for a backslash, \n for a line break",
                )
        draft.description = re.sub(r"\\(.)", lambda e: ESCAPES[e[1]], text.text[1:-1])
        self.at += 3

    def statement(self) -> None:
        draft, start, tokens = self.draft, self.at, self.tokens
        sources = self.group(None)
        while (arrow := tokens[self.at]).kind == "arrow":
            self.at += 1
            targets = self.group(arrow)
            waits = arrow.text == "-.->"
            if waits and (keyed := next((item for item in sources if item.key), None)):
                raise self.wrong.error(
                    "'-.->' only waits and brings no result to take a key from",
                    tokens[keyed.key_at].span,
                    "write '->', or remove the key",
                )
            if len(sources) * len(targets) + len(draft.edges) > MOST_EDGES:
                raise self.wrong.error(
                    f"here the flow grows above {MOST_EDGES:,} arrows",
                    arrow.span,
                    "put a task between the two lists",
                )
            for source in sources:
                for target in targets:
                    kind: EdgeKind = "wait" if waits else "map" if target.mapped else "result"
                    draft.edges.setdefault(
                        Edge(source.name, target.name, kind, source.key), target.span
                    )
            sources = targets
        if tokens[self.at].kind != "newline":
            raise self.wrong.behind(start, self.at)
        for item in sources:
            if item.key:
                raise self.wrong.unused_key(item.name, item.key_at)

    def group(self, arrow: Token | None) -> list[_Item]:
        """Read one task or a list of them, behind `arrow` or at the beginning of a line."""
        tokens, opening = self.tokens, self.at
        if tokens[opening].text != "[":
            return [self.item(arrow)]
        items: list[_Item] = []
        self.skip_newlines(opening + 1)
        while (token := tokens[self.at]).text != "]":
            if token.kind in ("mark", "arrow", "end"):
                raise self.wrong.in_list(opening, self.at)
            items.append(self.item(arrow))
            self.skip_newlines(self.at)
            if tokens[self.at].text == ",":
                self.skip_newlines(self.at + 1)
            elif tokens[self.at].text != "]":
                raise self.wrong.in_list(opening, self.at)
        self.at += 1
        if not items:
            raise self.wrong.error(
                "this list is empty",
                Span(
                    tokens[opening].line, tokens[opening].column, token.end - tokens[opening].column
                ),
                "write the tasks between the brackets: '[a, b]'",
            )
        return items

    def skip_newlines(self, at: int) -> None:
        while self.tokens[at].kind == "newline":
            at += 1
        self.at = at

    def item(self, arrow: Token | None) -> _Item:
        tokens, at = self.tokens, self.at
        token, following = tokens[at], tokens[at + 1]
        mapped = token.text == "map" and following.kind == "word" and following.text != "as"
        if mapped:
            if arrow is None or arrow.text == "-.->":
                raise self.wrong.useless_map(at, arrow)
            at += 1
            token, following = following, tokens[at + 1]
        name = self.names.get(token.text) or self.name(at, arrow)
        span = Span(token.line, token.column, len(token.text))
        at += 1
        if following.kind == "arrow" or following.kind == "newline":  # by far the most
            self.at = at
            self.draft.tasks.setdefault(name, span)
            return _Item(name, span, mapped)
        key, key_at = None, 0
        if tokens[at].text == ".":
            key_at = at + 1
            key = spelled(tokens[key_at].text)
            if key is None:
                raise self.wrong.key(key_at)
            at += 2
        if tokens[at].text == "as":
            function, name = name, self.name(at + 1, arrow)
            span = span._replace(width=tokens[at + 1].end - span.column)
            first, where = self.draft.functions.setdefault(name, (function, span))
            if first != function:
                raise self.wrong.error(
                    f"the node {shown(name)} calls {shown(first)} already, in line {where.line}",
                    span,
                    "give one of the two nodes another name",
                )
            at += 2
        self.draft.tasks.setdefault(name, span)
        self.at = at
        return _Item(name, span, mapped, key, key_at)

    def name(self, at: int, arrow: Token | None) -> str:
        """Return the task's name at index `at`; one that was seen before is in `names`."""
        word = self.tokens[at].text
        name = spelled(word)
        if name is None or iskeyword(name):
            raise self.wrong.name(at, arrow)
        self.names[word] = name
        return name
