"""Annotations that cannot fit: which ones do, and how and when it is said."""

# ruff: noqa: UP006, UP007, UP045  # old ways to write them are annotations too

from __future__ import annotations

import array
import asyncio
import collections
import contextlib
import datetime
import decimal
import enum
import fractions
import functools
import io
import os
import pathlib
import signal
import sys
import threading
import typing
import warnings
from abc import ABC, abstractmethod
from collections import abc
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Optional, Protocol, TypedDict, Union
from unittest import mock

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import taskinity_nb
from taskinity_nb import FlowWarning, compare, parse_dsl, run, start, task
from taskinity_nb.analysis.measuring.benchmark import PerformanceBenchmark
from taskinity_nb.model.annotations.fit import cannot_fit
from taskinity_nb.model.annotations.hints import read, shown
from taskinity_nb.model.annotations.kinds import alternatives, handed
from taskinity_nb.model.annotations.misfits import misfits
from taskinity_nb.model.binding import resolve

T = typing.TypeVar("T")
UserId = typing.NewType("UserId", int)


class Plain: ...


class Other: ...


class Sub(Plain): ...


class Left: ...


class Right: ...


class Both(Left, Right): ...


class Text(str): ...


class Mixin: ...


class MixedText(str, Mixin): ...


class Color(enum.Enum):
    RED = 1


class Word(enum.StrEnum):
    YES = "yes"


class Shape(ABC):
    @abstractmethod
    def area(self): ...


class Square(Shape):
    def area(self): ...


class Closes(Protocol):
    def close(self): ...


@typing.runtime_checkable
class Adds(Protocol):
    def add(self): ...


class Meta(type):
    def __instancecheck__(cls, value):
        return True


class Duck(metaclass=Meta): ...


class Hostile(type):
    def __subclasscheck__(cls, other):
        raise SystemExit("no")


class Broken(metaclass=Hostile): ...


class Row(TypedDict):
    name: str
    size: int


class Pair(NamedTuple):
    left: int
    right: str


@dataclass
class Box:
    width: float
    label: Optional[str] = None
    later: Unknown = None  # noqa: F821


@dataclass
class Size:
    width: float


class Bag(typing.Generic[T]): ...


def same_name():
    """Return the class `Plain` as a cell that is run again defines it."""
    return type("Plain", (), {"__module__": __name__})


FITS = [
    (int, int), (bool, int), (int, bool), (int, float), (float, int), (int, complex),
    (float, complex), (np.int64, int), (np.float32, float), (int, np.float64), (np.bool_, bool),
    (decimal.Decimal, float), (fractions.Fraction, float), (UserId, int), (int, UserId),
    (str, Any), (Any, str), (str, object), (object, str), (str, T), (list[T], list[int]),
    (int, int | None), (int | None, int), (None, int | None), (None, object), (None, Any),
    (int | str, str | bytes), (Optional[int], Union[str, None]), (int, "Unknown"),
    (Literal["a", "b"], str), (str, Literal["a"]), (Literal["a", "b"], Literal["b", "c"]),
    (Literal[1], Literal[True]),
    (typing.Annotated[int, "metres"], float), (typing.LiteralString, str),
    (bytes, bytearray), (bytearray, bytes), (memoryview, bytes),
    (list, list[int]), (list[int], list), (list[Any], list[int]), (list[bool], list[int]),
    (list[int], list[float]), (list[int | None], list[str | None]), (typing.List[int], list[int]),
    (list[int], abc.Sequence[int]), (list[int], abc.Iterable[float]), (abc.Iterable[int], set[int]),
    (list[int], typing.Iterable), (list[str], abc.Collection[str]), (set[int], abc.Hashable | set),
    (abc.Iterator[int], list[int]), (abc.Generator[int, None, None], list[int]),
    (abc.Iterator[int], abc.Sequence[int]), (abc.Iterator[int], abc.Iterator[int]),
    (typing.Iterator, list[str]), (map, list), (zip, list[tuple[int, int]]), (filter, list),
    (tuple[abc.Iterator[int], str], tuple[list[int], str]),
    (dict[str, abc.Iterator[int]], dict[str, list[int]]),
    (tuple[int, str], tuple), (tuple[int, str], tuple[int, ...] | tuple[Any, ...]),
    (tuple[int, int], tuple[int, ...]), (tuple[int, ...], tuple[int, int]),
    (tuple[int, str], abc.Sequence[int | str]), (tuple[()], tuple[int, ...]),
    (abc.Sequence[int], tuple[int, int]), (Pair, tuple[int, str]), (tuple[int, str], Pair),
    (dict[str, int], abc.Mapping[str, int]), (dict[str, int], typing.Dict[str, float]),
    (collections.Counter[str], dict[str, int]), (collections.OrderedDict, dict[str, int]),
    (dict[str, int], collections.defaultdict[str, int]), (dict[str, int], abc.Iterable[str]),
    (Row, dict), (Row, dict[str, Any]), (dict, Row), (Row, Row), (Row, abc.Mapping[str, int]),
    (str, abc.Sequence[str]), (str, abc.Iterable), (bytes, abc.Iterable[int]),
    (range, abc.Sequence),
    (Plain, Plain), (Sub, Plain), (Plain, Sub), (Left, Right), (Both, Right), (Text, str),
    (str, Text), (str, Mixin), (Mixin, str), (Word, str), (str, Word), (Color, enum.Enum),
    (Plain, same_name()), (Sub, same_name()), (same_name(), Sub),
    (Plain, Shape), (Shape, Plain), (Square, Shape), (Plain, abc.Sequence),
    (Plain, abc.Iterable[int]),
    (abc.Sequence, abc.Mapping), (Plain, Closes), (str, Closes), (Closes, str), (str, Adds),
    (Plain, Duck), (str, Duck), (Duck, int), (Broken, Plain), (str, typing.SupportsIndex | str),
    (int, typing.SupportsFloat), (bool, datetime.tzinfo | bool), (datetime.datetime, datetime.date),
    (pathlib.Path, os.PathLike), (pathlib.Path, os.PathLike[str]),
    (pathlib.PosixPath, pathlib.Path),
    (io.TextIOWrapper, typing.TextIO), (io.StringIO, typing.IO[str]), (io.BytesIO, typing.BinaryIO),
    (abc.Awaitable[int], int), (abc.Coroutine[Any, Any, int], int), (asyncio.Future, int),
    (typing.NoReturn, int), (typing.Never, int), (type[Plain], type), (type[Plain], abc.Callable),
    (abc.Callable[[int], str], abc.Callable[[str], int]), (Bag[int], Bag[str]), (Bag, Bag[int]),
    (np.ndarray, npt.ArrayLike), (pd.DataFrame, npt.ArrayLike), (dict, npt.ArrayLike),
    (list[float], npt.ArrayLike), (npt.ArrayLike, np.ndarray), (npt.NDArray[np.int64], np.ndarray),
    (npt.NDArray[np.int64], npt.NDArray[np.float64]), (np.ndarray, abc.Sequence[float]),
    (pd.DataFrame, pd.DataFrame), (pd.DataFrame, pd.DataFrame | pd.Series),
    (pd.Timestamp, datetime.datetime), (pd.Series, abc.Iterable[int]), (np.str_, str),
    (mock.Mock, int), (Plain, mock.Mock), (typing.AnyStr, int),
    (type[Any], int | type),
]  # fmt: skip

MISFITS = [
    (int, str), (str, int), (str, bytes), (bytes, str), (float, str), (bool, str), (str, bool),
    (None, int), (None, str), (None, list[int]), (None, Plain), (int, None), (UserId, str),
    (str, UserId), (int | float, str), (int | None, str), (int, str | bytes), (np.int64, str),
    (str, np.float64), (decimal.Decimal, str), (Literal["a"], int), (Literal["a"], Literal["b"]),
    (int, Literal["a"]), (typing.Annotated[int, "m"], str),
    (typing.LiteralString, int), (str, list[int]), (str, list[str]), (list[str], str), (int, list),
    (int, list[int]), (list[int], int), (list[str], list[int]), (list[list[str]], list[list[int]]),
    (typing.List[str], typing.List[int]), (list[int], set[int]), (set[int], list[int]),
    (list[int], tuple[int, ...]), (tuple[int, int], list[int]), (list, dict), (dict, list),
    (list[str], abc.Sequence[int]), (list[str], abc.Iterable[int]), (abc.Iterable[str], list[int]),
    (set[int], abc.Sequence[int]), (list[int], abc.Mapping), (list[int], abc.Hashable),
    (abc.Iterator[str], list[int]), (abc.Iterator[int], str), (abc.Iterator[int], dict[int, int]),
    (abc.Generator[str, None, None], abc.Sequence[int]), (abc.Iterator[int], set[int]),
    (map, dict), (tuple[int, str], tuple[int, int]), (tuple[int, str], tuple[int]),
    (tuple[str, ...], tuple[int, ...]), (tuple[str, ...], tuple[str, int]),
    (tuple[int, str], abc.Sequence[int]), (dict[str, int], dict[str, str]),
    (dict[str, int], dict[int, int]), (dict[str, list[str]], abc.Mapping[str, list[int]]),
    (collections.Counter[str], dict[str, str]), (dict[str, int], abc.Iterable[int]),
    (Row, list), (Row, dict[int, str]), (Row, str), (str, Row), (int, abc.Iterable[int]),
    (int, abc.Sequence), (int, abc.Mapping), (str, abc.Iterable[int]), (str, abc.Mapping[str, int]),
    (bytes, abc.Sequence[str]), (float, abc.Callable), (abc.Callable[[], int], int),
    (Plain, Other), (Other, Plain), (Sub, Other), (Plain, str), (str, Plain), (Plain, list[int]),
    (list[Plain], list[Other]), (dict[str, Plain], dict[str, Other]), (Plain, Color), (Color, str),
    (str, Color), (Pair, Size), (Size, Pair), (Size, dict), (dict, Size), (int, Shape),
    (Shape, int),
    (str, Shape), (Bag[int], Plain), (Bag[int], int), (type[Plain], int), (int, type[int]),
    (str, pathlib.Path), (pathlib.Path, str), (pathlib.Path, datetime.date),
    (str, datetime.date), (datetime.date, datetime.timedelta), (str, typing.TextIO),
    (str, typing.SupportsFloat), (dict, typing.SupportsIndex), (np.ndarray, pd.DataFrame),
    (pd.DataFrame, np.ndarray), (pd.DataFrame, pd.Series), (pd.Series, np.ndarray),
    (npt.NDArray[np.float64], pd.DataFrame), (pd.DataFrame, list[int]), (np.ndarray, str),
    (pd.DataFrame, dict), (pd.DataFrame | None, np.ndarray), (list[pd.DataFrame], list[np.ndarray]),
    (io.StringIO, pathlib.Path), (array.array, np.ndarray), (asyncio.Queue, int),
]  # fmt: skip


def names(pair):
    return f"{shown(pair[0])} into {shown(pair[1])}"


def warned_of(given, taken):
    """Tell whether a flow of two tasks with these annotations is warned of."""

    def give(): ...
    def take(x): ...

    give.__annotations__ = {"return": given}
    take.__annotations__ = {"x": taken}
    return found("give -> take", give=give, take=take) != []


def found(text, /, **functions):
    return [str(misfit) for misfit in misfits(resolve(parse_dsl(text), None, functions))]


class TestPairs:
    @pytest.mark.parametrize("pair", FITS, ids=names)
    def test_what_may_fit(self, pair):
        assert not warned_of(*pair)

    @pytest.mark.parametrize("pair", MISFITS, ids=names)
    def test_what_cannot_fit(self, pair):
        assert warned_of(*pair)

    @pytest.mark.parametrize("pair", MISFITS, ids=names)
    def test_one_alternative_that_fits_is_enough(self, pair):
        given, taken = pair
        assert not warned_of(Union[given, taken], taken)
        assert not warned_of(given, Union[given, taken])
        assert not warned_of(given, Union[Any, taken])
        assert not warned_of(Union[given, T], taken)

    def test_all_is_tried(self):
        assert len(FITS) + len(MISFITS) >= 200

    def test_names_for_annotations(self):
        if sys.version_info < (3, 12):
            pytest.skip("a 'type' statement is of 3.12 on")
        place = {}
        exec("type Name = str\ntype Json = int | list[Json]\ntype Same = Same", place)
        assert warned_of(place["Name"], int)
        assert warned_of(place["Json"], str)
        assert not warned_of(place["Same"], int)

    def test_what_contains_itself_ends(self):
        class Node(TypedDict):
            next: Node

        deep, other = int, str
        for _ in range(200):
            deep, other = list[deep], list[other]
        assert cannot_fit(deep, other) is False
        assert not warned_of(Node, Node)

    @pytest.mark.parametrize(
        ("returns", "kind", "key", "is_mapped", "expected"),
        [
            (list[str], "item", None, False, str),
            (dict[str, int], "item", None, False, tuple[str, int]),
            (collections.Counter[str], "item", None, False, tuple[str, int]),
            (abc.Iterator[int], "item", None, False, int),
            (tuple[int, ...], "item", None, False, int),
            (tuple[int, str], "item", None, False, int | str),
            (list[int] | tuple[str, ...], "item", None, False, int | str),
            (list[int] | list, "item", None, False, Any),
            (Bag[int], "item", None, False, Any),
            (int, "result", None, True, list[int]),
            (int, "item", None, True, int),
            (list[int], "item", None, True, list[int]),
            (int, "each", None, True, int),
            (Row, "each", "name", True, str),
            (Row, "result", "size", False, int),
            (Row, "result", "nothing", False, Any),
            (Row | None, "result", "size", False, Any),
            (Pair, "result", "right", False, str),
            (Pair, "result", "count", False, Any),
            (Size, "result", "width", False, float),
            (tuple[int, str], "result", 1, False, str),
            (tuple[int, str], "result", 2, False, Any),
            (list[int], "result", 0, False, int),
            (dict[int, str], "result", 0, False, Any),
            (dict[str, int], "result", "a", False, Any),
            (Plain, "result", "x", False, Any),
            (pd.DataFrame, "result", "x", False, Any),
            (int, "result", (0, ("a", "b")), False, Any),
            (int, "something new", None, False, Any),
        ],
    )
    def test_what_reaches_a_parameter(self, returns, kind, key, is_mapped, expected):
        assert handed(returns, kind, key, is_mapped) == expected


class TestFunctions:
    def test_text_is_evaluated(self):
        def give() -> list[str]: ...
        def take(x: list[int]): ...

        assert give.__annotations__ == {"return": "list[str]"}
        assert found("give -> take", give=give, take=take) == [
            "'give' gives list[str], and the parameter 'x' of 'take' takes list[int]"
        ]

    def test_text_that_cannot_be_evaluated_says_nothing(self):
        def give() -> OnlyForTypeCheckers: ...  # noqa: F821
        def take(x: list[int]): ...
        def raises(x: print(1 / 0)): ...
        def leaves(x: sys.exit()): ...

        def text() -> str: ...

        assert not found("give -> take", give=give, take=take)
        assert not found("give -> take", give=text, take=raises)
        assert not found("give -> take", give=text, take=leaves)

    def test_an_interrupt_comes_through(self):
        def interrupted(x: signal.raise_signal(signal.SIGINT)): ...

        with pytest.raises(KeyboardInterrupt):
            read(interrupted)

    def test_what_says_nothing(self):
        def give(): ...
        def take(x: int): ...
        def text() -> str: ...
        def anything(x): ...

        assert not found("give -> take", give=give, take=take)
        assert not found("text -> anything", text=text, anything=anything)
        assert not found("text -> anything", text=text, anything=len)

    def test_what_a_callable_is_made_of(self):
        def give(depth: int = 0) -> str: ...
        def take(x: int, y: float = 0.0): ...

        def passed_on(function):
            @functools.wraps(function)
            def call(*args, **kwargs):
                return function(*args, **kwargs)

            return call

        class Work:
            def method(self, x: int): ...
            @classmethod
            def of_class(cls, x: int): ...
            @staticmethod
            def static(x: int): ...
            def __call__(self, x: int): ...

        makes = (task, passed_on, functools.partial, functools.lru_cache, lambda f: task(task(f)),
                 lambda f: task(functools.partial(passed_on(task(f)))))  # fmt: skip
        for make in makes:
            assert found("give -> take", give=make(give), take=take), make
            assert found("give -> take", give=give, take=make(take)), make
        for taker in (
            Work().method,
            Work.of_class,
            Work.static,
            Work(),
            functools.partial(take, y=1),
        ):
            assert found("give -> take", give=give, take=taker), taker
        skips = functools.partial(lambda first, x: 0, 1)
        assert not found("give -> take", give=give, take=skips)

    def test_classes(self):
        class Slow(Plain):
            def __init__(self, x: int): ...

        class Strange:
            def __new__(cls, x: int):
                return 3

        class Made(type):
            def __call__(cls, *args):
                return 3

        class Odd(metaclass=Made): ...

        def give() -> str: ...
        def take(x: int): ...

        assert found("give -> make", give=give, make=Slow)
        assert found("give -> make", give=give, make=Size)
        assert found("give -> make", give=give, make=functools.partial(Pair, right="x"))
        assert found("make -> take", make=Plain, take=take)
        assert found("make -> take", make=str, take=take)
        assert not found("make -> take", make=int, take=take)
        assert found("give -> make", give=give, make=Strange)
        assert not found("give -> make -> take", give=lambda: 0, make=Strange, take=take)
        assert not found("make -> take", make=Odd, take=take)
        assert not found("give -> make -> take", give=lambda: 1, make=Color, take=take)

    def test_decorators_that_give_something_else(self):
        @contextlib.contextmanager
        def opened() -> abc.Iterator[str]:
            yield "x"

        @functools.singledispatch
        def take(x: int): ...

        @take.register
        def _(x: str): ...

        def text() -> str: ...
        def use(x: int): ...

        assert not found("opened -> use", opened=opened, use=use)
        assert not found("text -> take", text=text, take=take)

    def test_async_and_generators(self):
        async def fetch() -> str: ...
        def numbers() -> abc.Iterator[int]:
            yield 1

        def wrong() -> int:
            yield "x"

        def text(x: str): ...
        def number(x: int): ...
        def many(x: list[int]): ...
        def once(x: abc.Iterator[int]): ...

        assert not found("fetch -> text", fetch=fetch, text=text)
        assert found("fetch -> number", fetch=fetch, number=number)
        assert not found("numbers -> [many, once, map number]", **locals())
        assert found("numbers -> text", **locals())
        assert not found("wrong -> [text, many]", **locals())

    def test_classes_that_raise(self):
        class Raises(type):
            def __subclasscheck__(cls, other):
                raise SystemExit("no")

            def __repr__(cls):
                raise RuntimeError("no")

        class Broken(metaclass=Raises): ...

        assert not warned_of(Broken, Plain)
        assert not warned_of(Plain, Broken)
        assert warned_of(list[Broken], int)


class TestParameters:
    def test_each_way_in(self):
        def number() -> int: ...
        def text() -> str: ...
        def many(*xs: int): ...
        def named(**values: int): ...
        def by_name(text: int, number: int): ...
        def later(*, text: int): ...
        def only(x: int, /): ...
        def default(nothing: int = None): ...  # noqa: RUF013
        def nothing() -> None: ...

        told = "'text' gives str, and the parameter '{}' of '{}' takes int"
        functions = dict(locals())
        functions.pop("self")
        assert found("[number, text] -> many", **functions) == [told.format("*xs", "many")]
        assert found("[number, text] -> named", **functions) == [told.format("text", "named")]
        assert found("[number, text] -> by_name", **functions) == [told.format("text", "by_name")]
        assert found("text -> later", **functions) == [told.format("text", "later")]
        assert found("text -> only", **functions) == [told.format("x", "only")]
        assert found("nothing -> only", **functions)
        assert not found("nothing -.-> number", **functions)
        assert not found("nothing -> default", **functions)

    def test_inputs_are_not_looked_at(self):
        def take(x: int): ...
        def then(take: str, y: int): ...

        def give() -> int: ...

        plan = resolve(parse_dsl("take"), {"x": "text"}, {"take": take})
        assert misfits(plan) == []
        plan = resolve(parse_dsl("give as take -> then"), {"y": "z"}, {"give": give, "then": then})
        assert [misfit.parameter for misfit in misfits(plan)] == ["take"]

    def test_keys(self):
        def split() -> Row: ...
        def size(x: int): ...
        def box() -> Box: ...

        assert found("split.name -> size", split=split, size=size) == [
            "'split' gives str under 'name', and the parameter 'x' of 'size' takes int"
        ]
        assert not found("split.size -> size", split=split, size=size)
        assert not found("box.label -> size", box=box, size=size)  # Box cannot be evaluated

    def test_maps(self):
        def texts() -> list[str]: ...
        def counts() -> dict[str, int]: ...
        def text() -> str: ...
        def upper(x: str) -> str: ...
        def size(x: str) -> int: ...
        def pair(x: tuple[str, int]): ...
        def number(x: int): ...
        def numbers(x: list[int]): ...
        def all_texts(x: list[str]): ...

        functions = dict(locals())
        functions.pop("self")
        for fits in (
            "texts -> map upper -> map size -> numbers", "counts -> map pair",
            "texts -> map upper -> all_texts", "texts -> map size -> map number",
        ):  # fmt: skip
            assert not found(fits, **functions), fits
        for wrong in (
            "texts -> map number", "texts -> map upper -> numbers",
            "texts -> map size -> all_texts", "counts -> map number", "counts -> map upper",
            "texts -> map upper -> map number",
            "texts -> map upper -> upper as again", "text -> map upper", "texts -> upper",
            "texts -> map all_texts",
        ):  # fmt: skip
            assert len(found(wrong, **functions)) == 1, wrong


def load() -> str: ...


def total(xs: list[int]): ...


FUNCTIONS = {"load": load, "total": total}

TEXT = """\
line 3, column 13: 'load' gives str, and the parameter 'xs' of 'total' takes list[int]
  3 |     load -> total
    |             ^^^^^
change the annotation that is not true, or the function"""


def warnings_of(text, /, **functions):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(text, namespace=functions)
    return [str(each.message) for each in caught]


class TestWarning:
    def test_the_text(self):
        with pytest.warns(FlowWarning) as caught:
            run("flow Sums:\n    # load it\n    load -> total", namespace=FUNCTIONS)
        assert [str(each.message) for each in caught] == [TEXT]
        assert caught[0].filename == __file__
        assert issubclass(FlowWarning, UserWarning)

    def test_what_to_do(self):
        def nothing() -> None: ...
        def texts() -> list[str]:
            return ["a"]

        def upper(x: str):
            return x

        def all_texts(x: list[str]): ...

        remedies = {
            "nothing -> upper": "let 'nothing' return something and say what, or write "
            "'nothing -.-> upper' if 'upper' should only wait",
            "texts -> upper": "write 'texts -> map upper' if 'upper' should run for each item",
            "texts -> map all_texts": "write 'texts -> all_texts' "
            "if 'all_texts' should get all of it",
        }
        functions = dict(locals())
        for text, remedy in remedies.items():
            (said,) = warnings_of(text, **functions)
            assert said.endswith(f"\n{remedy}")

    def test_two_functions_are_told_of_once(self):
        text = "\n".join(f"load as l{i} -> total as t{i}" for i in range(4))
        (said,) = warnings_of(text, **FUNCTIONS)
        assert said.startswith("line 1, column 15: 'l0' gives str")
        assert "(and so for 3 more of these arrows)" in said

    def test_a_flow_without_a_text(self):
        flow = taskinity_nb.Flow("F", [("load", "total")])
        (said,) = warnings_of(flow, **FUNCTIONS)
        assert said.startswith("'load' gives str")

    def test_before_anything_runs(self):
        ran = []

        def give() -> str:
            ran.append(1)

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(FlowWarning):
                run("give -> total", namespace={"give": give, "total": total})
            with pytest.raises(FlowWarning):
                start("give -> total", namespace={"give": give, "total": total})
        assert not ran

    def test_once_a_place(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in range(3):
                run("load -> total", namespace=FUNCTIONS)
                start("load -> total", namespace=FUNCTIONS).wait()
        assert len(caught) == 2
        assert {each.filename for each in caught} == {__file__}

    def test_once_a_comparison(self):
        for measure in (compare, PerformanceBenchmark().compare):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                measure("load -> total", executors=["sequential", "threads"], namespace=FUNCTIONS)
            assert [each.filename for each in caught] == [__file__], measure

    def test_explained(self):
        plan = parse_dsl("load -> total").explain(namespace=FUNCTIONS)
        assert repr(plan) == (
            "flow\n  load()\n  total(xs)\n    xs  <- result of load\n"
            "    (does not fit: 'load' gives str, and the parameter 'xs' of 'total' "
            "takes list[int])"
        )

    def test_from_a_thread(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            thread = threading.Thread(target=run, args=["load -> total"],
                                      kwargs={"namespace": FUNCTIONS})  # fmt: skip
            thread.start()
            thread.join()
        assert len(caught) == 1


class TestCost:
    def test_no_call_is_made_for_it(self):
        def give(x: int = 0) -> int: ...
        def take(x: str): ...

        text = "\n".join(f"give as g{i} -> take as t{i}" for i in range(200))
        plan = resolve(parse_dsl(text), None, {"give": give, "take": take})
        assert len(misfits(plan)) == 200
        assert not plan.calls.known

    def test_two_functions_are_compared_once(self, monkeypatch):
        from taskinity_nb.model.annotations import misfits as module

        asked = []
        monkeypatch.setattr(module, "cannot_fit", lambda *pair: asked.append(pair))
        text = "\n".join(f"load as g{i} -> total as t{i}" for i in range(200))
        misfits(resolve(parse_dsl(text), None, FUNCTIONS))
        assert asked == [(str, list[int])]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no such statement")
@pytest.mark.parametrize(
    ("alias", "told", "stands_for"),
    [
        ("type Pair[T] = tuple[T, T]", "Pair[int]", tuple[int, int]),
        ("type Swapped[A, B] = dict[B, A]", "Swapped[int, str]", dict[str, int]),
        ("type Same[T] = T", "Same[Same[int]]", int),
        ("type Always[T] = int", "Always[str]", int),
        ("type Several[K, *R] = dict[K, tuple[*R]]", "Several[str, int, float]", typing.Any),
    ],
)
def test_an_alias_with_parameters(alias, told, stands_for):
    space = {}
    exec(alias, space)
    assert alternatives(eval(told, space)) == alternatives(stands_for)
