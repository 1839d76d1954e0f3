"""Fingerprints: what counts of what a function names, and of objects that are called."""

from __future__ import annotations

import pytest
from fingerprints import Changes, cases

OBJECTS = cases(
    """
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
"""
)


@pytest.mark.parametrize(("before", "after"), OBJECTS.values(), ids=OBJECTS)
class TestObjects(Changes):
    pass


NAMES = cases(
    """
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


@pytest.mark.parametrize(("before", "after"), NAMES.values(), ids=NAMES)
class TestNames(Changes):
    pass
