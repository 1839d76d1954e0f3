"""What is wrong with values in a text: constants, the inputs of a flow, what is compared.

Nothing here is called for a text that is right.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from keyword import iskeyword
from typing import NamedTuple

from ..tokens import PAIRS, bare, shown

__all__ = ["PYTHONS_WORDS", "Wrong", "doubled", "misread", "no_literal", "unbalanced"]

PYTHONS_WORDS = {"true": "True", "false": "False", "null": "None", "none": "None", "nil": "None"}
"""What other languages call these, and how Python does."""


class Wrong(NamedTuple):
    """What is wrong, where in the text it begins, how wide it is, and what to write instead."""

    message: str
    start: int
    width: int
    remedy: str


class _Given(NamedTuple):
    """One name with its value, as far as it is written, and where it begins."""

    text: str
    start: int


def misread(text: str, start: int, end: int, task: str = "") -> Wrong | None:
    """Explain what stands between two places, which cannot be read.

    That are the constants of `task`; without one, the inputs of a flow.
    """
    if found := unbalanced(text, start, end):
        return found
    seen: set[str] = set()
    for given, is_last in _given(text, start, end):
        if found := _wrong_name(given, is_last, task) or _wrong_value(given, task):
            return found
        name = _FORM.match(given.text)
        if name and name["name"] in seen:
            what = "a constant" if task else "an input"
            return Wrong(
                f"{shown(name['name'])} is {what} twice here", given.start, len(name["name"]),
                "keep one of the two",
            )  # fmt: skip
        seen.add(name["name"] if name else "")
    return None


def unbalanced(text: str, start: int, end: int) -> Wrong | None:
    """Explain a bracket or a quotation mark that has no partner."""
    opened: list[tuple[str, int]] = []
    for match in _SIGN.finditer(text, start, end):
        if match["open"]:
            opened.append((match["open"], match.start()))
        elif match["close"]:
            if not opened:
                return Wrong(
                    f"this '{match['close']}' closes nothing", match.start(), 1, "remove it"
                )
            sign, place = opened.pop()
            if PAIRS[sign] != match["close"]:
                return Wrong(
                    f"this '{sign}' is closed with '{match['close']}'", place, 1,
                    f"write '{PAIRS[sign]}' where it ends",
                )  # fmt: skip
        elif match["quote"]:
            return Wrong(
                f"the closing {match['quote']} is missing on this line", match.start(), 1,
                f"write {match['quote']} after the text; a line break inside it is written \\n",
            )  # fmt: skip
    if opened:
        sign, place = opened[0]
        return Wrong(
            f"this '{sign}' is never closed", place, 1,
            f"write '{PAIRS[sign]}' behind the last value",
        )  # fmt: skip
    return None


def _given(text: str, start: int, end: int) -> Iterator[tuple[_Given, bool]]:
    """Yield what stands between the commas, and whether it is the last; brackets keep theirs."""
    depth, begin, pieces = 0, start, []
    code = text[:end]
    for match in _SIGN.finditer(text, start, end):
        if match["open"]:
            depth += 1
        elif match["close"]:
            depth -= 1
        elif match["comment"]:
            code = code[: match.start()] + " " * len(match[0]) + code[match.end() :]
        elif match["comma"] and depth == 0:
            pieces.append((begin, match.start()))
            begin = match.end()
    pieces.append((begin, end))
    for number, (first, behind) in enumerate(pieces, 1):
        piece = code[first:behind]
        blank = len(piece) - len(piece.lstrip())
        yield _Given(piece.strip(), first + blank), number == len(pieces)


def _wrong_name(given: _Given, is_last: bool, task: str) -> Wrong | None:
    """Explain what has no name, or another sign than '=' behind it."""
    text, start = given
    example = f"{bare(task)}(depth=3)" if task else "input files, depth = 3"
    if not text:
        message, remedy = "nothing stands in front of this comma", "remove the comma"
        return None if is_last else Wrong(message, start, 1, remedy)
    if text[0] in "*/":
        return Wrong(
            "stars have no meaning here: nothing is unpacked in the text of a flow"
            if text[0] == "*" else "'/' has no meaning here",
            start, len(text), f"write each name by itself: '{example}'",
        )  # fmt: skip
    match = _FORM.match(text)
    if quoted := _QUOTED_NAME.match(text):
        return Wrong(
            "a name has no quotation marks", start, quoted.end(1),
            f"write {shown(quoted[1][1:-1] + '=' + quoted[2])}",
        )  # fmt: skip
    if match is None or (task and not match["sign"] and _reads(text)):
        if task:
            return Wrong(
                "this constant has no name", start, len(text),
                f"write the name of its parameter: {shown(f'{task}(name={doubled(text)})')}",
            )  # fmt: skip
        return Wrong(f"a name is expected here, not {shown(text)}", start, len(text),
                     f"write '{example}'")  # fmt: skip
    name, sign, value = match["name"], match["sign"], match["value"].strip()
    if iskeyword(name):
        what = "parameter" if task else "input"
        return Wrong(
            f"{shown(name)} is a Python keyword, so no {what} can have this name", start, len(name),
            f"give the {what} another name, for example '{name.lower()}_value'",
        )  # fmt: skip
    equals = "=" if task else " = "
    if sign in ("==", ":="):
        return Wrong(f"'{sign}' gives no value here", start + match.start("sign"), 2,
                     f"write {shown(name + equals + value)}")  # fmt: skip
    if sign == ":":
        return _wrong_colon(given, match, task)
    if not sign and value:
        return _behind_name(given, match, task)
    return None


def _wrong_colon(given: _Given, match: re.Match[str], task: str) -> Wrong:
    name, value = match["name"], match["value"].strip()
    width = len(given.text) - match.start("sign")
    if task:
        return Wrong("':' gives no value here", given.start + match.start("sign"), 1,
                     f"write {shown(f'{name}={value}')}")  # fmt: skip
    default = value.partition("=")[2].strip()
    return Wrong(
        "an input has no type in the text of a flow",
        given.start + match.start("sign"),
        max(1, len(f": {value.partition('=')[0]}".rstrip()) if default else width),
        f"write {shown(f'input {name} = {default}' if default else f'input {name}')}; "
        "the function says what it takes",
    )


def _behind_name(given: _Given, match: re.Match[str], task: str) -> Wrong:
    """Explain what stands behind a name, without a '=' between the two."""
    name, value = match["name"], match["value"].strip()
    at = given.start + match.start("value")
    arrow = re.match(r"(-\.->|->)\s*([^\W\d]\w*)?", value)
    if arrow and not task:
        return _with_arrow(name, given.start, at + len(arrow[1]), arrow[2])
    other = re.match(r"[^\W\d]\w*", value)
    if other:
        return Wrong(
            f"a comma is missing between {shown(name)} and {shown(other[0])}",
            given.start + len(name), max(1, at - given.start - len(name)),
            f"write '{bare(name)}, {bare(other[0])}'",
        )  # fmt: skip
    example = f"'{bare(name)}=…'" if task else f"'input {bare(name)}' or 'input {bare(name)} = …'"
    if value[0] in ".-":
        return Wrong(
            f"a name is one word, not {shown(given.text)}", given.start, len(given.text),
            f"write {shown(re.sub(r'[^0-9a-zA-Z_]+', '_', given.text))}",
        )  # fmt: skip
    return Wrong(f"{shown(value)} has no meaning here", at, len(value), f"write {example}")


def _with_arrow(name: str, start: int, end: int, target: str | None) -> Wrong:
    return Wrong(
        "a line that declares inputs has no arrows", start, end - start,
        f"end the line 'input …' in front of it, and write '{bare(name)} -> "
        f"{bare(target or 'next_task')}' in the line below",
    )  # fmt: skip


def _wrong_value(given: _Given, task: str) -> Wrong | None:
    """Explain a value that Python cannot read."""
    match = _FORM.match(given.text)
    if match is None or not match["sign"]:
        return None
    name, value = match["name"], match["value"].strip()
    at = given.start + match.start("value")
    if not value:
        return Wrong(
            f"the value is missing behind {shown(name + ' =')}",
            given.start + match.start("sign"), 1,
            f"write a number, a text in quotation marks, or another literal: "
            f"{shown(f'{name}=3' if task else f'input {name} = 3')}",
        )  # fmt: skip
    if _reads(value):
        return None
    if digits := re.search(r"\d{4301}", value):
        return Wrong("this number has more digits than Python reads", at + digits.start(), 1,
                     "make it an input of the flow, and give it to the run")  # fmt: skip
    arrow = re.search(r"\s(-\.->|->)\s*([^\W\d]\w*)?", value)
    if arrow and not task and _reads(value[: arrow.start()]):
        return _with_arrow(name, given.start, at + arrow.end(1), arrow[2])
    other = re.search(r"\s+([^\W\d]\w*)\s*=(?!=)", value)
    if other and _reads(value[: other.start()]):
        return Wrong(
            f"a comma is missing in front of {shown(other[1])}", at + other.start(),
            other.start(1) - other.start(), f"write {shown(f', {other[1]}=…')}",
        )  # fmt: skip
    return Wrong(
        "this cannot be read as a literal of Python's", at, len(value),
        f"write a number, a list, or a text in quotation marks: "
        f"{shown(name + '=' + _in_quotes(value))}",
    )  # fmt: skip


def no_literal(culprit: ast.expr, name: str, task: str) -> tuple[str, str]:
    """Return what is wrong with an expression where a literal must stand, and what to write.

    That is a constant of `task`, the default of an input, or (with no name) what is compared.
    """
    word = _KINDS.get(type(culprit), "an expression")
    function = culprit.func if isinstance(culprit, ast.Call) else None
    if isinstance(culprit, ast.Name):
        word = f"the name {shown(culprit.id)}"
    message = f"a literal is expected here, not {word}: nothing is evaluated in the text of a flow"
    if not name:
        return message, "compare inside a task, let it return True or False, and name it here"
    if not task:
        return message, (
            f"write the value itself, or {shown(f'input {name}')} without a default, "
            "and give the value to the run"
        )
    wanted = "write the value itself, or "
    if isinstance(function, ast.Name):
        wanted = f"if {shown(function.id)} is a task, write '{bare(function.id)} -> {bare(task)}'; "
        wanted += "else "
    return message, (
        f"{wanted}declare an input above, {shown(f'input {name}')}, write "
        f"{shown(f'{task}({name}={name})')} here, and give the value to the run"
    )


_KINDS = {
    ast.Call: "a call",
    ast.JoinedStr: "an f-string",
    ast.Attribute: "a name with a dot",
    ast.Lambda: "a lambda",
    ast.ListComp: "a loop",
    ast.SetComp: "a loop",
    ast.DictComp: "a loop",
    ast.GeneratorExp: "a loop",
    ast.BinOp: "a calculation",
    ast.BoolOp: "'and' or 'or'",
    ast.Compare: "a comparison",
    ast.IfExp: "'if' and 'else'",
}


def _reads(value: str) -> bool:
    """Tell whether Python can read an expression."""
    if not value.strip():
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a text looks like
            ast.parse(f"(\n{value}\n)", mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def doubled(text: str) -> str:
    """Write a text in double quotation marks if it can be, to stand in a remedy."""
    return text.replace("'", '"') if '"' not in text else text


def _in_quotes(value: str) -> str:
    return f'"{value}"' if value.isprintable() and not {'"', "\\"} & set(value) else '"text"'


_FORM = re.compile(r"(?P<name>[^\W\d]\w*)\s*(?P<sign>:=|==|=|:|)\s*(?P<value>.*)", re.DOTALL)
_QUOTED_NAME = re.compile(r"""("\w+"|'\w+')\s*[=:]\s*(.*)""", re.DOTALL)

_SIGN = re.compile(
    r"""
    (?P<open> [(\[{] ) | (?P<close> [)\]}] ) | (?P<comma> , ) | (?P<comment> \#[^\r\n]* )
    | "(?: [^"\\\r\n] | \\[^\r\n] )*+" | '(?: [^'\\\r\n] | \\[^\r\n] )*+' | (?P<quote> ["'] )
    """,
    re.VERBOSE,
)
