"""What each piece of a text is, as the golden list says; in Python, in JavaScript, for Pygments."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import tomllib
from importlib import import_module
from itertools import accumulate
from pathlib import Path

import pytest
from sizes import sized

from taskinity_nb.dsl.lexer import FlowLexer
from taskinity_nb.dsl.roles import ROLES, roles_of
from taskinity_nb.dsl.tokens import tokenize

HERE = Path(__file__).parent
TESTS = HERE.parent
GOLDEN = TESTS / "golden" / "roles.json"
CELLS = json.loads(GOLDEN.read_text("utf-8"))
ODD = [
    "", "\n", "%%flow", "%%flow?", " \n%%flow -x\r\na\rb\x85c\x1c->\u2028d\ufeff",
    "fit(\na -> b(n=1)\n)", "a(b -> c(\n[d(\n", "(((\n" * 30 + "a(n=1)",
    "fit(n=1) when x == [1,\n2] # z\nb", "ﬁt -> ﬀ -> ªº -> 2nd -> ⅷ -> a·b -> 𝐚𝐛 -> 🙂",
    "map map -> as as as", "a.0.b.class as c", "%%flow_from a",
    "flow flow:\n flow as :\n flow when x\n flow -> y",
    "input when x\n input as y\n input(x)\n input x (", "description: 'a\ndescription -> b",
    "a == 1\na when == 2\na when b ===3\na when b == 'c -> d",
    "X, = split\nX, y -> z\n_, 2, class = a\nx == y", "True -> None when False(True=True)",
    "input a=rb'x', b=.5e-3, c=0x1f, d=-1j, e=f(x)\nq(r=Rb\"\\\"\")",
    "a(x=',', # )\n y='#') -> b # (",
]  # fmt: skip
SIGNS = [
    *"()[]{}.,:;=-><?\"'#*@!&|\\ \n\t_0aXé",
    "->",
    "==",
    "when ",
    "map ",
    " as ",
    "input ",
    "\n",
]


def told(text):
    return [[role, text[start:end]] for role, start, end in roles_of(text)]


def written(cell):
    """Return a cell as the golden list has it: each line with its pieces."""
    found, lines = roles_of(cell), []
    begins = 0
    for line in cell.split("\n"):
        ends = begins + len(line)
        pieces = [f"{p.role} {cell[p.start : p.end]}" for p in found if begins <= p.start < ends]
        lines.append([line, pieces])
        begins = ends + 1
    return lines


def test_the_golden_list():
    cells = ["\n".join(line for line, _ in cell) for cell in CELLS]
    if os.environ.get("UPDATE_GOLDEN"):
        lines = [
            ",\n  ".join(json.dumps(line, ensure_ascii=False) for line in written(cell))
            for cell in cells
        ]
        GOLDEN.write_text("[\n [\n  " + "\n ],\n [\n  ".join(lines) + "\n ]\n]\n", "utf-8")
    assert len(cells) == 20
    assert [written(cell) for cell in cells] == json.loads(GOLDEN.read_text("utf-8"))
    assert {role for cell in cells for role, _ in told(cell)} == set(ROLES)


def texts():
    """Return all kinds of texts: of the docs, of the tests, and with slips in them."""
    docs = (TESTS.parent / "docs" / "language.md").read_text("utf-8")
    found = re.findall(r"```text\n(.*?)```", docs, re.DOTALL)
    assert len(found) > 10
    found += ["\n".join(line for line, _ in cell) for cell in CELLS] + ODD
    found += [path.read_text("utf-8") for path in sorted((TESTS / "golden" / "dsl").glob("*.txt"))]
    chance = random.Random(1)
    for _ in range(sized(500, 20_000)):
        text = chance.choice(found[:300])
        for _ in range(chance.randint(1, 4)):
            at = chance.randint(0, len(text))
            text = text[:at] + chance.choice(SIGNS) + text[at + chance.randint(0, 2) :]
        found.append(text)
    return found


def test_python_and_javascript_say_the_same():
    node = shutil.which("node")
    assert node, "the extension's JavaScript is tested by Node.js 20 or newer: install it"
    found = texts()
    done = subprocess.run(
        [node, TESTS / "js" / "roles.mjs"], input=json.dumps(found),
        capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for text, theirs in zip(found, json.loads(done.stdout), strict=True):
        assert theirs["tokens"] == [[token.kind, token.text] for token in tokenize(text)], text
        assert theirs["roles"] == told(text), text


@pytest.mark.parametrize("text", ODD)
def test_pieces_stand_in_a_row_and_hold_all_but_blanks(text):
    behind = 0
    for piece in roles_of(text):
        assert piece.start >= behind and piece.end > piece.start and piece.role in ROLES
        behind = piece.end
        text = text[: piece.start] + " " * (piece.end - piece.start) + text[piece.end :]
    assert not text.strip().strip("?")  # which asks for the help of the magic


# Pygments.


def test_pygments_finds_the_lexer_by_its_names():
    entries = tomllib.loads((TESTS.parent / "pyproject.toml").read_text("utf-8"))["project"]
    module, name = entries["entry-points"]["pygments.lexers"]["flow"].split(":")
    lexer = getattr(import_module(module), name)
    assert lexer is FlowLexer and {"flow", "taskinity"} <= set(lexer.aliases)


def test_pygments_loses_nothing_of_a_text():
    for text in texts():
        pieces = list(FlowLexer().get_tokens_unprocessed(text))
        assert "".join(piece for _, _, piece in pieces) == text
        assert [at for at, _, _ in pieces] == [0, *accumulate(len(piece) for *_, piece in pieces)][
            :-1
        ]


def test_pygments_tokens():
    text = "%%flow -q run\nflow A:  # why\n    load => map fit(n=3)"
    tokens = [
        (str(kind).removeprefix("Token."), piece) for kind, piece in FlowLexer().get_tokens(text)
    ]
    assert [each for each in tokens if each[0] != "Text.Whitespace"] == [
        ("Comment.Preproc", "%%flow"), ("Name.Attribute", "-q"), ("Text", "run"),
        ("Keyword", "flow"), ("Name.Class", "A"), ("Punctuation", ":"),
        ("Comment.Single", "# why"), ("Name", "load"), ("Error", "=>"), ("Keyword", "map"),
        ("Name", "fit"), ("Punctuation", "("), ("Name.Attribute", "n"), ("Operator", "="),
        ("Literal.Number", "3"), ("Punctuation", ")"),
    ]  # fmt: skip
