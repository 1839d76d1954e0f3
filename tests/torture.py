"""Kinds of exceptions and the places where an engine calls a user's code: `PLACES` × `KINDS`.

A place is a task (`Place.functions`, `Place.options`) that does harm somewhere on its way through a
run, by raising a kind: in its function, in how its result is read, in how its exception is shown.
All of it is found by its name in this module, so it travels to any process.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import pickle
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import taskinity_nb
from taskinity_nb.errors import Skip

__all__ = ["KINDS", "VALUES", "Trap", "error_of_kind", "value_of_kind"]

# Kinds of exceptions.


class Base(BaseException):
    """No `Exception`."""


class TwoArguments(Exception):
    """Cannot be made again from its `args`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


class KeywordOnly(Exception):
    """Likewise."""

    def __init__(self, *, code: int) -> None:
        super().__init__()
        self.code = code


class Slotted(Exception):
    """Has a slot, which its pickle leaves out."""

    __slots__ = ("code",)


class Frozen(Exception):
    """Takes no attribute, and so no note."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to '{name}'")


class WithoutPickle(Exception):
    """Holds what cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("locked")
        self.lock = threading.Lock()


class LoadsToNothing(Exception):
    """Is None when it is read again."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _nothing, ()


class LoadsToText(Exception):
    """Is a text when it is read again."""

    def __reduce__(self) -> tuple[Any, ...]:
        return str, ("no exception",)


class ReducesToNone(Exception):
    """Its `__reduce__` gives none."""

    def __reduce__(self) -> Any:
        return None


class TupleNotes(Exception):
    """Has notes that are no list."""

    def __init__(self) -> None:
        super().__init__("noted")
        self.__notes__ = ("a note",)


class TextExits(Exception):
    """Ends the program when it is shown."""

    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


class TextIsNone(Exception):
    """Its text is no text."""

    def __str__(self) -> Any:
        return None

    __repr__ = __str__


class NeverEqual(Exception):
    """Cannot be compared, looked up or asked for its truth."""

    def __eq__(self, other: object) -> bool:
        raise SystemExit(4)

    def __hash__(self) -> int:
        raise SystemExit(5)

    def __bool__(self) -> bool:
        raise SystemExit(6)


def _nothing() -> None:
    return None


def _caused() -> Exception:
    error = ValueError("outer")
    error.__cause__ = TextExits()
    error.__context__ = error.__cause__
    return error


def _in_a_circle() -> Exception:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def _named_by_a_stranger() -> Exception:
    made: Exception = type("\x1b[31m" + "x" * 10_000, (Exception,), {})("made here")
    return made


KINDS: dict[str, Callable[[], BaseException]] = {
    "Exception": lambda: Exception("plain"),
    "Base": Base,
    "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "StopIteration": lambda: StopIteration(1),
    "StopAsyncIteration": StopAsyncIteration,
    "asyncio.CancelledError": asyncio.CancelledError,
    "futures.CancelledError": concurrent.futures.CancelledError,
    "InvalidStateError": concurrent.futures.InvalidStateError,
    "BrokenProcessPool": lambda: BrokenProcessPool("not yours"),
    "MemoryError": MemoryError,
    "RecursionError": lambda: RecursionError("too deep"),
    "ExceptionGroup": lambda: ExceptionGroup("several", [ValueError("one"), KeyError("two")]),
    "BaseExceptionGroup": lambda: BaseExceptionGroup("several", [SystemExit(1), Base()]),
    "UnicodeDecodeError": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
    "Surrogates": lambda: ValueError("\ud800 alone"),
    "FileNotFoundError": lambda: FileNotFoundError(2, "No such file", "data.csv"),
    "BrokenPipeError": lambda: BrokenPipeError(32, "Broken pipe"),
    "ConnectionResetError": ConnectionResetError,
    "EOFError": EOFError,
    "TimeoutError": lambda: TimeoutError("late"),
    "queue.Empty": queue.Empty,
    "KeyError": lambda: KeyError("key"),
    "AttributeError": lambda: AttributeError("attribute"),
    "TypeError": lambda: TypeError("type"),
    "AssertionError": AssertionError,
    "ImportError": lambda: ImportError("no module", name="nowhere"),
    "PicklingError": lambda: pickle.PicklingError("sour"),
    "UserWarning": lambda: UserWarning("warned"),
    "TwoArguments": lambda: TwoArguments(404, "not found"),
    "KeywordOnly": lambda: KeywordOnly(code=500),
    "Slotted": lambda: Slotted("slot"),
    "Frozen": lambda: Frozen("ice"),
    "WithoutPickle": WithoutPickle,
    "LoadsToNothing": LoadsToNothing,
    "LoadsToText": LoadsToText,
    "ReducesToNone": ReducesToNone,
    "TupleNotes": TupleNotes,
    "TextExits": TextExits,
    "TextIsNone": TextIsNone,
    "NeverEqual": NeverEqual,
    "Caused": _caused,
    "InACircle": _in_a_circle,
    "NamedByAStranger": _named_by_a_stranger,
    "Skip": lambda: Skip("enough"),
    "TaskError": lambda: taskinity_nb.TaskError("not of this run"),
    "MapError": lambda: taskinity_nb.MapError("without items"),
    "Cancelled": lambda: taskinity_nb.Cancelled("not this run"),
    "ExecutorError": lambda: taskinity_nb.ExecutorError("not this one"),
    "WorkerLost": lambda: taskinity_nb.WorkerLost("nobody died"),
    "BindingError": lambda: taskinity_nb.BindingError("nothing to bind"),
    "UnpicklableError": lambda: taskinity_nb.UnpicklableError("nothing to send"),
}
"""What makes an exception of each kind."""


class Trap:
    """Raises an exception of a kind when it is called, from the call with number `after` on."""

    def __init__(self, kind: str, after: int = 0) -> None:
        self.kind = kind
        self.left = after

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.left:
            self.left -= 1
            return None
        raise KINDS[self.kind]()


# Values, exceptions and classes with a trap in one of their methods.


def _spring(self: Any, *args: Any) -> Any:
    raise KINDS[object.__getattribute__(self, "kind")]()


def _spring_with_state(self: Any, state: Any) -> Any:
    raise KINDS[state["kind"]]()


def _spring_at_once(self: Any, name: str) -> Any:
    """Be without any attribute that was not there before."""
    if name.startswith("__") and name not in ("__next__", "__array__", "__len__"):
        raise AttributeError(name)
    raise KINDS[object.__getattribute__(self, "kind")]()


class Value:
    """A result."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class HostileError(Exception):
    """An exception."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        object.__setattr__(self, "kind", kind)


class Items(Value):
    """A result that is a list of two numbers."""

    def __iter__(self) -> Any:
        return iter((1, 2))


class Keys(Value, Mapping[str, Any]):
    """A result that has the key ``part``."""

    def __getitem__(self, key: str) -> Any:
        if key != "part":
            raise KeyError(key)
        return 1

    def __iter__(self) -> Any:
        return iter(("part",))

    def __len__(self) -> int:
        return 1


VALUES: dict[str, type[Value]] = {}
"""Classes of results, by ``base.method``."""
ERRORS: dict[str, type[HostileError]] = {}
"""Classes of exceptions, by the method."""


def _with_traps(base: type, methods: dict[str, Any]) -> dict[str, Any]:
    """Make a class for each method, and let pickle find it here."""
    made = {}
    for method, trap in methods.items():
        name = f"{base.__name__}{method}"
        made[method] = globals()[name] = type(
            name, (base,), {method: trap, "__module__": __name__, "__qualname__": name}
        )
        if method == "__eq__":
            made[method].__hash__ = _spring
    return made


VALUES |= {
    f"{base.__name__}.{method}": made
    for base, methods in (
        (Value, ("__reduce__", "__getstate__", "__del__", "__bool__", "__eq__", "__hash__",
                 "__len__", "__iter__", "__next__", "__repr__", "__sizeof__", "__dir__",
                 "__await__", "__format__")),
        (Items, ("__iter__", "__len__", "__length_hint__")),
        (Keys, ("__contains__", "__getitem__", "__iter__", "__len__", "items", "keys", "get")),
    )
    for method, made in _with_traps(base, dict.fromkeys(methods, _spring)).items()
}  # fmt: skip
VALUES |= {
    f"Value.{method}": made
    for method, made in _with_traps(
        Value,
        {
            "__setstate__": _spring_with_state,
            "__class__": property(_spring),
            "__getattr__": _spring_at_once,
            "part": property(_spring),
        },
    ).items()
}
ERRORS |= _with_traps(
    HostileError,
    dict.fromkeys(
        ("__str__", "__repr__", "__reduce__", "__getstate__", "add_note", "with_traceback",
         "__eq__", "__hash__", "__bool__", "__del__"),
        _spring,
    )
    | {
        "__setstate__": _spring_with_state,
        "__notes__": property(_spring),
        "__class__": property(_spring),
        "__getattr__": _spring_at_once,
        "__traceback__": property(_spring),
        "__cause__": property(_spring),
    },
)  # fmt: skip


def value_of_kind(where: str, kind: str) -> Any:
    """Return a value that raises a kind in a method, such as ``"Keys.__contains__"``."""
    return VALUES[where](kind)


def error_of_kind(method: str, kind: str) -> BaseException:
    """Return an exception that raises a kind in a method."""
    return ERRORS[method](kind)
