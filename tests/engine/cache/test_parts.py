"""What a fingerprint consists of: no more and no less than what it stands for."""

from __future__ import annotations

import json
import threading

import pytest
from edits import edits, parts_of
from fingerprints import cell
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from taskinity_nb import run, task
from taskinity_nb.engine.cache.parts import difference
from taskinity_nb.engine.rerun.fingerprint import Printer

NAMES = ["f", "g", "h", "k"]

HEADS = ["{}", "{}, n=1", "{}, n=2", "{}, w=g", "{}, w=h"]
USES = ["1", "2", "A", "B", *(f"{name}(x)" for name in NAMES), "T", "R().m()", "R", "n(x)"]
BINDINGS = [
    "A = 1", "A = 2", "B = 1", "B = [1]", "T = [g, h]", "T = [g, g]", "T = {'g': g}", "n = g",
    "n = h", "n = lambda x: 1",
    "class R:\n    def m(self): return 1", "class R:\n    m = g", "class R:\n    y = 1; m = h",
    "class R:\n    def m(self): return f(A)", "R = g", "R = A = 1", "g = h", "h = R", "A = R",
    "class S(R if type(R) is type else object): pass\nA = S", "A = [R, g]", "B = {'R': R}",
]  # fmt: skip

FUNCTION = st.tuples(st.sampled_from(HEADS), st.lists(st.sampled_from(USES), max_size=3))
NOTEBOOK = st.tuples(
    st.tuples(*[FUNCTION for _ in NAMES]), st.lists(st.sampled_from(BINDINGS), max_size=5)
)


def function_of(notebook):
    functions, bindings = notebook
    space = dict.fromkeys("ghRA") | {"__name__": "__main__"}
    for name, (head, uses) in zip(NAMES, functions, strict=True):
        text = f"def {name}({head.format('x')}): return {', '.join(uses) or None}"
        cell(text, space)
    for binding in bindings:
        cell(binding, space)
    return space["f"]


def digests(parts):
    return {key: digest for key, (digest, _) in parts.items()}


@settings(max_examples=sized(300, 20_000), deadline=None)
@given(NOTEBOOK, NOTEBOOK, st.lists(st.booleans(), min_size=6, max_size=6))
def test_parts_differ_if_and_only_if_fingerprints_do(before, other, taken):
    """Of another notebook some cells are taken, so that it is this one after some edits."""
    functions = [b if keep else a for a, b, keep in zip(before[0], other[0], taken, strict=False)]
    bindings = other[1] if taken[4] else before[1] + other[1][: taken[5]]
    digest, parts = parts_of(function_of(before))
    new_digest, new = parts_of(function_of((functions, bindings)))
    assert (digests(parts) == digests(new)) == (digest == new_digest)
    assert bool(difference(parts, new)) == (digest != new_digest)


@settings(max_examples=sized(100, 5000), deadline=None)
@given(NOTEBOOK)
def test_parts_are_the_same_however_often_they_are_taken(notebook):
    function = function_of(notebook)
    printer = Printer(is_bounded=False)
    assert parts_of(function)[1] == printer.parts(function) == printer.parts(function)
    for other in ("g", "h"):
        printer.take(function.__globals__[other])
    assert printer.parts(function) == parts_of(function_of(notebook))[1]


def test_parts_go_through_json():
    parts = parts_of(cell("A = {1: [b'x']}\ndef f(x, n=None): return A")["f"])[1]
    back = json.loads(json.dumps(parts))
    assert difference(parts, back) == difference(back, parts) == ""
    assert difference(back, parts | {"it: uses A": ("", "{}")}) == (
        "'A', which 'f' uses, was {1: [b'x']} and is {}"
    )


def test_what_flows_in_a_task_name_are_parts():
    space = cell("def f(x): return x\ndef g(x): return x\ndef h(x): return x + 1")
    printer = Printer(is_bounded=False)
    before = printer.parts(space["f"], {"g": space["h"]})
    cell("def h(x): return x + 2", space)
    after = Printer(is_bounded=False).parts(space["f"], {"g": space["h"]})
    assert difference(before, after) == "'h', which 'f' uses, has another text"
    assert printer.parts(space["f"], {"g": space["g"]}) != printer.parts(space["f"])


ITSELF = {
    "a lock": ("lock = threading.Lock()\ndef f(x): return lock", {"lock": "has no copy"}),
    "in a list": (
        "locks = [1, threading.Lock()]\ndef f(x): return locks",
        {"locks": "holds what has no copy"},
    ),
    "of a helper": (
        "lock = threading.Lock()\ndef g(x): return lock\ndef f(x): return g(x)",
        {"lock": "has no copy"},
    ),
    "a default": ("def f(x, lock=threading.Lock()): return lock", {"lock": "has no copy"}),
    "in a closure": (
        "def make(lock):\n    def f(x): return lock\n    return f\nf = make(threading.Lock())",
        {"lock": "has no copy"},
    ),
    "in an object": (
        "class Box:\n    def __init__(self): self.lock = threading.Lock()\nbox = Box()\n"
        "def f(x): return box",
        {"box": "holds what has no copy"},
    ),
    "in two": (
        "lock = threading.Lock()\na = [lock]\nb = [lock]\ndef f(x): return a, b",
        {"a": "holds what has no copy", "b": "holds what has no copy"},
    ),
    "of a class": (
        "class Row:\n    lock = threading.Lock()\ndef f(x): return Row",
        {"Row.lock": "has no copy"},
    ),
    "of two that call each other": (
        "lock = threading.Lock()\ndef g(x): return f(x)\ndef f(x): return g(x), lock",
        {"lock": "has no copy"},
    ),
    "none": ("lock = [1]\ndef f(x): return lock", {}),
}


@pytest.mark.parametrize("name", ITSELF)
def test_what_has_no_copy_is_named(name):
    source, words = ITSELF[name]
    space = cell("import threading\n" + source)
    wanted = {key: f"{why} (a '_thread.lock')" for key, why in words.items()}
    assert Printer(is_bounded=False).take(space["f"]).itself == wanted
    assert Printer(is_bounded=False).take(task(space["f"])).itself == wanted


def test_a_value_that_has_no_copy_has_no_name():
    for value, why in [
        (threading.Lock(), "has no copy (a '_thread.lock')"),
        ((x for x in "ab"), "has no copy (a 'generator')"),
        ({"a": [threading.Lock()]}, "holds what has no copy (a '_thread.lock')"),
    ]:
        printer = Printer(is_bounded=False)
        assert printer.take(value).itself == printer.take(value).itself == {"": why}
    assert Printer(is_bounded=False).take([1, {"a"}]).itself == {}


LOOK = """
def look():
    from taskinity_nb.engine.rerun.fingerprint import Printer
    return Printer(is_bounded=False).take(f).digest, Printer(is_bounded=False).parts(f)
"""


NOT_THERE = {
    # Each task has its own numbers there.
    "random generator",
    "a method of the generator that a module has",
    "a method of the generator that NumPy has",
    # What only a text names does not travel, and neither do classes that nobody names.
    "a global by a text",
    "a text that is evaluated",
    "a query of a table",
    "classes that are derived",
    "one more class that is derived",
}
"""Edits of which a worker process has something else; keys are made in the notebook."""


def test_a_worker_process_finds_the_same():
    lookers = {}
    for name, edit in edits().items():
        is_elsewhere = any(word in edit.before for word in ("module(", "package(", "folder"))
        if not is_elsewhere and name not in NOT_THERE:
            lookers[name] = cell(edit.before + LOOK)["look"]
    tasks = {f"t{number}": look for number, look in enumerate(lookers.values())}
    results = run("\n".join(tasks), namespace=tasks, executor="processes")
    wrong = [
        name
        for (name, look), task_name in zip(lookers.items(), tasks, strict=True)
        if results[task_name] != look()
    ]
    assert wrong == []
