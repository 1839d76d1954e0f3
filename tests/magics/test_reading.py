"""What the editor is told of a cell, and of a name: nothing of it runs."""

from __future__ import annotations

import functools
import math
from types import ModuleType

import pytest

from taskinity_nb import parse_dsl, task
from taskinity_nb.magics.reading import Told, faults_of, told_of


def load(path, rows=3, *more, dry=False, **rest):
    """Read a table.

    It takes long.
    """


def clean(load, /, how=math): ...


class Never:
    """An object that may not be asked anything."""

    def __getattribute__(self, name):
        raise AssertionError(f"asked for {name}")

    def __repr__(self):
        raise AssertionError("asked for its text")


class Own(ModuleType):
    def __getattribute__(self, name):
        raise AssertionError(f"asked for {name}")


def lazy_module():
    """Return a module that makes what it is asked for; pytest would ask one that it finds here."""
    lazy = ModuleType("lazy")
    lazy.__getattr__ = lambda name: Never()
    return lazy


NAMES = {
    "load": load, "clean": clean, "math": math, "number": 3, "never": Never(),
    "lazy": lazy_module(), "own": Own("own"), "Prep": parse_dsl("a -> b"), 7: load,
}  # fmt: skip


def told(cell, names=NAMES):
    return [(each.message, each.remedy, tuple(each.span)) for each in faults_of(cell, names)]


@pytest.mark.parametrize(
    "cell",
    [
        "%%flow\nload -> clean", "%%flow\n\n", "%%flow", "", "x = laod", "%%flowers\na => b",
        "%%flow -q\ninput rows\nrows -> load -> math.sqrt as root -> clean;",
        "%%flow\nload -> Prep -> lazy.anything as x -> never.anything as y -> own.thing as z",
        "%%flow\nflow A:\n load\nflow B:\n A -> clean",
    ],
)  # fmt: skip
def test_nothing_is_wrong(cell):
    assert told(cell) == []


def test_the_parser_s_error_stands_where_it_is_in_the_cell():
    [(message, remedy, span)] = told("\n%%flow -q\n\nload => clean")
    assert (message, span) == ("'=>' is not an arrow here", (4, 6, 2))
    assert remedy.startswith("write 'load -> clean' if")
    [(message, _, span)] = told("%%flow\nflow A:\n    load -> clean -> load")
    assert "clean" in message and span[0] == 3


def test_names_that_no_function_bears():
    cell = "%%flow\nlaod -> clean\nnumber -> mth.sqrt as root -> math.sqr as r -> what -> laod"
    found = faults_of(cell.replace(" -> laod", ""), NAMES)
    assert [(each.name, each.is_error, tuple(each.span)[:2]) for each in found] == [
        ("laod", True, (2, 1)), ("number", False, (3, 1)), ("mth.sqrt", False, (3, 11)),
        ("math.sqr", False, (3, 31)), ("what", False, (3, 48)),
    ]  # fmt: skip
    assert found[0][:2] == ("no function is called 'laod'", "did you mean 'load'?")
    assert "def what(...):" in found[-1].remedy


def test_many_names_are_told_of_as_far_as_they_can_be_read():
    cell = "%%flow\n" + "\n".join(f"load -> lod_{number}" for number in range(1000))
    assert len(faults_of(cell, NAMES)) == 200
    assert isinstance(faults_of(cell, {})[0], Told)


def test_what_a_name_stands_for():
    assert told_of("load", NAMES) == (
        "load(path, rows=3, *more, dry=False, **rest)", "Read a table.\n\nIt takes long.",
    )  # fmt: skip
    assert told_of("clean", NAMES) == ("clean(load, /, how=…)", "")
    assert told_of("made", {"made": task(clean)}) == ("made(load, /, how=…)", "")
    assert told_of("math.sqrt", NAMES)[0] == "math.sqrt(x, /)"
    assert told_of("Prep", NAMES) == ("flow flow: 2 tasks", "")
    assert told_of("Never", {"Never": Never}) == ("class Never", "")
    assert told_of("part", {"part": functools.partial(load)}) == ("part: partial", "")
    for name in ("never", "number", "other", "math", "math.nothing", "never.x", "own.x", ""):
        assert told_of(name, NAMES) is None


def test_a_signature_is_that_of_the_function_within():
    @functools.wraps(load)
    def around(*args, **kwargs): ...

    assert told_of("around", {"around": around})[0].startswith("around(path, rows=3")
    around.__wrapped__ = around  # in a circle
    assert told_of("around", {"around": around})[0] == "around(*args, **kwargs)"


def test_a_hostile_docstring_is_harmless_and_short():
    def bad(a="\x1b[31m", b="x" * 50, *, c=b"raw", d=1j): ...

    bad.__doc__ = "\x1b[31m<script>" + "x" * 10_000
    signature, doc = told_of("bad", {"bad": bad})
    assert signature == r"bad(a='\x1b[31m', b=…, *, c=b'raw', d=1j)"
    assert doc.startswith("<script>") and len(doc) < 2000
