"""Results of classes of the user's: by name, compared with what has it, or refused in words."""

from __future__ import annotations

import functools
import sys
import textwrap
import types

import pytest
from stores import FACTS, started

from taskinity_nb.engine.store.pickling import Names, dumps, loads
from taskinity_nb.engine.store.store import CannotKeep, CannotRead, Store

NOTEBOOK = """
import enum
from dataclasses import dataclass
from typing import NamedTuple

FACTOR = 2

@dataclass
class Row:
    number: int
    def twice(self):
        return FACTOR * self.number

class Pair(NamedTuple):
    a: int
    b: int

class Colour(enum.Enum):
    RED = 1

class Outer:
    class Inner:
        pass

class Refused(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")
        self.a, self.b = a, b

def double(n):
    return 2 * n

def make():
    class Local:
        pass
    return Local()
"""

CASES = {
    "Row(3)": "value == Row(3) and value.twice() == 6",
    "[Row(1), Row(2)]": "value == [Row(1), Row(2)]",
    "Pair(1, 2)": "value == (1, 2) and type(value) is Pair",
    "{Colour.RED: 1}": "value[Colour.RED] == 1 and list(value)[0] is Colour.RED",
    "Outer.Inner()": "type(value) is Outer.Inner",
    "Row": "value is Row",
    "double": "value is double",
    "Row(4).twice": "value() == 8",
    "lambda n: double(n) + 1": "value(4) == 9",
    "Refused(1, 2)": "type(value) is Refused and (value.a, value.b) == (1, 2)",
}


@pytest.fixture
def notebook(monkeypatch):
    """A module that stands for the notebook."""
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    told(NOTEBOOK, vars(module))
    return vars(module)


def told(text, space):
    """Run a cell, without what this module imports from the future."""
    exec(compile(text, "<cell>", "exec", dont_inherit=True), space)


def test_another_kernel_reads_it(tmp_path, notebook):
    store = Store(tmp_path / "cache")
    for expression in CASES:
        store.write(expression, f"d {expression}", eval(expression, notebook), **FACTS)
        value = store.read(store.find(expression))
        assert eval(CASES[expression], {**notebook, "value": value}), expression
    store.close()
    code = f"""
exec({NOTEBOOK!r})
store = Store(folder)
for expression, check in {CASES!r}.items():
    value = store.read(store.find(expression))
    assert eval(check), expression
store.close()
"""
    process = started(tmp_path / "cache", code)
    process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("Row.twice = lambda self: 0", "a 'Row' from before 'Row' was defined again"),
        ("FACTOR = 3", "a 'Row' from before 'Row' was defined again"),
        ("del Row", "a 'Row', which is not defined here"),
        ("Row = 5", "a 'Row' from before 'Row' was defined again"),
        (NOTEBOOK, ""),
        (NOTEBOOK.replace("number: int", "number: int\n    more: int = 0"), "a 'Row' from before"),
    ],
)
def test_a_class_that_is_another_now(tmp_path, notebook, change, reason):
    store = Store(tmp_path / "cache")
    store.write("key", "digest", [notebook["Row"](1)], **FACTS)
    told(change, notebook)
    store.refresh()
    entry = store.find("key")
    if reason:
        assert reason in store.differs(entry)
        with pytest.raises(CannotRead, match=reason):
            store.read(entry)
    else:
        assert store.read(entry) == [notebook["Row"](1)]
    told(NOTEBOOK, notebook)
    store.refresh()
    assert store.read(store.find("key")) == [notebook["Row"](1)]
    store.close()


REFUSED = {
    "make()": "its result holds a 'Local' that is defined within 'make'",
    "[make()]": "its result holds a 'Local' that is defined within 'make'",
    "(n for n in [])": "its result cannot be pickled (a generator)",
    "[iter_of_rows()]": "its result cannot be pickled (a generator)",
    "lock()": "its result cannot be pickled (a lock)",
    "{'a': object()}": "its result cannot be pickled (an object)",
    "Bad()": "its result cannot be pickled (a Bad: ValueError: no)",
    "Ends()": "its result cannot be pickled (an Ends: SystemExit: 3)",
    "deep": "its result cannot be pickled (it is nested too deeply)",
    "old": "its result holds a 'Row' from before 'Row' was defined again",
    "gone": "its result holds a 'Gone' that is not found as '__main__.Gone'",
}

MORE = """
from threading import Lock as lock
def iter_of_rows():
    yield 1
class Bad:
    def __reduce__(self):
        raise ValueError("no")
class Ends:
    def __reduce__(self):
        raise SystemExit(3)
deep = []
for _ in range(100_000):
    deep = [deep]
class Gone:
    pass
gone = Gone()
del Gone
old = Row(1)
class Row:
    pass
"""


def test_what_is_refused(tmp_path, notebook):
    store = Store(tmp_path / "cache")
    told(MORE, notebook)
    for expression, reason in REFUSED.items():
        with pytest.raises(CannotKeep) as raised:
            store.write("key", "digest", eval(expression, notebook), **FACTS)
        assert raised.value.reason == reason, expression
        assert store.find("key") is None
    deep = notebook.pop("deep")
    while deep:  # which the interpreter does one within the other otherwise
        deep = deep[0]
    store.close()


@pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit(3)"])
def test_a_class_that_fails_when_it_is_read(tmp_path, notebook, error):
    told(
        textwrap.dedent(f"""
            class Sour:
                def __init__(self): self.a = 1
                def __setstate__(self, state): raise {error}
        """),
        notebook,
    )
    store = Store(tmp_path / "cache")
    store.write("key", "digest", notebook["Sour"](), **FACTS)
    with pytest.raises(CannotRead, match="its result cannot be read: "):
        store.read(store.find("key"))
    store.close()


def test_a_class_of_a_module_that_is_not_imported_here(tmp_path):
    (tmp_path / "rows_of_mine.py").write_text("class Row:\n    number = 1\n")
    code = f"sys.path.insert(0, {str(tmp_path)!r})\n"
    write = "import rows_of_mine\nStore(folder).write('k', 'd', rows_of_mine.Row(), **FACTS)"
    read = "store = Store(folder)\nprint(store.read(store.find('k')).number)"
    outs = [started(tmp_path / "cache", code + each).communicate()[0] for each in (write, read)]
    assert outs == ["", "1\n"]
    (tmp_path / "rows_of_mine.py").write_text("class Row:\n    number = 234\n")
    out, _ = started(
        tmp_path / "cache",
        code + "store = Store(folder)\nprint(store.differs(store.find('k')))",
    ).communicate()
    assert "from before 'Row' was defined again" in out


def test_what_libraries_make_is_not_noted():
    import collections
    from fractions import Fraction

    value = [Fraction(1, 2), collections.OrderedDict(a=1), functools.partial(max, 1), ValueError()]
    pickled, buffers, named = dumps(value, Names())
    assert (buffers, named) == ([], [])
    assert repr(loads(pickled, [])) == repr(value)
