"""Read the text of flows.

    text      = (header | description | inputs | parts | statement)*, one a line
    header    = 'flow' NAME ':'
    inputs    = 'input' NAME ['=' literal] (',' NAME ['=' literal])*
    parts     = NAME (',' NAME)* [','] '=' item
    statement = group (arrow group)* (condition)*
    group     = item | '[' item (',' item)* [','] ']'
    item      = ['map' | 'zip' | 'product'] path [constants] ['as' NAME] ['?']
    path      = NAME ('.' (NAME | position))*
    constants = '(' NAME '=' (literal | NAME) (',' ...)* ')'
    condition = ('when' | 'unless') path ['==' literal]
    arrow     = '->' | '-.->'

A list may span lines. The words of the language are such only where a task of that name could not
stand; `as` is a Python keyword and so no task's name. In front of `as`, a path is a function of a
module; elsewhere it is a task and one part of its result.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from keyword import iskeyword

from ..errors import Span
from ..model.flow import Edge, EdgeKind, Flow
from .draft import Draft, Item
from .form_parser import CONDITIONS, FormParser
from .tokens import Token, bare, shown, spelled

__all__ = ["ESCAPES", "Parser"]

MOST_EDGES = 1_000_000
"""Edges of one flow; ``[many] -> [many]`` would let a short text fill the memory."""

ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"}
"""What stands behind a backslash in a description, and the sign that it means."""

_SMALLEST = "a flow can be as small as one line: load -> clean"


MAPS = ("map", "zip", "product")


class Parser(FormParser):
    """Reads a text line by line, without recursion; `at` is the index of the next token."""

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
                self.draft = self.drafts["flow"] = Draft("flow", token.span, has_header=False)
            if token.text == "task" and self.begins_block():
                raise self.wrong.task_block(self.at)
            if token.text == "description" and tokens[self.at + 1].text == ":":
                self.description()
            elif token.text == "input" and self.begins_inputs():
                self.inputs()
            elif (
                token.kind == "word"
                and tokens[self.at + 1].text in (",", "=")
                and self.names_parts()
            ):
                self.parts()
            else:
                self.statement()
        if not self.drafts:
            raise self.wrong.error("this text names no task", Span(1, 1), _SMALLEST)
        flows: dict[str, Flow] = {}
        for draft in self.drafts.values():
            flows[draft.name] = self.flow(draft, flows if draft.has_header else {})
        return list(flows.values())

    def flow(self, draft: Draft, above: dict[str, Flow]) -> Flow:
        if not draft.tasks:
            if draft.has_header:
                message, remedy = f"the flow {shown(draft.name)} has no tasks", _SMALLEST
            else:
                message = "this description belongs to no task"
                remedy = "put it below the line 'flow Name:', or above the tasks that it describes"
                if draft.description is None:
                    message = "this flow has inputs, but names no task"
                    name = next(iter(draft.inputs), "files")
                    remedy = f"write where they go, '{bare(name)} -> load', in the lines below"
            raise self.wrong.error(message, draft.span, remedy)
        flow = draft.flow(self.text, above)
        self.wrong_form.check_names(flow)
        return flow

    def begins_block(self) -> bool:
        """Tell ``flow Name:`` from a task of that name, as in ``flow -> b`` or ``flow as b``."""
        _, second, third = self.tokens[self.at : self.at + 3]
        if second.text == "as":
            return third.text == ":"
        if second.text in CONDITIONS and third.kind == "word":
            return False
        return second.kind in ("word", "string", "unclosed") or second.text == ":"

    def header(self) -> None:
        _, second, third, fourth = self.tokens[self.at : self.at + 4]
        name = spelled(second.text)
        if name is None or third.text != ":" or fourth.kind != "newline":
            raise self.wrong.header(self.at)
        draft = Draft(name, second.span, has_header=True)
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
            if waits and (keyed := next((i for i in sources if i.key is not None or i.part), None)):
                if keyed.part:
                    raise self.wrong_form.part_waits(keyed.part, keyed.name, keyed.span)
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
            if draft.no_tasks:
                for target in targets:
                    if target.part or target.name in draft.no_tasks:
                        raise self.wrong_form.no_target(
                            target.part or target.name, target.span, target.part is not None
                        )
            for source in sources:
                for target in targets:
                    kind: EdgeKind = "wait" if waits else target.mapped or "result"
                    draft.edges.setdefault(
                        Edge(source.name, target.name, kind, source.key, source.is_optional),
                        target.span,
                    )
            sources = targets
        last = tokens[self.at]
        if last.text in CONDITIONS:
            self.conditions(sources)
        if tokens[self.at].kind != "newline":
            raise self.wrong_form.behind(start, self.at) or self.wrong.behind(start, self.at)
        for item in sources:
            if item.key is not None and item.part is None:
                raise self.wrong.unused_key(item.name, item.key_at)
            if item.is_optional:
                raise self.wrong_form.unused_mark(item.name, item.span, self.at)
            if item.name in draft.no_tasks or item.part:
                place, end = item.span, tokens[self.at - 1]
                if end.line == place.line:  # that of a list
                    place = place._replace(width=max(1, end.end - place.column))
                raise self.wrong_form.unused(item.part or item.name, place)

    def group(self, arrow: Token | None) -> list[Item]:
        """Read one task or a list of them, behind `arrow` or at the beginning of a line."""
        tokens, opening = self.tokens, self.at
        if tokens[opening].text != "[":
            return [self.item(arrow)]
        items: list[Item] = []
        self.skip_newlines(opening + 1)
        while (token := tokens[self.at]).text != "]":
            if token.kind in ("mark", "arrow", "end"):
                raise self.wrong.in_list(opening, self.at)
            items.append(self.item(arrow))
            self.skip_newlines(self.at)
            if tokens[self.at].text == ",":
                self.skip_newlines(self.at + 1)
            elif tokens[self.at].text != "]":
                raise self.wrong_form.in_list(opening, self.at) or self.wrong.in_list(
                    opening, self.at
                )
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

    def item(self, arrow: Token | None) -> Item:
        tokens, at = self.tokens, self.at
        token, following = tokens[at], tokens[at + 1]
        mapped: EdgeKind | None = None
        if token.text in MAPS and following.kind == "word" and not self.is_behind(at + 1):
            if arrow is None or arrow.text == "-.->":
                raise self.wrong_form.line.useless_map(at, arrow)
            mapped = token.text  # type: ignore[assignment]  # one of three words
            at += 1
            token, following = following, tokens[at + 1]
        name = self.names.get(token.text) or self.name(at, arrow)
        span = Span(token.line, token.column, len(token.text))
        at += 1
        if following.kind == "arrow" or following.kind == "newline":  # by far the most
            self.at = at
            if self.draft.no_tasks and name in self.draft.no_tasks:
                return self.no_task(name, span, mapped)
            self.draft.tasks.setdefault(name, span)
            return Item(name, span, mapped)
        path: list[tuple[str | int, int]] = []
        while tokens[at].text == ".":
            word = tokens[at + 1].text
            position = int(word) if word.isdecimal() and word.isascii() and len(word) < 10 else None
            key = spelled(word) if position is None else position
            if key is None:
                raise self.wrong.key(at + 1)
            path.append((key, at + 1))
            at += 2
        call = None
        if tokens[at].kind == "call":
            call = tokens[at]
            at += 1
        if tokens[at].text == "as":
            name, span = self.node(name, span, path, at, arrow)
            at += 2
            path = []
        elif len(path) > 1:
            raise self.wrong.second_dot(path[1][1] - 1)
        elif path and call is not None:
            raise self.wrong_form.call_of_key(name, path[0][0], call)
        is_optional = tokens[at].text == "?"
        at += is_optional
        self.at = at
        if call is not None:
            self.constants(name, call, span)
        if name in self.draft.no_tasks:
            item = self.no_task(name, span, mapped)._replace(is_optional=is_optional)
            if item.part and (path or call):
                last = tokens[at - 1 - is_optional]
                place = span._replace(width=max(1, last.end - span.column))
                raise self.wrong_form.part_of_part(name, place, call is not None)
        else:
            self.draft.tasks.setdefault(name, span)
            item = Item(name, span, mapped, is_optional=is_optional)
        return item._replace(key=path[0][0], key_at=path[0][1]) if path else item

    def is_behind(self, at: int) -> bool:
        """Tell ``map when check``, where `map` is a task, from a task of the name `when`."""
        word, following = self.tokens[at : at + 2]
        if word.text not in CONDITIONS:
            return word.text == "as"
        return following.kind == "word" and following.text != "as"

    def node(
        self,
        name: str,
        span: Span,
        path: Sequence[tuple[str | int, int]],
        at: int,
        arrow: Token | None,
    ) -> tuple[str, Span]:
        """Read ``as NODE`` at index `at`, behind a function; return the node and its place."""
        written = ".".join([name, *(str(key) for key, _ in path)])
        if any(isinstance(key, int) for key, _ in path):
            raise self.wrong_form.no_function(written, path[-1][1])
        name = self.name(at + 1, arrow)
        span = span._replace(width=self.tokens[at + 1].end - span.column)
        first, where = self.draft.functions.setdefault(name, (written, span))
        if first != written:
            raise self.wrong.error(
                f"the node {shown(name)} calls {shown(first)} already, in line {where.line}",
                span,
                "give one of the two nodes another name",
            )
        return name, span

    def no_task(self, name: str, span: Span, mapped: EdgeKind | None) -> Item:
        """Return what stands for an input, or a part of a result."""
        if name not in self.draft.parts:
            return Item(name, span, mapped)
        part, _ = self.draft.parts[name]
        return Item(part.task, span, mapped, name, part=name)

    def constants(self, name: str, call: Token, span: Span) -> None:
        given = self.clauses.constants(name, call)
        known = self.draft.constants.setdefault(name, given)
        values = [{n: value for n, (value, _) in each.items()} for each in (known, given)]
        if values[0] != values[1]:
            raise self.wrong_form.other_constants(name, call, next(iter(known.values()))[1])

    def name(self, at: int, arrow: Token | None) -> str:
        """Return the task's name at index `at`; one that was seen before is in `names`."""
        word = self.tokens[at].text
        name = spelled(word)
        if name is None or iskeyword(name):
            raise self.wrong_form.no_name(at, arrow) or self.wrong.name(at, arrow)
        self.names[word] = name
        return name
