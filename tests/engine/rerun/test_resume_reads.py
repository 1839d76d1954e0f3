"""A task that only read what it names does not run again."""

from __future__ import annotations

import os

import pytest
from fingerprints import cases, cell

from taskinity_nb import run

KEPT = "kept: nothing that it depends on has changed"

READERS = cases(
    """
--- a cached property
import functools
class T:
    def __init__(self): self.rows = [1]
    @functools.cached_property
    def total(self): return sum(self.rows), self
t = T()
def f(): return t.total[0]
--- a cached property of a base
import functools
class A:
    @functools.cached_property
    def total(self): return [1]
class B(A): pass
t = [B()]
def f(): return t[0].total
--- a cached function
import functools
@functools.cache
def g(x): return x
def f(): return g(3)
--- a cached method
import functools
class T:
    @functools.lru_cache(maxsize=3)
    def m(self, x): return x
t = T()
def f(): return t.m(3)
--- single dispatch
import functools
@functools.singledispatch
def g(x): return x
def f(): return g(3), g('a')
--- single dispatch of a method
import functools
class T:
    @functools.singledispatchmethod
    def m(self, x): return x
    @m.register
    def _(self, x: int): return -x
t = T()
def f(): return t.m(3), t.m('a')
--- an abstract class
import abc
class A(abc.ABC): pass
class B(A): pass
b = B()
def f(): return isinstance(b, A), isinstance(3, A), issubclass(dict, A)
--- a protocol
import typing
@typing.runtime_checkable
class P(typing.Protocol):
    def m(self): ...
    x: int
def f(): return isinstance(3, P)
--- flags
import enum
class A(enum.Flag):
    X = 1
    Y = 2
def f(): return (A.X | A.Y).value, A(3).name
--- an enum
import enum
class A(enum.Enum):
    X = 1
def f(): return A(1).name, A['X'].value, list(A)[0].name
--- a dataclass
import dataclasses
@dataclasses.dataclass(order=True)
class A:
    x: int = 1
a = A()
def f(): return repr(a), hash is a, dataclasses.asdict(a), dataclasses.fields(A)[0].name, a < A(2)
--- annotations
import typing, inspect
class A:
    def m(self, x: int): return x
def f(): return A.__annotations__, typing.get_type_hints(A), str(inspect.signature(A.m)), A.__doc__
--- a class that is copied and pickled
import copy
class A:
    __slots__ = ('x', 'y')
a = A()
a.x = 1
def f(): return copy.deepcopy(a).x, copy.copy(a).x
--- a pattern
import re
p = re.compile('a(b)')
def f(): return p.match('ab')[1]
--- a text
t = 'äöü' * 10
def f(): return t.encode(), hash(t) == 3, {t: 1}
--- a date and a decimal
import datetime, decimal
d = datetime.datetime(2020, 1, 1), decimal.Decimal('1.5')
def f(): return str(d), hash(d) == 3
--- a path
import pathlib
p = pathlib.PurePosixPath('/a/b')
def f(): return str(p), p.parent, p.parts, hash(p) == 3
--- a logger
import logging
log = logging.getLogger('a.b')
def f(): log.debug('x'); return log.isEnabledFor(10)
--- a lock
import threading
lock = threading.Lock()
def f():
    with lock: return 1
--- what has a lock inside
import concurrent.futures, queue, threading, collections
q = queue.Queue()
held = [{'a': q}], collections.deque([q])
def f():
    q.put(1)
    return len(held)
--- a pool
import concurrent.futures
pool = concurrent.futures.ThreadPoolExecutor(1)
def f(): return pool.submit(len, 'ab').result()
--- a connection
import sqlite3
db = sqlite3.connect(':memory:', check_same_thread=False)
def f(): return db.execute('select 1').fetchone()
--- a file
import sys
out = sys.__stderr__
def f(): return out.writable()
--- a variable of a context
import contextvars
v = contextvars.ContextVar('v', default=1)
def f(): return v.get()
--- a type alias
import typing
T = typing.TypeVar('T')
class A(typing.Generic[T]): pass
L = dict[str, typing.Optional[int]]
def f(): return A[int], L, typing.List[int]
"""
)

TABLES = cases(
    """
--- an array
import numpy as np
a = np.arange(12.).reshape(3, 4)
def f(): return a.sum(), a.T, a[::2], a.mean(0)
--- a table
import pandas as pd
t = pd.DataFrame({'a': [1, 2], 'b': [1., 2.], 'c': ['x', 'y']})
t['d'] = t['a'] * 2
def f(): return t['a'].sum(), t.values, t.describe(), t['b'], t.groupby('a').sum(), t.loc[1, 'a']
--- an index
import pandas as pd
i = pd.Index(['a', 'b', 'c'])
s = pd.Series([1, 2, 3], index=i)
def f(): return i.get_loc('b'), i.is_unique, i.is_monotonic_increasing, s['a'], s.hasnans
--- categories and times
import pandas as pd
s = pd.Series(['a', 'b', 'a'], dtype='category'), pd.Series(pd.date_range('2020', periods=3))
def f(): return s[0].cat.codes, s[1].dt.year, s[1].is_unique
--- a masked array and records
import numpy as np
m = np.ma.masked_array([1, 2], mask=[0, 1]), np.rec.array([(1, 2.)]), np.array([(1, 2.)], 'i4,f8')
def f(): return m[0].sum(), m[1].f0, m[2]['f0']
--- objects in an array
import numpy as np
class A: pass
a = np.array([None, 'x', A()], dtype=object)
def f(): return len(a)
"""
)


def why(run):
    (record,) = run.tasks.values()
    return record.why


@pytest.mark.parametrize("name", [*READERS, *TABLES])
def test_reading_is_no_change(name):
    if name in TABLES:
        pytest.importorskip("pandas")
    space = cell((READERS | TABLES)[name])
    before = run("f", namespace=space)
    first = before.resume()
    assert why(first) == KEPT
    run("f", namespace=space)
    assert why(before.resume()) == KEPT
    assert why(first.resume()) == KEPT
    if "db" in space:
        space["db"].close()  # Python 3.13 warns of one that is left open


EQUAL = {
    "an inner list": ("a = [1]; a = [a, a]", "a = [[1], [1]]"),
    "texts": ("a = ['x y', 'x y']", "a = [''.join(['x', ' ', 'y']), ' '.join(['x', 'y'])]"),
    "tuples": ("a = (1, 2); a = [a, {'k': a}]", "a = [tuple([1, 2]), {'k': (1, 2)}]"),
    "a set": ("a = {'x', 'y', 'z'}", "a = set(['z', 'y', 'x'])"),
    "a list with room": ("a = [1, 2]", "a = [1]; a.append(2)"),
    "a dict with room": ("a = {1: 2}", "a = {3: 4, 1: 2}; del a[3]"),
    "a list in a circle": ("a = [1]; a.append(a)", "a = [1]; a += [a]"),
}

TABLES_EQUAL = {
    "a view": ("a = np.arange(4)[::2]", "a = np.array([0, 2])"),
    "columns": (
        "a = pd.DataFrame({'x': [1, 2], 'y': [3, 4]})",
        "a = pd.DataFrame({'x': [1, 2]}); a['y'] = [3, 4]",
    ),
}

OTHER = {
    "order of keys": ("a = {1: 2, 3: 4}", "a = {3: 4, 1: 2}"),
    "bool": ("a = [1]", "a = [True]"),
    "float": ("a = {'k': 1}", "a = {'k': 1.0}"),
    "a circle of two": ("a = [1]; a.append(a)", "a = [1]; a.append([1, a])"),
    "state beside a lock": (
        "import threading\nclass A: lock = threading.Lock()\na = A(); a.x = 1",
        "a = A(); a.x = 2",
    ),
}


@pytest.mark.parametrize("name", [*EQUAL, *TABLES_EQUAL])
def test_what_is_equal_is_no_change(name):
    space = {"__name__": "__main__"}
    if name in TABLES_EQUAL:
        space |= {"np": pytest.importorskip("numpy"), "pd": pytest.importorskip("pandas")}
    before, after = (EQUAL | TABLES_EQUAL)[name]
    cell(f"def f(): return 1, a\n{before}", space)
    earlier = run("f", namespace=space)
    cell(after, space)
    assert why(earlier.resume()) == KEPT


@pytest.mark.parametrize(("before", "after"), OTHER.values(), ids=OTHER)
def test_what_is_not_equal_is_one(before, after):
    space = cell(f"def f(): return 1, a\n{before}")
    earlier = run("f", namespace=space)
    cell(after, space)
    assert why(earlier.resume()) == "runs again: its function has changed"


class TestFiles:
    SOURCE = "import pathlib\npath = pathlib.Path({!r})\ndef f(): return path.read_text()"

    def test_that_were_written_again(self, tmp_path):
        path = tmp_path / "data"
        path.write_text("a")
        space = cell(self.SOURCE.format(str(path)))
        before = run("f", namespace=space)
        assert why(before.resume()) == KEPT
        path.write_text("bc")
        after = before.resume()
        assert after["f"] == "bc"
        assert why(after) == f"runs again: the file '{path}', which it uses, has changed"
        os.utime(path, (1, 1))
        assert "has changed" in why(after.resume())

    def test_as_inputs(self, tmp_path):
        path = tmp_path / "data"
        path.write_text("a")
        names = {"f": lambda path: path[0].read_text()}
        before = run("f", {"path": [path]}, namespace=names)
        assert why(before.resume()) == KEPT
        path.unlink()
        assert "has changed" in why(before.resume(on_error="continue"))

    def test_that_a_task_has_made(self, tmp_path):
        """What was not there when the run began is not what it has read."""
        names = {"f": lambda path: path.write_text("a")}
        before = run("f", {"path": tmp_path / "out"}, namespace=names)
        assert why(before.resume()) == KEPT


def test_what_failed_says_so_whatever_it_uses():
    space = cell("big = [0] * 1_000_000\ndef f(): return len(big) / 0")
    before = run("f", namespace=space, on_error="continue")
    assert why(before.resume(on_error="continue")) == "runs again: it has no result"
