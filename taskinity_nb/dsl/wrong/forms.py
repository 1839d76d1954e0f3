"""What is wrong with constants, inputs, parts, marks and conditions, and what was meant."""

from __future__ import annotations

from collections.abc import Sequence
from keyword import iskeyword

from ...errors import DSLSyntaxError, FlowError, Span, suggestion
from ...model.flow import Flow
from ...model.forms.literals import InputName
from ..tokens import Token, bare, shown
from .conditions import CONDITIONS, ConditionErrors
from .diagnostics import Diagnostics
from .lines import LineErrors
from .values import PYTHONS_WORDS

__all__ = ["FormErrors"]


class FormErrors:
    """Turns a place in a text into the error that explains it, as `Diagnostics` does."""

    def __init__(self, wrong: Diagnostics) -> None:
        self._wrong = wrong
        self._tokens = wrong.tokens
        self._error = wrong.error
        self.line = LineErrors(wrong)
        self.condition = ConditionErrors(wrong)

    # Names.

    def check_names(self, flow: Flow) -> None:
        """Raise if a constant takes an input that is not declared, though others are."""
        for task, given in flow.constants.items():
            for parameter, value in given.items():
                if not isinstance(value, InputName) or value.name in flow.inputs:
                    continue
                span = flow.at((task, parameter)).get("span") or Span(1, 1)
                name = value.name
                if name in flow.upstream or name in flow.parts:
                    raise self._error(
                        f"{shown(name)} is a result, and a constant is a literal "
                        "or the name of an input",
                        span,
                        f"remove it: results come along arrows, '{bare(name)} -> {bare(task)}'",
                    )
                if name in PYTHONS_WORDS:
                    word = PYTHONS_WORDS[name]
                    raise self._error(f"Python's word is {word}, not {shown(name)}", span,
                                      f"write '{bare(parameter)}={word}'")  # fmt: skip
                if flow.inputs:
                    known = ", ".join(map(shown, flow.inputs))
                    raise self._error(
                        f"there is no input {shown(name)}",
                        span,
                        suggestion(name, flow.inputs)
                        or f"the inputs are {known}; declare it with 'input {bare(name)}', or "
                        f'write "{bare(name)}" for the text',
                    )

    def declared_twice(self, name: str, span: Span, first: Span) -> DSLSyntaxError:
        """Explain a name that two lines give."""
        if span.line == first.line:
            return self._error(
                f"{shown(name)} stands here twice", span, "give each part a name of its own"
            )
        return self._error(
            f"{shown(name)} has a meaning already, in line {first.line}",
            span,
            "give one of the two another name",
        )

    def declared_late(self, name: str, span: Span, first: Span) -> DSLSyntaxError:
        """Explain a name that was read as a task's further up."""
        if span.line == first.line:
            return self._error(
                f"a part cannot be called {shown(name)}, as its task is", span,
                "give the part a name of its own",
            )  # fmt: skip
        return self._error(
            f"{shown(name)} is a task already, in line {first.line}",
            span,
            f"write this line above line {first.line}, or give one of the two another name",
        )

    def no_target(self, name: str, span: Span, is_part: bool) -> DSLSyntaxError:
        """Explain an arrow that leads into what is no task."""
        what = "a part of a result" if is_part else "an input of the flow"
        return self._error(
            f"{shown(name)} is {what}, so nothing leads to it",
            span,
            f"write it in front of the arrow: '{bare(name)} -> next_task'",
        )

    def unused(self, name: str, span: Span) -> DSLSyntaxError:
        """Explain an input or a part that stands alone in its line."""
        return self._error(
            f"no arrow follows, so nothing receives {shown(name)}",
            span,
            f"write '{bare(name)} -> next_task', or remove the line",
        )

    # Parts.

    def no_whole(self, equals: Token, names: Sequence[str]) -> DSLSyntaxError:
        """Explain a line that ends behind its '='."""
        return self._error(
            "nothing follows this '='",
            equals.span,
            f"write the task whose result has these parts: '{', '.join(map(bare, names))} = split'",
        )

    def parts(
        self, first: Token, task: str, key: str | int | None, names: Sequence[tuple[str, Span]],
        at: int,
    ) -> DSLSyntaxError:  # fmt: skip
        """Explain why names and what they are given do not fit."""
        words = [bare(name) for name, _ in names]
        last = self._tokens[at - 1]
        whole = Span(first.line, first.column, max(1, last.end - first.column))
        if key is not None:
            return self._error(
                f"{len(words)} names cannot be given to the one part '{bare(task)}.{key}'",
                whole,
                f"write '{words[0]} = {bare(task)}.{key}', or "
                f"'{', '.join(words)} = {bare(task)}' for the parts of the whole result",
            )
        if last.text == "?":
            return self._error(
                "'?' stands where a result goes to a task, and not where its parts are named",
                last.span,
                f"write '{words[0]}? -> next_task'",
            )
        name = words[0]
        return self._error(
            f"{shown(task)} as a whole needs no second name",
            whole,
            f"write '{name} = {bare(task)}.{name}' for one part of its result, "
            f"'{name}, other = {bare(task)}' for all,\n"
            f"or '{bare(task)} as {name}' to call the node so",
        )

    def no_word(self, token: Token) -> DSLSyntaxError | None:
        """Explain what cannot be the name of a part."""
        word = token.text
        if word.isidentifier() and not iskeyword(word):
            return None
        if not word.isidentifier() and not word[0].isdecimal():
            return None
        why = "is a Python keyword" if iskeyword(word) else "does not begin with a letter"
        return self._error(f"{shown(word)} {why}, so no part can have this name", token.span,
                           f"give it another name, for example {shown('part_' + word)}; "
                           "the names are yours, and taken by their order")  # fmt: skip

    def parts_of_input(self, name: str, span: Span) -> DSLSyntaxError:
        """Explain that an input is not taken apart."""
        return self._error(
            f"{shown(name)} is an input, and only results are taken apart",
            span,
            f"write '{bare(name)}.key -> next_task', or declare an input for each part",
        )

    def taken_apart_twice(self, task: str, span: Span) -> DSLSyntaxError:
        """Explain that the parts of a result have names."""
        return self._error(
            f"the parts of the result of {shown(task)} have other names already",
            span,
            f"keep one of the two lines, or write '{bare(task)}.0 -> next_task' for one part",
        )

    def part_waits(self, name: str, task: str, span: Span) -> DSLSyntaxError:
        """Explain a part in front of an arrow that brings nothing."""
        return self._error(
            f"'-.->' only waits, and brings no part {shown(name)}", span,
            f"write '->', or wait for the task: '{bare(task)} -.-> next_task'",
        )  # fmt: skip

    def part_of_part(self, name: str, span: Span, is_call: bool) -> DSLSyntaxError:
        """Explain that one arrow takes one part, and that a part takes no constants."""
        if is_call:
            return self._error(
                f"{shown(name)} is a part of a result, and only tasks have constants", span,
                f"write them behind the next task: '{bare(name)} -> next_task(…)'",
            )  # fmt: skip
        return self._error(
            f"{shown(name)} is a part of a result already, and one arrow takes one part",
            span,
            "take what is in it inside the next task",
        )

    def no_function(self, path: str, at: int) -> DSLSyntaxError:
        """Explain a position in front of ``as``."""
        name = bare(path.partition(".")[0])
        return self._error(
            f"in front of 'as' stands a function, and {shown(path)} is none",
            self._tokens[at].span,
            f"give the node its name where it is a task, '{name} as node', and write "
            f"'node.{bare(self._tokens[at].text)} -> next_task' in a line of its own",
        )

    # Constants.

    def call_of_key(self, name: str, key: str | int, call: Token) -> DSLSyntaxError:
        """Explain constants of a function of a module that has no name of its own."""
        return self._error(
            f"the function '{bare(name)}.{key}' needs a name for its node",
            Span(call.line, call.column, 1),
            f"write '{bare(name)}.{key}(…) as {key}'",
        )

    def other_constants(self, name: str, call: Token, first: Span) -> DSLSyntaxError:
        """Explain that one node has one set of constants."""
        return self._error(
            f"the node {shown(name)} has other constants already, in line {first.line}",
            call.span,
            f"give this one a name of its own: '{bare(name)}(…) as {bare(name)}_2'",
        )

    # Marks.

    def unused_mark(self, task: str, span: Span, at: int) -> DSLSyntaxError:
        """Explain that no arrow follows a '?'."""
        mark = self._tokens[at - 1]
        if mark.text != "?":  # but the end of a list
            is_one_line = mark.line == span.line
            span = span._replace(width=mark.end - span.column) if is_one_line else mark.span
        return self._error(
            "no arrow follows this '?'",
            mark.span if mark.text == "?" else span,
            f"'?' says that what follows takes what there is: '{bare(task)}? -> next_task'; "
            "remove it, or write the arrow",
        )

    def behind(self, start: int, at: int) -> FlowError | None:
        """Explain what stands behind a statement, if it has to do with the forms of this module."""
        found = self.condition.behind(start, at) or self.condition.first(start, at)
        return found or self.line.whole(start, at) or self._behind_task(at)

    def in_list(self, opening: int, at: int) -> FlowError | None:
        """Explain what stands in a list, if it has to do with the forms of this module."""
        token, before, behind = self._tokens[at], self._tokens[at - 1], self._tokens[at + 1]
        is_behind_task = before.kind in ("word", "call") or before.text == "?"
        if token.text in CONDITIONS and is_behind_task and behind.kind == "word":
            return self.condition.in_list(opening, at)
        return self.line.opened(at) or self._behind_task(at)

    def _behind_task(self, at: int) -> FlowError | None:
        """Explain a mark, constants or a '=' behind what cannot have it."""
        token, before = self._tokens[at], self._tokens[at - 1]
        if token.text[:1] == "(" and before.text == "]":
            return self._error(
                "constants belong to one task, not to a list",
                Span(token.line, token.column, 1),
                "write them behind each task: '[fit(depth=2) as low, fit(depth=9) as high]'",
            )
        if token.text[:1] == "(" and before.kind == "call":
            return self._error(
                "a task has its constants in one pair of parentheses", token.span,
                "write them all in the first one, with commas between them",
            )  # fmt: skip
        if token.kind == "call" and before.kind == "word" and self._tokens[at - 2].text == "as":
            function = bare(self._tokens[at - 3].text)
            return self._error(
                "constants stand behind the function, in front of 'as'",
                token.span._replace(width=1),
                f"write '{function}{bare(token.text)} as {bare(before.text)}'",
            )
        if before.text == "?" and (token.text in (".", "as", "?") or token.text[:1] == "("):
            task = bare(self._tokens[at - 2].text)
            word = bare(self._tokens[at + 1].text)
            if token.text == "?":
                return self._error("one '?' is enough", token.span, f"write '{task}?'")
            right = {".": f"{task}.{word}?", "as": f"{task} as {word}?"}.get(
                token.text, f"{task}(…)?"
            )
            return self._error("'?' stands at the end, behind all else of the task", before.span,
                               f"write '{right}'")  # fmt: skip
        if token.text == "?":
            return self._error(
                f"'?' belongs to one task, not to {'a list' if before.text == ']' else 'this'}",
                token.span,
                "write it behind each task: '[a?, b?] -> next_task'",
            )
        if token.kind == "dashes" and token.text == "=" and before.kind in ("word", "mark"):
            return self._error(
                "'=' names the parts of one result, or gives a default to an input",
                token.span,
                "write 'X, y = split', 'input depth = 3', or 'fit(depth=3)'",
            )
        return None

    def no_name(self, at: int, arrow: Token | None) -> FlowError | None:
        """Explain what stands where a task's name must, if it has to do with these forms."""
        token = self._tokens[at]
        if token.text == "?" and self._tokens[at + 1].kind == "word":
            word = bare(self._tokens[at + 1].text)
            return self._error("'?' stands behind the task", token.span, f"write '{word}?'")
        if arrow is None and (at == 0 or self._tokens[at - 1].kind == "newline"):
            return self.line.named(at) or self.condition.first(at, at)
        return None
