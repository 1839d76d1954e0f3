"""Fingerprints: what does not count, as the place that a function stands at."""

from __future__ import annotations

import pytest
from fingerprints import cases, cell, print_of

from taskinity_nb.engine.rerun.fingerprint import digest, fingerprint

SOURCES = cases(
    """
--- plain
def f(x):
    y = x + 1
    return y
--- branches
def f(x):
    if x:
        return 1
    elif x is None:
        pass
    return 2
--- loops
def f(x):
    for i in x:
        while i:
            i -= 1
    else:
        return 0
--- tries
def f(x):
    try:
        return x
    except ValueError as e:
        raise
    finally:
        x()
--- with
def f(x):
    with x as y:
        return y
--- match
def f(x):
    match x:
        case [1, *rest]:
            return rest
        case _:
            pass
--- f-string
def f(x):
    return f"{x!r:>{4}} and {x}"
--- lambda
f = lambda x: x * 2
--- lambdas
def f(x):
    a = lambda y: y
    return a, lambda z: z + 1
--- comprehension
def f(x):
    return [i for i in x if i], {i: 1 for i in x}, {*x}, (i for i in x)
--- nested
def f(x):
    def g(y):
        def h(z):
            return x + y + z
        return h
    return g
--- closure
def make(k):
    def f(x):
        return x * k
    return f
f = make(3)
--- generator
def f(x):
    yield x
    yield from x
--- async
async def f(x):
    async with x as y:
        return await y
--- async generator
async def f(x):
    async for y in x:
        yield y
--- arguments
def f(a, /, b, *c, d=4, **e):
    return a, b, c, d, e
--- annotations
def f(x: int, y: 'str' = 'a b') -> list[int]:
    z: int = 1
    return [x]
--- a set
def f(x):
    return x in {'a', 'b', 'c', 1, 2.5, None}
--- slices
def f(x):
    return x[1:2], x[:, ::3]
--- a default
def f(x, y=[1, {'a': {2}}], *, z=lambda q: q):
    return x
--- globals
A = 1
B = {'a': [1.5]}
def g(x):
    return x * A
def f(x):
    return g(x), B
--- a class within
def f(x):
    class A:
        y = 1
        def m(self):
            self.z = 1
            return x
    return A
--- an annotated class within
def f(x):
    class A:
        y: int = 300
    return A
--- a class
class f:
    a = 1
    def m(self):
        self.b = self.a
        return super().m()
--- a docstring
def f(x):
    '''Says something.'''
    return x
--- assert
def f(x):
    assert x, 'no x'
    return x
--- import
def f(x):
    import math as m
    from os.path import join
    return m.pi, join
--- recursion
def f(x):
    return f(x - 1) if x else 0
--- dataclass
import dataclasses
@dataclasses.dataclass(frozen=True)
class A:
    x: int
    y: list = dataclasses.field(default_factory=list, metadata={'a': 1})
def f(x):
    return A(x)
--- slotted dataclass
import dataclasses
@dataclasses.dataclass(slots=True, order=True)
class A:
    x: int = 1
def f(x):
    return A(x)
--- enum
import enum
class Colour(enum.Enum):
    RED = 1
    BLUE = enum.auto()
class Flags(enum.Flag):
    A = 1
def f(x):
    return Colour.RED, Flags.A
--- abstract class
import abc
class A(abc.ABC):
    @abc.abstractmethod
    def m(self): ...
    @property
    def p(self):
        return 1
    @staticmethod
    def s(): ...
    @classmethod
    def c(cls): ...
class B(A):
    def m(self):
        return 1
def f(x):
    return B()
--- named tuple
import typing
class A(typing.NamedTuple):
    x: int
    y: str = 'b'
def f(x):
    return A(x)
--- cached property
import functools
class A:
    @functools.cached_property
    def x(self):
        return 1
def f(x):
    return A()
--- generic class
import typing
T = typing.TypeVar('T', int, str)
class A(typing.Generic[T]):
    pass
def f(x) -> T:
    return A[int]()
--- instance
class A:
    def __init__(self, n):
        self.n = n
a = A(3)
def f(x):
    return a.n
--- slots
class A:
    __slots__ = ('x', '__weakref__')
a = A()
a.x = 1
def f(x):
    return a
--- decorator
import functools
def twice(g):
    @functools.wraps(g)
    def inner(*a):
        return g(*a), g(*a)
    return inner
@twice
def f(x):
    return x
--- cache
import functools
@functools.lru_cache(maxsize=3)
def f(x):
    return x
--- single dispatch
import functools
@functools.singledispatch
def f(x):
    return x
@f.register
def _(x: int):
    return -x
--- context manager
import contextlib
@contextlib.contextmanager
def f(x):
    yield x
--- partial
import functools
def g(x, y):
    return x - y
f = functools.partial(g, 1, y=[2])
--- method
class A:
    k = 2
    def m(self, x):
        return self.k * x
f = A().m
--- class method
class A:
    @classmethod
    def m(cls, x):
        return cls, x
f = A.m
--- callable object
class A:
    def __call__(self, x):
        return x
f = A()
--- task
from taskinity_nb import Task
f = Task(lambda x: x, validate_input=lambda x: x > 0)
--- a pattern
import re
P = re.compile('a+')
def f(x):
    return P.match(x)
--- mapping proxy
import types
V = types.MappingProxyType({'a': 1})
def f(x):
    return V
--- type alias
import typing
A = dict[str, typing.Optional[int]] | None
def f(x):
    return A
--- metaclass
class M(type):
    def __call__(cls):
        return 1
class f(metaclass=M):
    pass
"""
)


def spread(source):
    """Add a comment and blank lines after each line."""
    return "# why\n\n" + "".join(f"{line}  # why\n\n\n" for line in source.split("\n"))


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
class TestPlaceDoesNotCount:
    def test_of_a_cell_of_its_own(self, source):
        function = cell(source)["f"]
        before = fingerprint(function)
        assert fingerprint(function) == before
        assert fingerprint(cell(source, file="/tmp/another", line=40)["f"]) == before
        assert print_of(spread(source)) == before
        assert print_of(source + "\nunrelated = 'a b', 3\ndef another(): pass") == before

    def test_of_a_cell_that_is_run_again(self, source):
        space = cell(source)
        before, earlier = fingerprint(space["f"]), space.copy()
        cell(source, space, line=7)
        assert fingerprint(space["f"]) == before
        assert earlier["f"] is not space["f"]


class TestWhatDoesNotCount:
    def test_own_name(self):
        assert print_of("def f(x): return x") == print_of("def g(x): return x", "g")

    def test_a_global_that_is_not_named(self):
        source = "def f(x): return x"
        assert print_of(source, y=1) == print_of(source, y=2)

    def test_a_global_called_like_an_attribute(self):
        source = "def f(x): x.size = x.rate; return x.total(rate=2)"
        values = [{"rate": n, "total": n, "size": n} for n in (1, 2)]
        assert print_of(source, **values[0]) == print_of(source, **values[1])

    def test_a_global_called_like_a_local(self):
        source = "def f(x):\n    y = x\n    return lambda: y"
        assert print_of(source, y=1, x=1) == print_of(source, y=2, x=2)

    def test_a_global_that_is_only_written(self):
        source = "def f(x):\n    global total\n    total = x"
        assert print_of(source, total=1) == print_of(source, total=2)

    def test_in_what_order_sets_were_built(self):
        words = [f"word {n}" for n in range(50)]
        sets = [set(words), set(reversed(words)), {*words, *range(1000)} - {*range(1000)}]
        assert len({digest(each) for each in sets}) == 1
        assert len({digest([{"stop": frozenset(each)}]) for each in sets}) == 1
        assert len({digest({("a", frozenset(each)), "b"}) for each in sets}) == 1

    def test_calls_of_a_cached_function(self):
        f = cell("import functools\n@functools.lru_cache\ndef f(x): return x")["f"]
        before = fingerprint(f)
        f(3)
        assert fingerprint(f) == before

    def test_calls_of_a_single_dispatch_function(self):
        f = cell(SOURCES["single dispatch"])["f"]
        before = fingerprint(f)
        assert f(3) == -3
        assert fingerprint(f) == before

    def test_subclasses_and_looks_at_annotations(self):
        space = cell("class A:\n    x: int\ndef f(): return A")
        before = fingerprint(space["f"])
        cell("class B(A): pass\nisinstance(3, A), A.__annotations__, A.__doc__, A()", space)
        assert fingerprint(space["f"]) == before

    @pytest.mark.parametrize("doc", ["'another'", r"'of\n two lines'", "# none"])
    def test_a_docstring(self, doc):
        source = """
            def f(x):
                {0}
                y = 'a', None, 1
                def g():
                    {0}
                    x
                return y, g
        """
        assert print_of(source.format("'one'")) == print_of(source.format(doc))

    def test_a_docstring_of_a_class(self):
        source = """
            class A:
                {0}
                x = 1
                def m(self):
                    {0}
                    return 2
            f = A
        """
        assert print_of(source.format("'one'")) == print_of(source.format("'other'"))
        inner = "def f(x):\n    class A:\n        {0}\n        x = 1\n    return A"
        assert print_of(inner.format("'one'")) == print_of(inner.format("'other'"))

    def test_an_annotation_of_a_function(self):
        assert print_of("def f(x): return x") == print_of("def f(x: int) -> str: return x")

    def test_which_equal_object_it_is(self):
        part = [1.5, "a"]
        assert digest([part, part]) == digest([part, part.copy()]) == digest([[1.5, "a"], part])
        assert digest((part, {"k": part})) == digest((part.copy(), {"k": part}))

    def test_what_was_read_of_an_instance(self):
        source = """
            import functools
            class Table:
                def __init__(self): self.rows = [1, 2]
                @functools.cached_property
                def total(self): return sum(self.rows)
                @functools.cached_property
                def me(self): return self, [self]
            table = Table()
            def f(): return table.total
        """
        space = cell(source)
        before = fingerprint(space["f"])
        assert space["f"]() == 3
        assert space["table"].me
        assert fingerprint(space["f"]) == before
        space["table"].rows.append(3)
        assert fingerprint(space["f"]) != before

    def test_flags_that_were_combined(self):
        source = """
            import enum
            class A(enum.Flag):
                X = 1
                Y = 2
            def f(): return A.X | A.Y
        """
        space = cell(source)
        before = fingerprint(space["f"])
        space["f"]()
        assert fingerprint(space["f"]) == before

    def test_the_order_in_which_attributes_were_set(self):
        source = "class A: pass\na = A()\na.{} = 1\na.{} = 1\ndef f(): return a"
        assert print_of(source.format("x", "y")) == print_of(source.format("y", "x"))

    def test_which_equal_string_it_is(self):
        space = cell("a = 'x y'\ndef f(): return a, b", {"__name__": "__main__", "b": "x y"})
        before = fingerprint(space["f"])
        space["b"] = "".join(["x", " ", "y"])
        assert space["a"] is not space["b"]
        assert fingerprint(space["f"]) == before
