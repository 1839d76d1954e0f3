"""Fingerprints: what counts of a function's own text."""

from __future__ import annotations

import pytest
from fingerprints import Changes, cases

CODE = cases(
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
--- docstring that is read
def f(x):
    'a'
    return f.__doc__
+++
def f(x):
    'b'
    return f.__doc__
--- docstring of another function that is read
def g(): 'a'
def f(x): return g.__doc__
+++
def g(): 'b'
def f(x): return g.__doc__
--- text that is no docstring
def f(x):
    y = 'a'
+++
def f(x):
    y = 'b'
--- attribute of a function
def f(x): return f.rate
f.rate = 1
+++
def f(x): return f.rate
f.rate = 2
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
"""
)


@pytest.mark.parametrize(("before", "after"), CODE.values(), ids=CODE)
class TestCode(Changes):
    pass
