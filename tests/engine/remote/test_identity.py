"""What came from a notebook is there again what lives there, wherever it was meanwhile."""

from __future__ import annotations

import subprocess
import sys

import pytest
from clusters import on_both

NOTEBOOK = """
import abc, contextvars, dataclasses, enum, functools, multiprocessing, sys, threading, typing
from concurrent.futures import ProcessPoolExecutor
from taskinity_nb import run

class Model:
    seen = []
    def helper(self): return tool()
def tool(): return "old"
def make(): return Model()

class Color(enum.Enum):
    RED = 1
    BLUE = 2
class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2
def members(): return {"a": [Color.RED], Level.HIGH: Level.LOW | Level.HIGH}

@dataclasses.dataclass(slots=True)
class Point:
    x: int
@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    x: int
class Slotted:
    __slots__ = ("a", "__private", "__weakref__")
    def __init__(self): self.a, self.__private = 1, 2
class Below(Slotted):
    __slots__ = ()
def slotted(): return Point(3), Frozen(4), Slotted(), Below()

registry = []
class Base:
    names = []
    def __init_subclass__(cls, **options):
        Base.names.append(cls.__name__)
        registry.append(cls.__name__)
class Child(Base, option=1): pass
def child(): return Child(), list(Base.names), list(registry)

class Meta(type):
    made = []
    def __init__(cls, *rest): Meta.made.append(cls.__name__)
class Made(metaclass=Meta): pass
def made(): return Made(), list(Meta.made)

T = typing.TypeVar("T")
class Box(typing.Generic[T]): pass
class Pair(typing.NamedTuple):
    a: int
class Row(typing.TypedDict):
    a: int
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
class Square(Shape):
    def area(self): return 1
class Sized(typing.Protocol):
    size: int
def kinds(): return Box(), Box[int], Pair(1), Row(a=1), Square(), isinstance(Square(), Shape), Sized

def closure(): return lambda x: tool() + x
def bound(): return Model().helper
def same(f, m, kind): return f is tool and type(m) is Model and kind is Model
def as_is(thing): return thing

class Wrong(Exception):
    def __init__(self, code): super().__init__(f"code {code}"); self.code = code
def fails():
    try:
        {}["k"]
    except KeyError as error:
        raise Wrong(7) from error

def check(executor):
    def result(task, **inputs):
        return run(task, inputs or None, executor=executor)[task]
    seen = Model.seen
    Model.seen.append(1)
    for _ in range(2):
        assert type(result("make")) is Model and Model.seen is seen
        assert Model.helper.__globals__ is globals()
    found = result("members")
    assert found["a"][0] is Color.RED and list(found) == ["a", Level.HIGH]
    point, frozen, one, below = result("slotted")
    assert point == Point(3) and frozen == Frozen(4) and (one.a, one._Slotted__private) == (1, 2)
    assert type(below) is Below and not hasattr(below, "__dict__")
    got, names, listed = result("child")
    assert type(got) is Child and names == listed == Base.names == registry == ["Child"]
    got, names = result("made")
    assert type(got) is Made and names == Meta.made == ["Made"]
    box, alias, pair, row, square, is_shape, sized = result("kinds")
    assert type(box) is Box and alias == Box[int] and type(pair) is Pair and row == {"a": 1}
    assert type(square) is Square and is_shape and sized is Sized
    add = result("closure")
    assert add("!") == "old!" and add.__globals__ is globals()
    assert result("bound")() == "old"
    assert result("same", f=tool, m=Model(), kind=Model)
    assert result("as_is", thing=Model) is Model and result("as_is", thing=tool) is tool
    error = run("fails", executor=executor, on_error="continue").errors["fails"]
    assert type(error) is Wrong and error.code == 7 and str(error) == "code 7"
    assert repr(error.__cause__) == "KeyError('k')" and error.__suppress_context__
    globals()["tool"] = lambda: "new"
    assert add("!") == "new!" and Model().helper() == "new"
    globals()["Model"].rate = 3
    globals()["rated"] = lambda: Model.rate
    assert result("rated") == 3
    Model.rate = 4
    assert result("rated") == 4

if __name__ == "__main__":
    executor = sys.argv[1]
    if executor in ("fork", "spawn"):
        context = multiprocessing.get_context(executor)
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            list(pool.map(abs, range(8)))
            check(pool)
    else:
        check(executor)
"""


@pytest.mark.parametrize(
    "executor",
    [
        "sequential",
        "threads",
        "processes",
        "fork",
        pytest.param("spawn", marks=pytest.mark.slow),
    ],
)
def test_comes_back_as_what_lives_there(executor, tmp_path):
    script = tmp_path / "notebook.py"
    script.write_text(NOTEBOOK)
    done = subprocess.run(
        [sys.executable, script, executor], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@on_both
def test_comes_back_from_a_cluster(cluster, tmp_path):
    cluster.script(tmp_path / "notebook.py", NOTEBOOK, cluster.executor)
