"""A kept result does not hold something of a class that was defined again since."""

from __future__ import annotations

import sys
import types

import pytest
from fingerprints import cases, cell

from taskinity_nb import run
from taskinity_nb.model.refs import ResultRef

KEPT = "kept: nothing that it depends on has changed"

CLASSES = """
    import collections, dataclasses, enum, functools, types, typing
    class Color(enum.Enum):
        RED = 1
    class Flag(enum.IntFlag):
        A = 1
        B = 2
    @dataclasses.dataclass
    class Row:
        x: int = 1
    @dataclasses.dataclass(slots=True, frozen=True)
    class Slotted:
        x: object = 1
    class Plain: pass
    class Empty:
        __slots__ = ()
    class Failed(Exception): pass
    Pair = collections.namedtuple("Pair", "a b")
    class Typed(typing.NamedTuple):
        a: int
    class Number(int): pass
    class Text(str): pass
    class Names(dict): pass
    class Outer:
        class Inner: pass
    def held(thing):
        def inner(): return thing
        return inner
"""

HOLDERS = cases(
    """
--- Color: a member
Color.RED
--- Flag: a combination
Flag.A | Flag.B
--- Row: a dataclass
Row()
--- Slotted: with slots
Slotted()
--- Plain: an instance
Plain()
--- Empty: without any state
Empty()
--- Failed: an exception
Failed("x")
--- Pair: a namedtuple
Pair(1, 2)
--- Typed: a typed one
Typed(1)
--- Number: a number
Number(3)
--- Text: a text
Text("a")
--- Names: a dict
Names(a=1)
--- Outer.Inner: an inner class
Outer.Inner()
--- Color: the class itself
Color
--- Color: a class in a list
[list, (Color,)]
--- Color: deep in containers
[{"a": ({1: [Color.RED]},)}]
--- Color: a key
{Color.RED: 1}
--- Color: an element
frozenset({Color.RED})
--- Slotted: a key of a key
{(Slotted(), 1): 2}
--- Color: in an attribute
types.SimpleNamespace(a=types.SimpleNamespace(b=Color.RED))
--- Color: in a slot
Slotted(Slotted(Color.RED))
--- Color: in an exception
ValueError(1, [Color.RED])
--- Color: as a cause
[setattr(e, "__cause__", KeyError(Color.RED)) or e for e in [ValueError()]]
--- Color: in a deque
collections.deque([Color.RED])
--- Color: in a default dict
collections.defaultdict(list, a=[Color.RED])
--- Color: in a partial
functools.partial(print, Color.RED)
--- Color: in a method
types.MethodType(print, Color.RED)
--- Color: in a closure
held(Color.RED)
--- Color: in a default
(lambda x=Color.RED: x)
--- Color: in a mapping proxy
types.MappingProxyType({"a": Color.RED})
--- Color: in what is cached
[setattr(p, "seen", [Color.RED]) or p for p in [Plain()]]
"""
)


@pytest.fixture
def notebook(monkeypatch):
    """The namespace of a notebook, as `__main__`."""
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    return vars(module)


def reasons(run):
    return {name: record.why for name, record in run.tasks.items()}


def outdated(name):
    return f"runs again: its result holds a '{name}' from before '{name}' was defined again"


class TestResults:
    @pytest.mark.parametrize("case", HOLDERS)
    def test_of_a_class_that_was_defined_again(self, case, notebook):
        name, source = case.partition(":")[0], HOLDERS[case]
        cell(CLASSES, notebook)
        cell(f"def make(): return {source}\ndef use(make): return 1", notebook)
        before = run("make -> use", namespace=notebook)
        assert set(reasons(before.resume()).values()) == {KEPT}
        cell(CLASSES, notebook, line=50)
        after = before.resume()
        why = reasons(after)
        assert why["make"].startswith("runs again: its result holds a '")
        if "Slotted" not in source and "Plain" not in source:
            assert why["make"] == outdated(name)
        assert why["use"] == "runs again: 'make' runs again"
        assert set(reasons(after.resume()).values()) == {KEPT}

    def test_what_one_would_notice(self, notebook):
        cell(CLASSES, notebook)
        cell("def make(): return [Color.RED, Row()]", notebook)
        before = run("make", namespace=notebook)
        cell(CLASSES, notebook)
        color, row = before.resume()["make"]
        assert color is notebook["Color"].RED
        assert row == notebook["Row"]()

    def test_in_an_array_or_a_table(self, notebook):
        pd = pytest.importorskip("pandas")
        notebook["pd"] = pd
        cell(CLASSES, notebook)
        cell(
            """
            def array(): return [pd.Series([Color.RED]).to_numpy()]
            def table(): return pd.DataFrame({"a": [Color.RED, None], "b": [1, 2]})
            def index(): return pd.Index([Color.RED])
            def numbers(): return pd.DataFrame({"a": [1, 2]})
            """,
            notebook,
        )
        before = run("array\ntable\nindex\nnumbers", namespace=notebook)
        cell(CLASSES, notebook)
        why = reasons(before.resume())
        assert why.pop("numbers") == KEPT
        assert set(why.values()) == {outdated("Color")}

    def test_items(self, notebook):
        cell(CLASSES, notebook)
        source = """
            def scan(): return [0, 1, 2]
            def make(n):
                if n == 1: raise ValueError
                return Color.RED if n else n
        """
        cell(source, notebook)
        before = run("scan -> map make", namespace=notebook, on_error="continue")
        cell(CLASSES, notebook)
        after = before.resume()
        assert [str(item.state) for item in after.tasks["make"].items] == [
            "cached", "failed", "succeeded",
        ]  # fmt: skip
        assert after.tasks["make"].why == "runs again: 2 of 3 items"

    def test_other_classes_stay(self, notebook):
        cell(CLASSES, notebook)
        cell("def make(): return Row()\ndef other(): return [Plain(), Color]", notebook)
        before = run("make\nother", namespace=notebook)
        cell("class Plain: pass", notebook)
        assert reasons(before.resume()) == {"make": KEPT, "other": outdated("Plain")}

    def test_a_class_that_a_decorator_puts_another_in_place_of(self, notebook):
        cell(
            """
            import dataclasses, functools
            def registered(made):
                class Wrapped(made): pass
                functools.update_wrapper(Wrapped, made, updated=())
                Wrapped.plain = made
                return Wrapped
            @registered
            class Row: pass
            @dataclasses.dataclass(slots=True)
            class Slotted: x: int = 1
            def singleton(made): return made()
            @singleton
            class Config: pass
            def derived(made):
                class Derived(made): plain = made
                return Derived
            @derived
            class Other: pass
            def make(): return Row(), Row.plain(), Slotted(), Config, Other(), Other.plain()
            """,
            notebook,
        )
        before = run("make", namespace=notebook)
        assert reasons(before.resume()) == {"make": KEPT}

    def test_a_class_that_was_deleted(self, notebook):
        cell("class Row: pass\ndef make(): return eval(''.join(['R', 'ow']))()", notebook)
        before = run("make", namespace=notebook)
        del notebook["Row"]
        assert reasons(before.resume()) == {"make": KEPT}

    def test_of_a_namespace_that_is_no_module(self):
        space = cell(CLASSES)
        cell("def make(): return Color.RED", space)
        before = run("make", namespace=space)
        cell(CLASSES, space)
        assert reasons(before.resume()) == {"make": outdated("Color")}

    def test_in_a_file(self, notebook):
        """Large results of processes lie in files."""
        cell(CLASSES, notebook)
        cell("def make(): return bytes(3_000_000), Color.RED\ndef f(make): return 1", notebook)
        before = run("make -> f", namespace=notebook, executor="processes")
        assert set(reasons(before.resume()).values()) == {KEPT}
        cell(CLASSES, notebook)
        before = run("make -> f", namespace=notebook, executor="processes")
        cell(CLASSES, notebook)
        after = before.resume(executor="processes")
        assert reasons(after)["make"] == outdated("Color")
        assert after["make"][1] is notebook["Color"].RED

    def test_a_file_that_is_gone(self, notebook):
        cell("def make(): return bytes(3_000_000)\ndef f(make): return 1", notebook)
        before = run("make -> f", namespace=notebook, executor="processes")
        stored = before.record.values[0]
        import os

        os.unlink(stored._shared.path)
        after = before.resume()
        assert reasons(after)["make"].startswith("runs again: its result cannot be read: ")
        assert len(after["make"]) == 3_000_000

    def test_that_lies_on_a_cluster(self, notebook):
        """It is fetched only if a class that tasks reach was defined again."""
        fetched = []

        class There(ResultRef):
            place = "a worker"

            def fetch(self):
                fetched.append(self)
                return [self.held]

        cell(CLASSES, notebook)
        cell("def make(): return Color.RED\ndef other(): return 1", notebook)
        before = run("make\nother", namespace=notebook)
        there = before.record.values[0] = There()
        there.held = notebook["Color"].RED
        assert set(reasons(before.resume()).values()) == {KEPT}
        assert fetched == []
        cell("class Plain: pass", notebook)  # which no task reaches
        assert set(reasons(before.resume()).values()) == {KEPT}
        assert fetched == []
        cell(CLASSES, notebook)
        assert reasons(before.resume()) == {"make": outdated("Color"), "other": KEPT}
        assert fetched == [there]

    def test_is_looked_for_without_calling_anything(self, notebook):
        source = """
            calls = __import__("types").ModuleType("calls")
            calls.made = []
            class Row:
                def touched(self, *args):
                    calls.made.append(args)
                    raise RuntimeError
                __eq__ = __hash__ = __repr__ = __iter__ = __len__ = __bool__ = touched
                __getattr__ = __getattribute__ = __reduce_ex__ = __sizeof__ = touched
            class List(list):
                def __iter__(self): calls.made.append(1)
        """
        cell(source, notebook)
        cell("def make(): return List([Row()])\nclass Other: pass\nother = Other()", notebook)
        before = run("make", namespace=notebook)
        cell("class Other: pass", notebook)
        assert reasons(before.resume()) == {"make": KEPT}
        assert notebook["calls"].made == []


class TestConstants:
    def test_an_input_of_a_class_that_was_defined_again(self, notebook):
        cell(CLASSES, notebook)
        cell("def f(color, x=Plain()): return color is Color.RED", notebook)
        before = run("f", {"color": notebook["Color"].RED}, namespace=notebook)
        assert reasons(before.resume()) == {"f": KEPT}
        old = notebook["Color"].RED
        cell(CLASSES, notebook)
        cell("def f(color, x=Plain()): return color is Color.RED", notebook)
        after = before.resume(inputs={"color": old})
        assert reasons(after) == {"f": "runs again: its input 'color' has changed"}
        assert (before["f"], after["f"]) == (True, False)
        assert reasons(before.resume(inputs={"color": notebook["Color"].RED})) == {"f": KEPT}

    def test_a_value_that_a_task_names(self, notebook):
        cell(CLASSES, notebook)
        cell("best = [Color.RED]\ndef f(): return best[0] is Color.RED", notebook)
        before = run("f", namespace=notebook)
        cell(CLASSES, notebook)
        after = before.resume()
        assert reasons(after) == {"f": "runs again: its function has changed"}
        assert (before["f"], after["f"]) == (True, False)
        cell("best = [Color.RED]", notebook)
        assert reasons(before.resume()) == {"f": KEPT}
