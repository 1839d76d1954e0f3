"""What hostile tasks do, and with what: functions, classes, streams and executors with a trap."""

from __future__ import annotations

import asyncio
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from torture import Trap, Value, error_of_kind, value_of_kind

from taskinity_nb import run

__all__ = [
    "GOING",
    "CancelsWhenFreed",
    "CancelsWhenRead",
    "CancelsWhenShown",
    "Generates",
    "LosingExecutor",
    "Makes",
    "NamelessFunction",
    "Nests",
    "NoBool",
    "NoFloat",
    "Prints",
    "Quiet",
    "Raises",
    "RefusingPool",
    "Returns",
    "ReturnsSome",
    "Sleeps",
    "Stream",
    "UnpicklableFunction",
    "UnreadableFunction",
    "UnsignedFunction",
    "cancels",
    "cancels_in_error",
    "fails",
    "keyword",
    "picks",
    "raises_beside",
    "raises_on_loop",
    "raises_when_cancelled",
    "returns_from_loop",
    "unchecked",
]


# What tasks do.


@dataclass
class Quiet:
    """Takes anything, and looks at none of it."""

    value: Any = 1

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.value


@dataclass
class Returns:
    """Returns a value with a trap in a method."""

    where: str
    kind: str

    def __call__(self, *args: Any) -> Any:
        return value_of_kind(self.where, self.kind)


@dataclass
class ReturnsSome(Returns):
    """Returns a list of such values."""

    def __call__(self, *args: Any) -> Any:
        return [value_of_kind(self.where, self.kind) for _ in range(3)]


@dataclass
class Raises:
    """Raises an exception with a trap in a method."""

    method: str
    kind: str

    def __call__(self, *args: Any) -> Any:
        raise error_of_kind(self.method, self.kind)


def fails(*args: Any) -> Any:
    raise ValueError("an ordinary failure")


def keyword(*args: Any, value: Any) -> int:
    return 1


def picks(part: Any, absent: Any) -> int:
    return 1


@dataclass
class Generates:
    """Returns a generator that raises on its way."""

    kind: str

    def __call__(self, *args: Any) -> Iterator[int]:
        yield 1
        Trap(self.kind)()


@dataclass
class Prints:
    """Prints, and raises then if there is a kind."""

    kind: str = ""

    def __call__(self, *args: Any) -> int:
        print("printed \ud800 by h", flush=True)
        if self.kind:
            Trap(self.kind)()
        return 1


@dataclass
class Sleeps:
    """Takes longer than it may."""

    kind: str
    seconds: float = 0.3

    def __call__(self, *args: Any) -> None:
        time.sleep(self.seconds)
        Trap(self.kind)()


@dataclass
class Nests:
    """Runs a flow that fails."""

    kind: str
    executor: str = "threads"

    def __call__(self, *args: Any) -> Any:
        return run("inner", namespace={"inner": Trap(self.kind)}, executor=self.executor)


# Tasks that are `async def`.


def raises_on_loop(kind: str) -> Callable[..., Any]:
    async def h(*args: Any) -> None:
        await asyncio.sleep(0)
        Trap(kind)()

    return h


def raises_beside(kind: str) -> Callable[..., Any]:
    async def h(*args: Any) -> int:
        async def beside() -> None:
            Trap(kind)()

        beside_it = asyncio.create_task(beside())
        await asyncio.sleep(0.01)
        return int(beside_it.done())

    return h


def raises_when_cancelled(kind: str) -> Callable[..., Any]:
    async def h(*args: Any) -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            Trap(kind)()

    return h


def returns_from_loop(where: str, kind: str) -> Callable[..., Any]:
    async def h(*args: Any) -> Any:
        return value_of_kind(where, kind)

    return h


# Functions, classes, streams and executors with a trap in them.


class Function(Quiet):
    """A function that has a kind."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind


class UnpicklableFunction(Function):
    def __reduce__(self) -> Any:
        return Trap(self.kind)()


class UnreadableFunction(Function):
    def __setstate__(self, state: Any) -> None:
        Trap(state["kind"])()


class NamelessFunction(Function):
    @property
    def __name__(self) -> Any:
        return Trap(self.kind)()


class UnsignedFunction(Function):
    @property
    def __signature__(self) -> Any:
        return Trap(self.kind)()


class NoBool(Function):
    """A validator whose verdict looks like NumPy's, and is none."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        spring = Trap(self.kind)
        return type("bool_", (), {"__module__": "numpy", "__bool__": lambda _: spring()})()


class NoFloat(Function):
    """A delay that is no number."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        spring = Trap(self.kind)
        return type("Delay", (), {"__float__": lambda _: spring(), "__lt__": lambda *_: spring()})()


def unchecked(kind: str) -> type[BaseException]:
    """Return a class of exceptions of which nobody can be told to be an instance."""

    class Meta(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return bool(Trap(kind)())

        __subclasscheck__ = __instancecheck__

    return Meta("Unchecked", (Exception,), {})


class Stream(io.StringIO):
    """A stream with a trap in one of its methods."""

    def __init__(self, method: str, kind: str) -> None:
        super().__init__()
        setattr(self, method, Trap(kind))


class RefusingPool(ThreadPoolExecutor):
    """A thread pool that takes a few tasks."""

    def __init__(self, kind: str, after: int) -> None:
        super().__init__(2)
        self._refuse = Trap(kind, after)

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse()
        return super().submit(*args, **kwargs)


class LosingExecutor:
    """Somebody's own executor, whose futures fail."""

    def __init__(self, kind: str, after: int) -> None:
        self._lose = Trap(kind, after)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        future: Future[Any] = Future()
        try:
            self._lose()
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


# What cancels the run that it is in.


class Going:
    """The run that goes on, for who wants to cancel it in this process."""

    def __init__(self) -> None:
        self.run: Any = None
        self.is_known = threading.Event()
        self.pid = 0
        """The process that the run is of: a worker that imports this module has a run to cancel no
        more than one that is forked."""

    def cancel(self) -> None:
        if os.getpid() == self.pid and self.is_known.wait(5):
            self.run.cancel()


GOING = Going()


def cancels(*args: Any) -> int:
    GOING.cancel()
    return 1


class CancelsWhenShown(Value):
    def __repr__(self) -> str:
        GOING.cancel()
        return "cancelled"


class CancelsWhenFreed(Value):
    def __del__(self) -> None:
        GOING.cancel()


class CancelsWhenRead(Value):
    def __setstate__(self, state: Any) -> None:
        GOING.cancel()


class ErrorCancels(Exception):
    def __str__(self) -> str:
        GOING.cancel()
        return "cancelled"

    __repr__ = __str__


def cancels_in_error(*args: Any) -> None:
    raise ErrorCancels


@dataclass
class Makes:
    """Returns a new object, or a list of some."""

    made: Callable[[str], Any]
    count: int = 0

    def __call__(self, *args: Any) -> Any:
        return [self.made("") for _ in range(self.count)] if self.count else self.made("")
