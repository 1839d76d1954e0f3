"""Edits of a notebook between two kernels, and what of a flow has to run again after each.

As a script: `run_edits.py FOLDER before|after` runs that half of all edits, with a cache in the
folder, and writes what became of the tasks as JSON.
"""

# ruff: noqa: E501
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

from edits import Notebook
from fingerprints import cell

from taskinity_nb import parse_dsl, run, task

__all__ = ["EDITS", "Edit"]


class Edit(NamedTuple):
    """A notebook, what is replaced in it, and the tasks that run again, with the reasons."""

    source: str
    old: str
    new: str
    again: dict[str, str]


CHAIN = """
FLOW = "load -> clean -> total"
FACTOR = 2
def scaled(x): return FACTOR * x
def load(): return [1, 2, 3]
def clean(load, low=0): return [scaled(x) for x in load if x > low]
def total(clean): return sum(clean)
"""
SAME_SUM = CHAIN.replace("sum(clean)", "len(clean)")
OTHER = "'clean' gave another result"

TABLE = """
import pandas as pd, numpy as np
FLOW = "input table, other\\ntable -> shape -> told\\nother -> apart"
INPUTS = {"table": TABLE, "other": 1}
def shape(table): return table.shape
def told(shape): return str(shape)
def apart(other): return other
"""
CHANGED = {"shape": "its input 'table' has changed"}


def table(text: str) -> str:
    return TABLE.replace("TABLE}", f"{text}}}").replace("TABLE,", f"{text},")


ANY = """
FLOW = "input value\\nvalue -> seen -> end"
import datetime, decimal, enum, dataclasses, zoneinfo, pathlib
INPUTS = {"value": VALUE}
def seen(value): return 1
def end(seen): return seen
"""


def given(text: str) -> str:
    head, _, tail = ANY.partition("INPUTS")
    *lines, last = text.split("; ")
    body = "".join(f"{line}\n" for line in lines)
    return head + body + "INPUTS" + tail.replace("VALUE", last)


def became(old: str, new: str) -> dict[str, str]:
    return {"seen": f"its input 'value' was {old} and is {new}"}


OF_VALUE = {"seen": "its input 'value' has changed"}

MAP = """
FLOW = "input ns, by\\nns -> map grow -> total\\nby -> grow"
INPUTS = {"ns": [1, 2, 3], "by": 10}
def grow(n, by): return n * by
def total(grow): return sum(grow)
"""
PARTS = """
FLOW = "x, y = split\\nx -> left\\ny -> right\\n[left, right] -> both"
def split(): return {"x": 1, "y": 2}
def left(x): return x
def right(y): return y
def both(left, right): return left, right
"""

INNER = """
FLOW = "load -> Inner -> end"
Inner = parse_dsl("input a\\na -> first -> second")
def load(): return 1
def first(a): return a + 1
def second(first): return first * 2
def end(inner): return inner
"""

EDITS: dict[str, Edit] = {
    "nothing": Edit(CHAIN, "", "", {}),
    "a comment": Edit(CHAIN, "def scaled", "# by a factor\ndef scaled", {}),
    "blank lines": Edit(CHAIN, "def scaled", "\n\n\ndef scaled", {}),
    "a docstring": Edit(
        CHAIN, "def load(): return", "def load():\n    'Loads.'\n    return", {}
    ),
    "a moved cell": Edit(
        CHAIN.replace("def total", "def last(): return 0\ndef total") ,
        "def last(): return 0\n", "", {}
    ),
    "a constant": Edit(CHAIN, "FACTOR = 2", "FACTOR = 3", {
        "clean": "'FACTOR', which 'scaled' uses, was 2 and is 3", "total": OTHER}),
    "a constant that nobody uses": Edit(CHAIN, "FACTOR = 2", "FACTOR = 2\nOTHER = 1", {}),
    "a constant and the same result": Edit(SAME_SUM, "FACTOR = 2", "FACTOR = 3", {
        "clean": "'FACTOR', which 'scaled' uses, was 2 and is 3", "total": OTHER}),
    "a helper": Edit(CHAIN, "FACTOR * x", "FACTOR * x + 1", {
        "clean": "'scaled', which 'clean' uses, has another text", "total": OTHER}),
    "a helper that does the same": Edit(CHAIN, "FACTOR * x", "x * FACTOR", {
        "clean": "'scaled', which 'clean' uses, has another text"}),
    "a default": Edit(CHAIN, "low=0", "low=1", {
        "clean": "its default 'low' was 0 and is 1", "total": OTHER}),
    "a default that makes no difference": Edit(CHAIN, "low=0", "low=-1", {
        "clean": "its default 'low' was 0 and is -1"}),
    "the first": Edit(CHAIN, "[1, 2, 3]", "[1, 2, 4]", {
        "load": "'load' has another text", "clean": "'load' gave another result", "total": OTHER}),
    "the last": Edit(CHAIN, "sum(clean)", "max(clean)", {"total": "'total' has another text"}),
    "a renamed variable": Edit(CHAIN, "[scaled(x) for x in load if x > low]",
        "[scaled(y) for y in load if y > low]", {"clean": "'clean' has another text"}),
    "a renamed helper": Edit(CHAIN, "scaled", "grown", {
        "clean": "'clean' has another text"}),
    "a type": Edit(CHAIN, "FACTOR = 2", "FACTOR = 2.0", {
        "clean": "'FACTOR', which 'scaled' uses, was 2 and is 2.0", "total": OTHER}),
    "a closure": Edit(
        "FLOW = 'load -> f'\ndef load(): return 1\ndef make(by):\n    def f(load): return by * load\n"
        "    return f\nf = make(2)\n", "make(2)", "make(3)",
        {"f": "'by' in the closure of 'f' was 2 and is 3"}),
    "a lambda": Edit("FLOW = 'load -> f'\nload = lambda: 1\nf = lambda load: load + 1\n",
        "load + 1", "load + 2", {"f": "its function has another text"}),
    "an attribute of a class": Edit(
        "FLOW = 'f -> g'\nclass Row:\n    size = 1\ndef f(): return Row.size\ndef g(f): return f\n",
        "size = 1", "size = 2", {
            "f": "'size' of the class 'Row' was 1 and is 2", "g": "'f' gave another result"}),
    "a method": Edit(
        "FLOW = 'f -> g'\nclass Row:\n    def n(self): return 1\ndef f(): return Row().n()\n"
        "def g(f): return f\n", "return 1", "return int(1)",
        {"f": "'n' of the class 'Row' has another text"}),
    "a decorator": Edit(
        "FLOW = 'f'\nimport functools\ndef twice(g):\n    @functools.wraps(g)\n"
        "    def h(): return 2 * g()\n    return h\n@twice\ndef f(): return 1\n",
        "2 * g()", "3 * g()", {"f": "'f' has another text"}),
    "an enum": Edit(
        "FLOW = 'f'\nimport enum\nclass Mode(enum.Enum):\n    A = 1\ndef f(): return Mode.A.value\n",
        "A = 1", "A = 2", {"f": "'A' of the class 'Mode' has another value"}),
    "a dataclass": Edit(
        "FLOW = 'f'\nimport dataclasses\n@dataclasses.dataclass\nclass Row:\n    a: int = 1\n"
        "def f(): return Row().a\n", "a: int = 1", "a: int = 1\n    b: int = 2",
        {"f": "'b' of the class 'Row' is new"}),
    "recursion": Edit(
        "FLOW = 'f'\ndef f(n=4): return 1 if n < 2 else n * g(n - 1)\ndef g(n): return f(n)\n",
        "f(n)", "f(n) + 1", {"f": "'g', which 'f' uses, has another text"}),
    "a validator": Edit(
        "FLOW = 'f'\n@task(validate_output=lambda r: r > 0)\ndef f(): return 1\n", "r > 0", "r > -1",
        {"f": "'validate_output', which 'f' uses, has another text"}),
    "a version": Edit("FLOW = 'f'\n@task(version='1')\ndef f(): return 1\n", "'1'", "'2'",
        {"f": "its version was '1' and is '2'"}),
    "retries": Edit("FLOW = 'f'\n@task(retries=1)\ndef f(): return 1\n", "retries=1", "retries=2", {}),
    "a module": Edit(
        "FLOW = 'f -> g'\ntools = module('run_tools', 'RATE = 2\\ndef by(x): return RATE * x')\n"
        "def f(): return tools.by(2)\ndef g(f): return f\n", "RATE = 2", "RATE = 3", {
            "f": "'RATE', which 'by' uses, was 2 and is 3", "g": "'f' gave another result"}),
    "a part of a module that nobody uses": Edit(
        "FLOW = 'f'\ntools = module('run_more', 'OTHER = 2\\ndef by(x): return x')\n"
        "def f(): return tools.by(2)\n", "OTHER = 2", "OTHER = 3", {}),
    "a module that is an input": Edit(
        "FLOW = 'input kit\\nkit -> f'\nINPUTS = {'kit': module('run_input', 'def by(x): return 2 * x')}\n"
        "def f(kit): return kit.by(2)\n", "2 * x", "3 * x", {"f": "its input 'kit' has changed"}),
    "a module that is a result": Edit(
        "FLOW = 'f -> g'\nkit = module('run_result', 'RATE = 2\\ndef by(x): return RATE * x')\n"
        "def f(): return [kit.by]\ndef g(f): return f[0](2)\n", "RATE = 2", "RATE = 3", {
            "f": "'RATE', which 'by' uses, was 2 and is 3", "g": "'f' gave another result"}),
    "numbers of a module": Edit(
        "FLOW = 'f'\nfrom random import random, choice\ndef f(): return random() + choice([1])\n", "", "", {}),
    "a version of a package": Edit(
        "FLOW = 'f'\nrun_kit = package('run_kit', 'def by(x): return x', '1.0')\n"
        "def f(): return run_kit.by(2)\n", "'1.0'", "'1.1'",
        {"f": "run_kit was 1.0 and is 1.1"}),
    "a file": Edit(
        "FLOW = 'input p\\np -> f -> g'\nfile('data.txt', 'one')\nfrom pathlib import Path\n"
        "INPUTS = {'p': Path(folder) / 'data.txt'}\n"
        "def f(p): return len(p.read_text())\ndef g(f): return f\n", "'one'", "'three'",
        {"f": "the file 'FOLDER/data.txt', which it uses, has changed",
         "g": "'f' gave another result"}),
    "a file of a constant": Edit(
        "FLOW = 'f'\nfile('more.txt', 'one')\nfrom pathlib import Path\n"
        "PLACE = Path(folder) / 'more.txt'\ndef f(): return PLACE.read_text()\n",
        "'one'", "'three'", {"f": "the file 'FOLDER/more.txt', which it uses, has changed"}),
    "a file that a task names": Edit(
        "FLOW = 'f -> g'\nfile('made.txt', 'one')\nfrom pathlib import Path\nPLACE = folder\n"
        "def f(): return Path(PLACE, 'made.txt')\ndef g(f): return f.read_text()\n",
        "'one'", "'three'", {
            "f": "the file 'FOLDER/made.txt', which its result names, has changed",
            "g": "the file 'FOLDER/made.txt', which it uses, has changed"}),
    "in the middle of a table": Edit(table("pd.DataFrame({'a': range(9999)})"),
        "range(9999)", "[*range(5000), 0, *range(5001, 9999)]", CHANGED),
    "one more row": Edit(table("pd.DataFrame({'a': range(9999)})"), "9999", "10_000", {
        **CHANGED, "told": "'shape' gave another result"}),
    "the order of rows": Edit(table("pd.DataFrame({'a': [1, 2]})"), "[1, 2]", "[2, 1]", CHANGED),
    "the name of a column": Edit(table("pd.DataFrame({'a': [1, 2]})"), "'a'", "'b'", CHANGED),
    "categories": Edit(table("pd.DataFrame({'a': pd.Categorical(['x'], ['x', 'y'])})"),
        "['x', 'y']", "['y', 'x']", CHANGED),
    "ordered categories": Edit(table("pd.DataFrame({'a': pd.Categorical(['x'], ['x'])})"),
        "['x'])", "['x'], ordered=True)", CHANGED),
    "a time zone": Edit(table("pd.DataFrame({'a': pd.date_range('2020', periods=3, tz='UTC')})"),
        "'UTC'", "'Europe/Berlin'", CHANGED),
    "an extension type": Edit(table("pd.DataFrame({'a': pd.array([1], dtype='Int64')})"),
        "Int64", "Int32", CHANGED),
    "an index": Edit(table("pd.DataFrame({'a': [1]}, index=['r'])"), "'r'", "'s'", CHANGED),
    "not a number in a table": Edit(table("pd.DataFrame({'a': [1.0, 2.0]})"), "2.0",
        "float('nan')", CHANGED),
    "the same not a number": Edit(table("pd.DataFrame({'a': [float('nan')]})"),
        "float('nan')", "np.nan", {}),
    "zeros in an array": Edit(table("np.array([0.0])"), "0.0", "-0.0", CHANGED),
    "a type of an array": Edit(table("np.arange(3)"), "arange(3)", "arange(3).astype('i4')", CHANGED),
    "a view of an array": Edit(table("np.arange(6)[:3]"), "arange(6)[:3]", "arange(3)", {}),
    "zero": Edit(given("0.0"), ": 0.0", ": -0.0", became("0.0", "-0.0")),
    "truth": Edit(given("1"), ": 1}", ": True}", became("1", "True")),
    "truth in a set": Edit(given("{1}"), "{1}", "{True}", became("{1}", "{True}")),
    "truth in a dict": Edit(given("{1: 2}"), "{1:", "{1.0:", became("{1: 2}", "{1.0: 2}")),
    "a list and a tuple": Edit(given("[1]"), "[1]", "(1,)", became("[1]", "(1,)")),
    "a path and a text": Edit(given("'x'"), "'x'}", "pathlib.Path('x')}", OF_VALUE),
    "a set": Edit(given("{'a', 'b', 'c'}"), "{'a', 'b', 'c'}", "{'c', 'b', 'a'}", {}),
    "one more in a set": Edit(given("{'a', 'b'}"), "'b'", "'b', 'c'",
        became("{'a', 'b'}", "{'a', 'b', 'c'}")),
    "sets of sets": Edit(given("{frozenset({'a', 'b'}), frozenset({'c'})}"),
        "{'a', 'b'}", "{'b', 'a'}", {}),
    "the order of a dict": Edit(given("{'a': 1, 'b': 2}"), "'a': 1, 'b': 2", "'b': 2, 'a': 1",
        became("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}")),
    "a fold": Edit(given("datetime.datetime(2020, 10, 25, 2, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'))"),
        "25, 2,", "25, 2, fold=1,", OF_VALUE),
    "a decimal": Edit(given("decimal.Decimal('1.0')"), "1.0", "1.00", OF_VALUE),
    "a member": Edit(given("E = enum.Enum('E', 'A B'); E.A"), "E.A", "E.B", OF_VALUE),
    "an object": Edit(given("P = dataclasses.make_dataclass('P', ['x']); P(1)"), "P(1)", "P(2)",
        OF_VALUE),
    "a function that is given": Edit(given("lambda n: n"), "n: n", "n: n + 1", OF_VALUE),
    "a large number": Edit(given("10**5000"), "10**5000", "10**5000 + 1", OF_VALUE),
    "one more item": Edit(MAP, "3]", "3, 4]", {
        "grow": "3 of 4 items cached", "total": "'grow' gave another result"}),
    "one item less": Edit(MAP, ", 3]", "]", {"total": "'grow' gave another result"}),
    "the order of items": Edit(MAP, "[1, 2, 3]", "[3, 2, 1]",
        {"total": "'grow' gave another result"}),
    "what goes to each item": Edit(MAP, "10", "20", {
        "grow": "its input 'by' was 10 and is 20", "total": "'grow' gave another result"}),
    "an item": Edit(MAP, "[1, 2, 3]", "[1, 5, 3]", {
        "grow": "2 of 3 items cached", "total": "'grow' gave another result"}),
    "the function of items": Edit(MAP, "n * by", "by * n", {"grow": "'grow' has another text"}),
    "a part": Edit(PARTS, '"y": 2', '"y": 3', {
        "split": "'split' has another text", "right": "'y' gave another result",
        "both": "'right' gave another result"}),
    "a part that nobody takes": Edit(PARTS, '"y": 2', '"y": 2, "z": 3', {
        "split": "'split' has another text"}),
    "a sub-flow": Edit(INNER, "a + 1", "a + 2", {
        "Inner.first": "'first' has another text",
        "Inner.second": "'Inner.first' gave another result",
        "end": "'Inner.second' gave another result"}),
    "before a sub-flow": Edit(INNER, "load(): return 1", "load(): return int(1)", {
        "load": "'load' has another text"}),
    "a constant of the flow": Edit("FLOW = 'f(n=1) -> g'\ndef f(n): return 0 * n\ndef g(f): return f\n",
        "n=1", "n=2", {"f": "its constant 'n' was 1 and is 2"}),
    "an edge": Edit("FLOW = 'a -> c\\nb'\ndef a(): return 1\ndef b(): return 2\ndef c(v): return v\n",
        "a -> c\\nb", "b -> c\\na", {"c": "'v' comes from elsewhere"}),
    "an edge to the same": Edit(
        "FLOW = 'a -> c\\nb'\ndef a(): return 1\ndef b(): return int(1)\ndef c(v): return v\n",
        "a -> c\\nb", "b -> c\\na", {}),
}  # fmt: skip


def main(folder: str, half: str, executor: str) -> None:
    """Run one half of all edits."""
    sys.dont_write_bytecode = True
    notebook, found = Notebook(Path(folder)), {}
    for number, (name, edit) in enumerate(EDITS.items()):
        source = edit.source.replace(edit.old, edit.new) if half == "after" else edit.source
        space = cell(source, notebook.space() | {"task": task, "parse_dsl": parse_dsl})
        ran = run(space["FLOW"], space.get("INPUTS"), namespace=space, cache=f"{folder}/cache/{number}",
                  executor=executor, on_error="continue")  # fmt: skip
        found[name] = {name: [str(one.state), one.why] for name, one in ran.tasks.items()}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
