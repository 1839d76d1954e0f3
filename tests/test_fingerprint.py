"""Fingerprints: what counts of a function or value, and what does not."""

from __future__ import annotations

import functools
import gc
import math
import sys
import threading
import tracemalloc
import types
import weakref
from textwrap import dedent, indent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskinity_nb import Task
from taskinity_nb.engine.rerun.fingerprint import digest, fingerprint


def cell(source, space=None, *, file="<cell>", line=1):
    """Run a cell of a notebook, at a line of a file, and return the namespace."""
    space = {"__name__": "__main__"} if space is None else space
    exec(compile("\n" * (line - 1) + dedent(source), file, "exec", dont_inherit=True), space)
    return space


def print_of(source, name="f", **values):
    """Return the fingerprint of what a cell calls `name`, in a notebook of its own."""
    return fingerprint(cell(source, {"__name__": "__main__"} | values)[name])


def cases(text):
    """Read cases, each under its name; those that have a `+++` are pairs of before and after."""
    found = {}
    for case in text.strip().removeprefix("--- ").split("\n--- "):
        name, _, source = case.partition("\n")
        found[name] = source.split("\n+++\n") if "\n+++\n" in source else source
    return found


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


CHANGES = cases(
    """
--- constant
def f(x): return x + 1
+++
def f(x): return x + 2
--- type of a constant
def f(x): return x, 1
+++
def f(x): return x, True
--- sign of a zero
def f(x): return 0.0
+++
def f(x): return -0.0
--- an imaginary zero
def f(x): return 0j
+++
def f(x): return complex(-0.0, 0)
--- within a tuple
def f(x): return x, (1, (2, 3))
+++
def f(x): return x, (1, (2, 3.0))
--- within a set
def f(x): return x in {1, 2}
+++
def f(x): return x in {1, 2.0}
--- operator
def f(x): return x + 1
+++
def f(x): return x - 1
--- attribute
def f(x): return x.a
+++
def f(x): return x.b
--- keyword of a call
def f(x): return x(a=1)
+++
def f(x): return x(b=1)
--- parameter
def f(x, y): return 1
+++
def f(x, z): return 1
--- kind of a parameter
def f(x, y): return 1
+++
def f(x, *, y): return 1
--- position only
def f(x, y): return 1
+++
def f(x, /, y): return 1
--- star
def f(x, y): return 1
+++
def f(x, *y): return 1
--- default
def f(x=1): return x
+++
def f(x=2): return x
--- type of a default
def f(x=1): return x
+++
def f(x=1.0): return x
--- keyword default
def f(*, x=1): return x
+++
def f(*, x=2): return x
--- one default fewer
def f(x=None): return x
+++
def f(x): return x
--- docstring
def f(x): 'a'
+++
def f(x): 'b'
--- f-string
def f(x): return f'{x}'
+++
def f(x): return f'{x!r}'
--- format
def f(x): return f'{x:3}'
+++
def f(x): return f'{x:4}'
--- lambda within
def f(): return lambda: 1
+++
def f(): return lambda: 2
--- comprehension
def f(x): return [i+1 for i in x]
+++
def f(x): return [i+2 for i in x]
--- class within
def f():
    class A:
        x = 300
    return A
+++
def f():
    class A:
        x = 301
    return A
--- deeply nested
def f():
    def g():
        return lambda: [3]
    return g
+++
def f():
    def g():
        return lambda: [4]
    return g
--- handler
def f(x):
    try: x()
    except KeyError: pass
+++
def f(x):
    try: x()
    except ValueError: pass
--- what is tried
def f(x):
    x()
    try:
        x()
    except: pass
+++
def f(x):
    try:
        x()
        x()
    except: pass
--- async
def f(x): return x
+++
async def f(x): return x
--- generator
def f(x): return x
+++
def f(x):
    return x
    yield
--- closure
def make(k): return lambda x: x * k
f = make(3)
+++
def make(k): return lambda x: x * k
f = make(4)
--- which of two cells is empty
def make(a, b):
    def f():
        return a, b
    if a:
        del b
    else:
        del a
    return f
f = make(1, 0)
+++
def make(a, b):
    def f():
        return a, b
    if a:
        del b
    else:
        del a
    return f
f = make(0, 1)
--- slice
def f(x): return x[1:2], x[3:4, 5]
+++
def f(x): return x[1:2], x[3:5, 5]
--- slice and tuple
def f(x): return x[1:2]
+++
def f(x): return x[(1, 2, None)]
--- list in a closure
def make(k): return lambda x: k
f = make([3])
+++
def make(k): return lambda x: k
f = make([4])
--- decorated
import functools
def d(g): return functools.wraps(g)(lambda x: g(x))
@d
def f(x): return 1
+++
import functools
def d(g): return functools.wraps(g)(lambda x: g(x))
@d
def f(x): return 2
--- decorator
import functools
def d(g): return functools.wraps(g)(lambda x: g(x))
@d
def f(x): return 1
+++
import functools
def d(g): return functools.wraps(g)(lambda x: -g(x))
@d
def f(x): return 1
--- cached
import functools
@functools.cache
def f(x): return 1
+++
import functools
@functools.cache
def f(x): return 2
--- dispatched
import functools
@functools.singledispatch
def f(x): 1
@f.register
def _(x: int): return 1
+++
import functools
@functools.singledispatch
def f(x): 1
@f.register
def _(x: int): return 2
--- partial's function
import functools
f = functools.partial(lambda x: 1, 1)
+++
import functools
f = functools.partial(lambda x: 2, 1)
--- partial's argument
import functools
f = functools.partial(print, 1)
+++
import functools
f = functools.partial(print, 2)
--- partial's keyword
import functools
f = functools.partial(print, end=1)
+++
import functools
f = functools.partial(print, sep=1)
--- method
class A:
    def m(self): return 1
f = A().m
+++
class A:
    def m(self): return 2
f = A().m
--- another method
class A:
    def m(self): return self.n()
    def n(self): return 1
f = A().m
+++
class A:
    def m(self): return self.n()
    def n(self): return 2
f = A().m
--- which method
class A:
    def m(self): pass
    def n(self): return 2
f = A().m
+++
class A:
    def m(self): pass
    def n(self): return 2
f = A().n
--- instance of a method
class A:
    def m(self): return self.x
a = A()
a.x = 1
f = a.m
+++
class A:
    def m(self): return self.x
a = A()
a.x = 2
f = a.m
--- callable object
class A:
    def __call__(self): return 1
f = A()
+++
class A:
    def __call__(self): return 2
f = A()
--- state of a callable object
class A:
    def __call__(self): return 1
f = A()
f.x = 1
+++
class A:
    def __call__(self): return 1
f = A()
f.x = 2
--- task
from taskinity_nb import Task
f = Task(lambda x: 1)
+++
from taskinity_nb import Task
f = Task(lambda x: 2)
--- input validator
from taskinity_nb import Task
f = Task(print, validate_input=lambda x: 1)
+++
from taskinity_nb import Task
f = Task(print, validate_input=lambda x: 2)
--- output validator
from taskinity_nb import Task
f = Task(print, validate_output=lambda x: 1)
+++
from taskinity_nb import Task
f = Task(print, validate_output=lambda x: 2)
--- which validator
from taskinity_nb import Task
f = Task(print, validate_input=print)
+++
from taskinity_nb import Task
f = Task(print, validate_output=print)
--- helper
def g(x): return x
def f(x): return g(x)
+++
def g(x): return -x
def f(x): return g(x)
--- helper of a helper
def h(x): return x
def g(x): return h(x)
def f(x): return g(x)
+++
def h(x): return -x
def g(x): return h(x)
def f(x): return g(x)
--- helper of nested code
def h(x): return x
def f(x): return [lambda: h(i) for i in x]
+++
def h(x): return -x
def f(x): return [lambda: h(i) for i in x]
--- helper's default
def g(x=1): return x
def f(x): return g()
+++
def g(x=2): return x
def f(x): return g()
--- helper in a list
gs = [lambda x: x]
def f(x): return gs[0](x)
+++
gs = [lambda x: -x]
def f(x): return gs[0](x)
--- helper in a dict
gs = {'a': {'b': lambda x: x}}
def f(x): return gs
+++
gs = {'a': {'b': lambda x: -x}}
def f(x): return gs
--- helper in a default
def f(x, g=lambda x: x): return g(x)
+++
def f(x, g=lambda x: -x): return g(x)
--- helper that is a task
from taskinity_nb import task
@task
def g(x): return x
def f(x): return g(x)
+++
from taskinity_nb import task
@task
def g(x): return -x
def f(x): return g(x)
--- mutual recursion
def g(x): return f(x)
def f(x): return g(x - 1) if x else 1
+++
def g(x): return f(-x)
def f(x): return g(x - 1) if x else 1
--- which of two helpers
def g(): return 1
def h(): return 2
k = g
def f(): return g(), h(), k()
+++
def g(): return 1
def h(): return 2
k = h
def f(): return g(), h(), k()
--- method of a class named
class A:
    def m(self): return 1
def f(x): return A().m()
+++
class A:
    def m(self): return 2
def f(x): return A().m()
--- method of a base
class B:
    def m(self): return 1
class A(B): pass
def f(x): return A().m()
+++
class B:
    def m(self): return 2
class A(B): pass
def f(x): return A().m()
--- base
class A(list): pass
def f(x): return A()
+++
class A(tuple): pass
def f(x): return A()
--- metaclass
class M(type):
    def m(cls): return 1
class A(metaclass=M): pass
def f(x): return A.m()
+++
class M(type):
    def m(cls): return 2
class A(metaclass=M): pass
def f(x): return A.m()
--- attribute of a class
class A:
    n = 1
def f(x): return A.n
+++
class A:
    n = 2
def f(x): return A.n
--- static method
class A:
    @staticmethod
    def m(): return 1
def f(x): return A
+++
class A:
    @staticmethod
    def m(): return 2
def f(x): return A
--- kind of a method
class A:
    @staticmethod
    def m(x): return 1
def f(x): return A
+++
class A:
    @classmethod
    def m(x): return 1
def f(x): return A
--- property
class A:
    @property
    def m(self): return 1
def f(x): return A
+++
class A:
    @property
    def m(self): return 2
def f(x): return A
--- cached property
import functools
class A:
    @functools.cached_property
    def m(self): return 1
def f(x): return A
+++
import functools
class A:
    @functools.cached_property
    def m(self): return 2
def f(x): return A
--- class of an instance
class A:
    def m(self): return 1
a = A()
def f(x): return a.m()
+++
class A:
    def m(self): return 2
a = A()
def f(x): return a.m()
--- state of an instance
class A: pass
a = A()
a.x = [1]
def f(x): return a
+++
class A: pass
a = A()
a.x = [2]
def f(x): return a
--- field of a dataclass
from dataclasses import dataclass
@dataclass
class A:
    x: int = 1
def f(x): return A()
+++
from dataclasses import dataclass
@dataclass
class A:
    x: int = 2
def f(x): return A()
--- member of an enum
import enum
class A(enum.Enum):
    X = 1
def f(x): return A.X
+++
import enum
class A(enum.Enum):
    X = 2
def f(x): return A.X
--- global number
a = 1
def f(x): return a
+++
a = 2
def f(x): return a
--- type of a global
a = 1
def f(x): return a
+++
a = True
def f(x): return a
--- global list
a = [1]
def f(x): return a
+++
a = [1, 2]
def f(x): return a
--- kind of a global
a = [1]
def f(x): return a
+++
a = (1,)
def f(x): return a
--- global of a loop
a = 1
f = lambda x: [a for i in x]
+++
a = 2
f = lambda x: [a for i in x]
--- global of a class body
a = 1
def f(x):
    class A:
        b = a
    return A
+++
a = 2
def f(x):
    class A:
        b = a
    return A
--- global that is declared
a = 1
def f(x):
    global a
    a += 1
+++
a = 2
def f(x):
    global a
    a += 1
--- module
import math as m
def f(x): return m.e
+++
import cmath as m
def f(x): return m.e
--- imported function
from os.path import isdir as g
def f(x): return g(x)
+++
from os.path import isfile as g
def f(x): return g(x)
--- builtin function
g = len
def f(x): return g(x)
+++
g = id
def f(x): return g(x)
--- module of a builtin
from math import sin as g
def f(x): return g(x)
+++
from cmath import sin as g
def f(x): return g(x)
--- imported class
g = int
def f(x): return g(x)
+++
g = str
def f(x): return g(x)
--- name that becomes a global
def f(x): return a
+++
a = 1
def f(x): return a
--- builtin that is covered
def f(x): return len(x)
+++
len = 3
def f(x): return len(x)
--- name and its text
from os.path import isdir as g
f = lambda: g
+++
g = 'genericpath:isdir'
f = lambda: g
"""
)


@pytest.mark.parametrize(("before", "after"), CHANGES.values(), ids=CHANGES)
class TestWhatCounts:
    def test_changes_the_fingerprint(self, before, after):
        assert print_of(before) == print_of(before) != print_of(after)

    def test_changes_that_of_what_names_it(self, before, after):
        space = cell(f"{before}\ndef caller(*a): return f(*a)")
        earlier, caller = fingerprint(space["f"]), fingerprint(space["caller"])
        cell(after, space)
        assert fingerprint(space["f"]) != earlier
        assert fingerprint(space["caller"]) != caller


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

    def test_which_equal_string_it_is(self):
        space = cell("a = 'x y'\ndef f(): return a, b", {"__name__": "__main__", "b": "x y"})
        before = fingerprint(space["f"])
        space["b"] = "".join(["x", " ", "y"])
        assert space["a"] is not space["b"]
        assert fingerprint(space["f"]) == before


class TestGlobals:
    def test_beyond_256_of_them(self):
        names = [f"g{n}" for n in range(300)]
        function = cell(f"def f(): return {' + '.join(names)}")["f"]
        space = function.__globals__
        space |= dict.fromkeys(names, 0)
        prints = {fingerprint(function)}
        for name in names[::30]:
            space[name] = 1
            prints.add(fingerprint(function))
        assert len(prints) == 11

    def test_attributes_beyond_256_of_them(self):
        attributes = "".join(f"x.a{n};" for n in range(300))
        source = f"def f(x):\n    {attributes}\n    return y, x.z"
        assert print_of(source, y=1, z=1) == print_of(source, y=1, z=2)
        assert print_of(source, y=1) != print_of(source, y=2)

    def test_of_a_module_by_name(self):
        modules = [types.ModuleType("tools") for _ in range(2)]
        modules[0].changed = True
        source = "def f(x): return tools.run(x)"
        assert print_of(source, tools=modules[0]) == print_of(source, tools=modules[1])
        assert print_of(source, tools=modules[0]) != print_of(source, tools=math)

    def test_of_a_module_within_a_value(self):
        assert digest([math]) == digest([math]) != digest([sys])

    def test_importable_functions_by_name(self, monkeypatch):
        source = "def f(x): return join(x)"
        before = print_of(source, join=dedent)
        monkeypatch.setattr(dedent, "__code__", (lambda text: text).__code__)
        assert print_of(source, join=dedent) == before

    def test_a_function_that_no_import_finds_any_more(self, monkeypatch):
        import textwrap

        before = fingerprint(indent)
        monkeypatch.setattr(textwrap, "indent", None)
        assert fingerprint(indent) != before

    def test_a_module_that_is_gone(self, monkeypatch):
        import textwrap

        monkeypatch.delitem(sys.modules, textwrap.__name__)
        assert fingerprint(indent) == fingerprint(indent)

    @pytest.mark.parametrize(
        "callable_",
        [len, math.sin, str.upper, "a".upper, [].append, dict.fromkeys, int, "".__add__, functools],
    )
    def test_builtins(self, callable_):
        assert fingerprint(callable_) == fingerprint(callable_) != fingerprint(print)


class TestRecursion:
    def test_of_a_closure(self):
        source = """
            def make(k):
                def f(x):
                    return f(x - k) if x else None
                return f
            f = make({})
        """
        assert print_of(source.format(1)) == print_of(source.format(1))
        assert print_of(source.format(1)) != print_of(source.format(2))

    def test_through_values(self):
        source = "def f(x): return table['f'](x) + {}\ntable = {{'f': f}}"
        assert print_of(source.format(1)) == print_of(source.format(1))
        assert print_of(source.format(1)) != print_of(source.format(2))

    @pytest.mark.parametrize("table", ["[f]", "(f,)", "{f}", "{'a': {f: f}}", "[{f}, lock]"])
    def test_through_each_kind_of_container(self, table):
        lock = threading.Lock()
        source = f"def f(x): return table, NUMBER\ntable = {table}"
        prints = [print_of(source.replace("NUMBER", number), lock=lock) for number in "112"]
        assert prints[0] == prints[1] != prints[2]

    def test_through_instances_that_hold_sets_of_each_other(self):
        source = """
            class Node:
                def __init__(self): self.near = set()
            nodes = [Node() for _ in range(30)]
            for node in nodes: node.near |= set(nodes)
            def f(): return nodes
        """
        function = cell(source)["f"]
        assert fingerprint(function) == fingerprint(function)

    def test_through_bound_methods_of_itself(self):
        source = """
            class A:
                def __init__(self): self.back = self.m
                def m(self): return {}
            a = A()
            def f(): return a
        """
        assert print_of(source.format(1)) == print_of(source.format(1))
        assert print_of(source.format(1)) != print_of(source.format(2))

    def test_from_either_end(self):
        space = cell("def f(x): return g(x)\ndef g(x): return f(x) + 1")
        before = fingerprint(space["f"]), fingerprint(space["g"])
        cell("def g(x): return f(x) + 2", space)
        after = fingerprint(space["f"]), fingerprint(space["g"])
        assert len({*before, *after}) == 4

    def test_a_list_within_itself(self):
        loop = [1]
        loop.append(loop)
        assert digest(loop) == digest(loop) != digest([1])

    def test_that_is_too_deep_to_follow(self):
        source = "\n".join(f"def g{n}(): return g{n + 1}()" for n in range(2000))
        function = cell(source)["g0"]
        assert fingerprint(function) == fingerprint(function)
        deep = []
        for _ in range(20_000):
            deep = [deep]
        assert digest(deep) == digest(deep)

    def test_diamonds_are_gone_through_once(self):
        source = "def g60(): return 1\n"
        source += "\n".join(f"def g{n}(): return g{n + 1}(), g{n + 1}()" for n in range(60))
        source += "\n" + "\n".join(
            f"t{n} = (t{n - 1}, t{n - 1})" if n else "t0 = 1," for n in range(60)
        )
        space = cell(source + "\ndef f(): return g0(), t59")
        before = fingerprint(space["f"])
        cell("def g60(): return 2", space)
        assert fingerprint(space["f"]) != before


class TestClosures:
    def test_with_an_empty_cell(self):
        source = """
            def make():
                def f(): return later
                yield f
                later = {}
                yield f
            made = make()
            f = next(made)
        """
        empty, full = (cell(source.format(n)) for n in (1, 1))
        next(full["made"])
        prints = [fingerprint(space["f"]) for space in (empty, full)]
        assert prints[0] != prints[1]
        assert prints[0] == fingerprint(cell(source.format(2))["f"])

    def test_whose_content_changes(self):
        source = """
            def make():
                total = 0
                def f(x):
                    nonlocal total
                    total += x
                    return total
                return f
            f = make()
        """
        f = cell(source)["f"]
        before = fingerprint(f)
        f(3)
        assert fingerprint(f) != before

    def test_of_importable_modules_are_looked_into(self):
        prints = [fingerprint(functools.singledispatch(kind)) for kind in (int, int, str)]
        assert prints[0] == prints[1] != prints[2]


class Unpicklable:
    def __reduce_ex__(self, protocol):
        raise RuntimeError("no")


class Exits:
    def __reduce_ex__(self, protocol):
        raise SystemExit


class Panics:
    def __reduce_ex__(self, protocol):
        raise BaseException("such as a panic in Rust")


class Stateful:
    def __init__(self):
        self.lock = threading.Lock()
        self.count = 0

    def call(self):
        return self.count

    def call_again(self):
        return self.count

    __call__ = call


def generator():
    yield


UNPICKLABLE = [Unpicklable, Exits, Panics, Stateful, threading.Lock, generator]
MAKERS = {
    "itself": lambda value: value,
    "a list": lambda value: [1, value],
    "a tuple": lambda value: (value, 2),
    "a dict": lambda value: {"a": {"b": value}},
    "keys": lambda value: {value: 1},
    "a set": lambda value: {value},
    "a partial": lambda value: functools.partial(print, value),
    "a method": lambda value: types.MethodType(print, value),
    "a default": lambda value: types.FunctionType((lambda x: x).__code__, {}, "f", (value,)),
    "a closure": lambda value: lambda: value,
    "a global": lambda value: types.FunctionType((lambda: digest).__code__, {"digest": value}),
}


class TestIdentity:
    @pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
    @pytest.mark.parametrize("kind", UNPICKLABLE)
    def test_counts_for_what_cannot_be_pickled(self, kind, make):
        value, other = kind(), kind()
        before = digest(make(value))
        assert digest(make(value)) == before
        assert digest(make(other)) != before

    def test_leaves_what_stands_beside_it(self):
        lock = threading.Lock()
        assert digest([lock, 1]) == digest([lock, 1]) != digest([lock, 2])
        assert digest({"a": [lock], "b": 1}) != digest({"a": [lock], "b": 2})

    def test_leaves_functions_that_were_met_before_it(self):
        lock = threading.Lock()
        spaces = [cell(f"def g(): return {n}\nh = g", line=n) for n in (1, 1, 2)]
        values = [([space["g"], lock], space["g"]) for space in spaces]
        assert digest(values[0]) == digest(values[1]) != digest(values[2])

    def test_of_an_object_does_not_hide_its_class(self):
        space = cell("import threading\nclass A:\n    def m(self): return 1\na = A()")
        space["a"].lock = threading.Lock()
        before = digest(space["a"])
        assert digest(space["a"]) == before
        cell("A.m = lambda self: 2", space)
        assert digest(space["a"]) != before

    def test_does_not_count_state(self):
        value = Stateful()
        before = digest(value), fingerprint(value.call)
        value.count += 1
        assert (digest(value), fingerprint(value.call)) == before

    def test_tells_methods_apart(self):
        value = Stateful()
        assert fingerprint(value.call) == fingerprint(value.call) != fingerprint(value.call_again)
        lock = threading.Lock()
        assert fingerprint(lock.acquire) == fingerprint(lock.acquire) != fingerprint(lock.release)

    def test_is_never_that_of_something_dead(self):
        seen = set()
        for _ in range(200):  # each lock is likely to get the address of the one before
            found = digest(threading.Lock())
            assert found not in seen
            seen.add(found)

    def test_is_never_that_of_something_dead_that_cannot_be_weakly_referred_to(self):
        class Slotted:
            __slots__ = ()

            def __reduce_ex__(self, protocol):
                raise TypeError

        with pytest.raises(TypeError):
            weakref.ref(Slotted())
        kept = [digest([Slotted()]) for _ in range(200)]
        assert len(set(kept)) == 200
        one = Slotted()
        assert digest(one) == digest(one)

    def test_keeps_nothing_else_alive(self):
        values = [Stateful(), cell("class A: pass\na = A()")["a"], cell("def f(): return f")["f"]]
        gc.disable()  # nor is anything left to it
        try:
            for value in values:
                fingerprint(value)
                digest({"a": [value]})
            dead = [weakref.ref(values.pop(0))]
            assert dead[0]() is None
            function = (lambda: 1) if values else None
            dead = weakref.ref(function)
            kept = fingerprint(function)
            del function
            assert kept
            assert dead() is None
        finally:
            gc.enable()

    def test_stops_for_an_interrupt(self):
        class Interrupted:
            def __reduce_ex__(self, protocol):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            digest([Interrupted()])


class Touchy:
    """Raises for whatever one may do with it, but for being pickled."""

    def refuse(self, *args):
        raise AssertionError("touched")

    __eq__ = __bool__ = __len__ = __iter__ = __call__ = __getattr__ = refuse
    __hash__ = __repr__ = __str__ = __contains__ = __get__ = refuse

    def __reduce_ex__(self, protocol):
        return Touchy, ()


class TestNothingElseIsCalled:
    @pytest.mark.parametrize(
        "make", [MAKERS[name] for name in MAKERS if name not in ("keys", "a set")]
    )
    def test_of_values(self, make):
        assert digest(make(Touchy())) == digest(make(Touchy()))

    def test_of_functions(self):
        calls = []
        space = cell("def f(x): return g(x)\ndef g(x): calls.append(x)", {"calls": calls})
        fingerprint(space["f"])
        fingerprint(Task(space["f"], validate_input=space["g"]))
        assert calls == []

    def test_of_classes(self):
        source = """
            class M(type):
                def __getattribute__(cls, name):
                    if name not in ("__flags__", "__module__", "__qualname__"):
                        raise RuntimeError(name)
                    return super().__getattribute__(name)
            class f(metaclass=M): pass
        """
        made = cell(source)["f"]
        assert fingerprint(made) == fingerprint(made)

    @pytest.mark.parametrize("attribute", ["__module__", "__qualname__", "__doc__"])
    def test_odd_attributes(self, attribute):
        def f():
            return 1

        if attribute == "__module__":
            f.__module__ = ["no", "text"]
        elif attribute == "__qualname__":
            f.__qualname__ = "..<>.."
        else:
            f.__doc__ = Unpicklable()
        assert fingerprint(f) == fingerprint(f)


atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | st.just(...)
)
hashable = st.recursive(atoms, lambda inner: st.tuples(inner) | st.frozensets(inner), max_leaves=3)
values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(atoms, inner)
        | st.sets(hashable)
        | st.tuples(inner, inner)
    ),
    max_leaves=6,
)


def shape(value):
    """Return a value as something that is equal only where types and signs are equal too."""
    kind = type(value).__name__
    if isinstance(value, (set, frozenset)):
        return kind, frozenset(map(shape, value))
    if isinstance(value, (list, tuple)):
        return kind, *map(shape, value)
    if isinstance(value, dict):
        return kind, *((shape(key), shape(each)) for key, each in value.items())
    return kind, repr(value)


def copied(value):
    """Return a value built anew, sets in another order, no two parts the same object as before."""
    if isinstance(value, (set, frozenset)):
        return type(value)(map(copied, reversed(list(value))))
    if isinstance(value, (list, tuple)):
        return type(value)(map(copied, value))
    if isinstance(value, dict):
        return {copied(key): copied(each) for key, each in value.items()}
    return value


class TestValues:
    @given(values)
    @settings(max_examples=60, deadline=None)
    def test_equal_ones_have_equal_digests(self, value):
        assert digest(copied(value)) == digest(value)

    @given(values, values)
    @settings(max_examples=60, deadline=None)
    def test_different_ones_have_different_digests(self, one, other):
        assert (digest(one) == digest(other)) == (shape(one) == shape(other))

    @given(hashable.filter(lambda value: "frozenset" not in str(shape(value))), st.integers(1, 500))
    @settings(max_examples=50, deadline=None)
    def test_constants_are_told_apart(self, value, line):
        space = cell(f"def f(): return {value!r}", line=line)
        assert print_of(f"def f():\n\n    return {value!r}") == fingerprint(space["f"])
        for other in (1, True, 1.0, "1", b"1", 1j, (1,), (True,), None, 0.0, -0.0):
            same = print_of(f"def f(): return {other!r}") == fingerprint(space["f"])
            assert same == (shape(other) == shape(value))

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ([1], (1,)),
            ({1}, frozenset({1})),
            ({1}, {True}),
            ({1, 2}, {1, "2"}),
            ({1, 2}, [1, 2]),
            ({"a"}, frozenset("a")),
            ({(1, 2)}, {(1, 2.0)}),
            ({frozenset({1})}, {frozenset({1.0})}),
            ({0.0}, {-0.0}),
            (b"a", bytearray(b"a")),
            ("a", b"a"),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
            (range(3), range(4)),
            (slice(1), slice(2)),
            (int, float),
            (len, print),
            ((), []),
            (None, "None"),
        ],
    )
    def test_of_other_kinds_differ(self, one, other):
        assert digest(one) == digest(one) != digest(other)
        assert digest([one]) != digest([other])

    def test_sets_of_functions(self):
        sets = [{cell(f"def f(): return {n}")["f"]} for n in (1, 1, 2)]
        assert digest(sets[0]) == digest(sets[1]) != digest(sets[2])

    def test_are_plain_text(self):
        assert len(digest(3)) == len(fingerprint(print)) == 32
        assert set(digest(3)) <= set("0123456789abcdef")

    def test_strange_names_and_numbers(self):
        values = ["\ud800", "\0", 10**5000, float("nan"), float("inf"), complex("nan+infj")]
        assert len({digest(value) for value in values}) == len(values)
        assert digest(float("nan")) == digest(float("nan"))


class TestArrays:
    @pytest.fixture
    def np(self):
        return pytest.importorskip("numpy")

    def test_by_content(self, np):
        source = "def f(): return data.sum()"
        prints = [print_of(source, data=np.arange(n)) for n in (9, 9, 10)]
        assert prints[0] == prints[1] != prints[2]

    @pytest.mark.parametrize("change", ["dtype", "shape", "element", "order"])
    def test_told_apart(self, np, change):
        array = np.arange(12, dtype="int64").reshape(3, 4)
        other = {
            "dtype": lambda: array.astype("uint64"),
            "shape": lambda: array.reshape(4, 3),
            "element": lambda: array + (array == 11),
            "order": lambda: array[::-1],
        }[change]()
        assert digest(array) == digest(array.copy()) != digest(other)
        assert digest({"a": [array]}) != digest({"a": [other]})

    def test_of_other_layouts(self, np):
        array = np.arange(12.0).reshape(3, 4)
        for each in (array.T, array[:, ::2], array[:0], np.array(3), np.array([None, {}])):
            assert digest(each) == digest(each)

    def test_scalars(self, np):
        found = {
            digest(kind(1)) for kind in (int, float, np.int64, np.uint64, np.float64, np.bool_)
        }
        assert len(found) == 6
        assert digest({np.int64(1)}) != digest({np.uint64(1)})

    def test_functions_of_the_package(self, np):
        assert digest(np.sum) == digest(np.sum) != digest(np.prod)
        assert digest(np.add) == digest(np.add) != digest(np.subtract)
        assert print_of("def f(x): return sum(x)", sum=np.sum) != print_of(
            "def f(x): return sum(x)"
        )

    def test_frames(self):
        pd = pytest.importorskip("pandas")
        source = "def f(): return data"
        frames = [pd.DataFrame({"a": [1, 2], "b": ["x", end]}) for end in ("y", "y", "z")]
        prints = [print_of(source, data=frame) for frame in frames]
        assert prints[0] == prints[1] != prints[2]

    def test_are_not_copied(self, np):
        array = np.ones(4_000_000, dtype="uint8")
        tracemalloc.start()
        try:
            digest({"a": array})
            assert tracemalloc.get_traced_memory()[1] < 1_000_000
        finally:
            tracemalloc.stop()


class Counted:
    pickled = 0

    def __reduce__(self):
        Counted.pickled += 1
        return Counted, ()


class TestMemo:
    @pytest.fixture(autouse=True)
    def nothing_counted(self, monkeypatch):
        monkeypatch.setattr(Counted, "pickled", 0)

    def test_a_value_is_pickled_once_for_one_function(self):
        source = "def g(): return a\ndef h(): return a\ndef f(): return a, g(), h()"
        print_of(source, a=Counted())
        assert Counted.pickled == 1

    def test_a_value_is_pickled_once_for_all_functions(self):
        space = cell(
            "def f(): return a\ndef g(): return a, 1\ndef h(b=1): return b", {"a": Counted()}
        )
        alone = [fingerprint(space[name]) for name in "fgh"]
        Counted.pickled, memo = 0, {}
        assert [fingerprint(space[name], memo) for name in "fgh"] == alone
        assert digest(space["a"], memo) == digest(space["a"])
        assert Counted.pickled == 2

    def test_functions_are_not_remembered(self):
        space, memo = cell("def g(): return 1\ntable = [g]\ndef f(): return table"), {}
        before = fingerprint(space["f"], memo)
        space["g"].__code__ = cell("def g(): return 2")["g"].__code__
        assert fingerprint(space["f"], memo) == fingerprint(space["f"]) != before

    def test_addresses_are_not_taken_over(self):
        memo = {}
        found = {digest([n], memo) for n in range(100)}
        assert len(found) == 100
