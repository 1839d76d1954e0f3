"""What is wrong with constants, inputs, parts, marks and conditions, and what was meant."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import DSLSyntaxError, FlowError, Span, suggestion
from ..model.flow import Flow
from ..model.forms.literals import InputName
from .diagnostics import Diagnostics
from .tokens import Token, bare, shown

__all__ = ["FormErrors"]


class FormErrors:
    """Turns a place in a text into the error that explains it, as `Diagnostics` does."""

    def __init__(self, wrong: Diagnostics) -> None:
        self._wrong = wrong
        self._tokens = wrong.tokens
        self._error = wrong.error

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
                        f"write '{bare(name)} -> {bare(task)}'; "
                        f"it goes to the parameter that it is named after",
                    )
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
        return self._error(
            f"{shown(name)} has a meaning already, in line {first.line}",
            span,
            "give one of the two another name",
        )

    def declared_late(self, name: str, span: Span, first: Span) -> DSLSyntaxError:
        """Explain a name that was read as a task's further up."""
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

    def behind_parts(self, at: int) -> DSLSyntaxError:
        """Explain what stands behind ``X, y = split``."""
        token = self._tokens[at]
        if token.kind == "arrow":
            return self._error(
                "a line that names parts has no arrows",
                token.span,
                "name the parts of the task in a line of their own, and write the arrows in others",
            )
        return self._wrong.token(at) or self._error(
            f"a line that names parts ends behind the task, and not with {shown(token.text)}",
            token.span,
            "write 'X, y = split' for the parts of one result",
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

    def part_of_part(self, name: str, span: Span) -> DSLSyntaxError:
        """Explain that one arrow takes one part."""
        return self._error(
            f"{shown(name)} is a part of a result already, and has no parts or constants here",
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

    # Marks and conditions.

    def unused_mark(self, task: str, span: Span, at: int) -> DSLSyntaxError:
        """Explain that no arrow follows a '?'."""
        mark = self._tokens[at - 1]
        return self._error(
            "no arrow follows this '?'",
            mark.span if mark.text == "?" else span,
            f"'?' says that what follows takes what there is: '{bare(task)}? -> next_task'; "
            "remove it, or write the arrow",
        )

    def no_condition(self, at: int) -> DSLSyntaxError:
        """Explain a line that ends with ``when``, or goes on with a text."""
        word, token = self._tokens[at], self._tokens[at + 1]
        if token.kind == "string":
            return self._error(
                "a condition begins with the name of a task",
                token.span,
                f"write '{word.text} kind == {bare(token.text)}'",
            )
        return self._error(
            f"nothing follows this '{word.text}'",
            word.span,
            f"write the task whose result decides: '{word.text} check'",
        )

    def negation(self, at: int) -> DSLSyntaxError | None:
        """Explain ``when not check``."""
        word, token, other = self._tokens[at : at + 3]
        if token.text != "not":
            return None
        opposite = "unless" if word.text == "when" else "when"
        return self._error(
            "'not' is no word of this language",
            token.span,
            f"write '{opposite} {bare(other.text) if other.kind == 'word' else 'check'}'",
        )

    def comparison(self, at: int) -> DSLSyntaxError:
        """Explain a comparison other than ``==``."""
        token = self._tokens[at]
        task = bare(self._tokens[at - 1].text)
        if token.kind == "arrow":
            return self._error(
                "a condition stands at the end of its line",
                token.span,
                "write what follows in a line of its own",
            )
        remedy = f"write == with a literal: 'when {task} == \"big\"'"
        if token.text.startswith("="):
            remedy = f"write '==': 'when {task} == …'"
        if token.text.startswith("!"):
            remedy = f"write 'unless {task} == …' for a result that is not equal"
        return self._error(
            f"{shown(token.text)} compares nothing here",
            token.span,
            f"{remedy}; let a task return True or False for other comparisons",
        )

    def own_condition(self, task: str, span: Span) -> DSLSyntaxError:
        """Explain a task that waits for its own result."""
        return self._error(
            f"{shown(task)} cannot depend on its own result", span, "name another task behind it"
        )

    def behind(self, start: int, at: int) -> FlowError | None:
        """Explain what stands behind a statement, if it has to do with the forms of this module."""
        token, before = self._tokens[at], self._tokens[at - 1]
        if token.text in ("if", "and", "or") and before.kind == "word":
            if token.text == "if":
                return self._error(
                    "'if' is no word of this language",
                    token.span,
                    "write 'when', or 'unless' for the opposite",
                )
            if any(t.text in ("when", "unless") for t in self._tokens[start:at]):
                return self._error(
                    f"{shown(token.text)} is no word of this language",
                    token.span,
                    "write 'when a when b' if both are needed; let a task return True or False "
                    "for others",
                )
        if token.kind == "call" and before.text == "]":
            return self._error(
                "constants belong to one task, not to a list",
                Span(token.line, token.column, 1),
                "write them behind each task: '[fit(depth=2) as low, fit(depth=9) as high]'",
            )
        if token.text == "?":
            what = "a list" if before.text == "]" else "this"
            return self._error(
                f"'?' belongs to one task, not to {what}",
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
