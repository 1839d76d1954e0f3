"""Exceptions and results whose own methods do harm where they are pickled, read, shown or asked.

`EXCEPTIONS` are raised by a task, `VALUES` are what one returns or takes, `NUMBERS` what somebody
writes as an option or what a ``retry_delay`` returns. Each has a name, and is made anew by a call,
so that it can be made in a worker. Pickle finds the classes here by their names.
"""

from __future__ import annotations

import asyncio
import decimal
import fractions
import os
import pickle
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = [
    "EXCEPTIONS",
    "HOME",
    "LIARS",
    "NUMBERS",
    "VALUES",
    "HostileAttribute",
    "HostileMapping",
    "Value",
    "raise_it",
    "value_of",
]

HOME = "TASKINITY_NB_TEST_HOME"
"""Name of the variable with the number of the process in which some of these cannot be read."""


class Base(BaseException):
    """No `Exception`."""


def _bomb(kind: type[BaseException] = SystemExit) -> Any:
    """Return a method that raises."""

    def method(*_: Any, **__: Any) -> Any:
        raise kind("of the user's own code")

    return method


def explode(kind: str = "SystemExit") -> Any:
    """Raise; for a pickle to call."""
    kinds = (SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, Base)
    raise next(each for each in kinds if each.__name__ == kind)("while it was read")


def explode_at_home() -> Any:
    """Raise in the process that began the run, and nowhere else."""
    return explode() if os.environ.get(HOME) == str(os.getpid()) else Exception("read elsewhere")


# Exceptions.


class ReduceRaises(Exception):
    __reduce__ = __reduce_ex__ = _bomb()


class ReduceInterrupts(Exception):
    __reduce__ = __reduce_ex__ = _bomb(KeyboardInterrupt)


class ReduceGivesNone(Exception):
    def __reduce__(self) -> Any:
        return None


class ReadAsNone(Exception):
    def __reduce__(self) -> Any:
        return type(None), ()


class ReadAsText(Exception):
    def __reduce__(self) -> Any:
        return str, ("no exception",)


class ReadAsItsClass(Exception):
    def __reduce__(self) -> Any:
        return getattr, (sys.modules[__name__], "ReadAsItsClass")


class ReadRaises(Exception):
    def __reduce__(self) -> Any:
        return explode, ()


class ReadInterrupts(Exception):
    def __reduce__(self) -> Any:
        return explode, ("KeyboardInterrupt",)


class UnreadableAtHome(Exception):
    def __reduce__(self) -> Any:
        return explode_at_home, ()


class SetStateRaises(Exception):
    def __reduce__(self) -> Any:
        return SetStateRaises, (), {"a": 1}

    __setstate__ = _bomb(Base)


class TwoArguments(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


class StrRaises(Exception):
    __str__ = __repr__ = _bomb()


class StrInterrupts(Exception):
    __str__ = __repr__ = _bomb(KeyboardInterrupt)


class StrGivesNumber(Exception):
    def __str__(self) -> Any:
        return 5


class Text(str):
    __len__ = __bool__ = __getitem__ = __contains__ = __iter__ = __format__ = _bomb()


class StrGivesEvilText(Exception):
    def __str__(self) -> str:
        return Text("evil")


class NotesAreATuple(Exception):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.__notes__ = ("a", "b")


class NotesRaise(Exception):
    __notes__ = property(_bomb())


class AddNoteRaises(Exception):
    add_note = _bomb()


class RefusesAttributes(Exception):
    __setattr__ = _bomb()


class TracebackRaises(Exception):
    __traceback__ = property(_bomb())  # type: ignore[assignment]
    __cause__ = __context__ = __traceback__  # type: ignore[assignment]


class MetaWithoutName(type):
    __name__ = property(_bomb())  # type: ignore[assignment]


class NameRaises(Exception, metaclass=MetaWithoutName):
    def __reduce__(self) -> Any:
        return ReadAsNone, ()


class MetaWithANumber(type):
    __name__ = 5  # type: ignore[assignment]


class NameIsANumber(Exception, metaclass=MetaWithANumber):
    pass


class HoldsALock(Exception):
    def __init__(self) -> None:
        super().__init__("holds a lock")
        self.lock = threading.Lock()


class EqRaises(Exception):
    __eq__ = __ne__ = __hash__ = __bool__ = __len__ = _bomb()  # type: ignore[assignment]


class ClassRaises(Exception):
    """``isinstance`` asks for the class that an object says it has."""

    __class__ = property(_bomb())  # type: ignore[assignment]


class ClassRaisesHere:
    __class__ = property(_bomb())  # type: ignore[assignment]

    def __reduce__(self) -> Any:
        return ClassRaisesHere, ()


def _deep(depth: int = 100_000) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _with_notes() -> BaseException:
    error = ValueError("with a note")
    error.add_note("a note")
    return error


EXCEPTIONS: dict[str, Callable[[], BaseException]] = {
    "SystemExit": lambda: SystemExit(3),
    "GeneratorExit": GeneratorExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "CancelledError": asyncio.CancelledError,
    "StopIteration": lambda: StopIteration(1),
    "StopAsyncIteration": StopAsyncIteration,
    "MemoryError": MemoryError,
    "RecursionError": lambda: RecursionError("too deep"),
    "its own BaseException": lambda: Base("own"),
    "group": lambda: BaseExceptionGroup("two", [ReduceRaises(), Base("own")]),
    "with a note": _with_notes,
    "two arguments": lambda: TwoArguments(7, "seven"),
    "holds a lock": HoldsALock,
    "holds a deep list": lambda: ValueError(_deep()),
    "long text": lambda: ValueError("x" * 3_000_000),
    "surrogates": lambda: ValueError("\ud800 \x00 \x1b[31m"),
    "__reduce__ exits": ReduceRaises,
    "__reduce__ interrupts": ReduceInterrupts,
    "__reduce__ gives None": ReduceGivesNone,
    "read as None": ReadAsNone,
    "read as text": ReadAsText,
    "read as its class": ReadAsItsClass,
    "reading exits": ReadRaises,
    "reading interrupts": ReadInterrupts,
    "reading exits at home": UnreadableAtHome,
    "__setstate__ raises": SetStateRaises,
    "__str__ exits": StrRaises,
    "__str__ interrupts": StrInterrupts,
    "__str__ gives a number": StrGivesNumber,
    "__str__ gives evil text": StrGivesEvilText,
    "__notes__ is a tuple": lambda: NotesAreATuple("x"),
    "__notes__ raises": NotesRaise,
    "add_note raises": AddNoteRaises,
    "__setattr__ exits": RefusesAttributes,
    "__traceback__ exits": TracebackRaises,
    "name of the type exits": NameRaises,
    "name of the type is a number": NameIsANumber,
    "comparing exits": EqRaises,
}  # fmt: skip
"""What a task may raise, by what is wrong with it."""


LIARS: dict[str, Callable[[], Any]] = {
    "an exception's class exits": ClassRaises,
    "a value's class exits": ClassRaisesHere,
}
"""What not even ``isinstance`` can be asked about."""


def raise_it(name: str) -> None:
    """Raise one of `EXCEPTIONS`."""
    raise EXCEPTIONS[name]()


# Values.


class _Value:
    def __init__(self) -> None:
        self.a = 1


class WrittenExits(_Value):
    __reduce__ = __reduce_ex__ = _bomb()


class WrittenInterrupts(_Value):
    __reduce__ = __reduce_ex__ = _bomb(KeyboardInterrupt)


class WrittenGivesNone(_Value):
    def __reduce__(self) -> Any:
        return None


class WrittenTwiceExits(_Value):
    """Can be weighed, and not be sent."""

    asked = 0

    def __reduce__(self) -> Any:
        self.asked += 1
        if self.asked > 1:
            raise SystemExit("of the user's own code")
        return WrittenTwiceExits, ()


class GetStateExits(_Value):
    __getstate__ = _bomb(GeneratorExit)


class MetaUnhashable(type):
    __eq__ = _bomb()
    __hash__ = None  # type: ignore[assignment]


class Unhashable(_Value, metaclass=MetaUnhashable):
    pass


class HashExits(_Value):
    __hash__ = _bomb()  # type: ignore[assignment]


class BufferGone(_Value):
    def __reduce_ex__(self, _: Any) -> Any:
        buffer = pickle.PickleBuffer(b"gone")
        buffer.release()
        return bytes, (buffer,)


class SetStateExits(_Value):
    __setstate__ = _bomb()


class SetStateInterrupts(_Value):
    __setstate__ = _bomb(KeyboardInterrupt)


class SetStateBase(_Value):
    __setstate__ = _bomb(Base)


class ReadRunsOutOfMemory(_Value):
    def __reduce__(self) -> Any:
        return explode, ("MemoryError",)


class ReadGeneratorExit(_Value):
    def __reduce__(self) -> Any:
        return explode, ("GeneratorExit",)


class LargeReadExits(_Value):
    """Goes through a file, and is read when it is asked for."""

    def __reduce_ex__(self, _: Any) -> Any:
        return explode, ("SystemExit",), {"large": pickle.PickleBuffer(bytearray(2_000_000))}


class ReadExitsAtHome(_Value):
    def __reduce__(self) -> Any:
        return explode_at_home, ()


class ShowExits(_Value):
    __repr__ = __str__ = __format__ = _repr_html_ = _bomb()  # type: ignore[assignment]


class AskedExits(_Value):
    __eq__ = __ne__ = __lt__ = __len__ = __iter__ = __bool__ = __contains__ = _bomb()  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


class Value(NamedTuple):
    """A value, and what becomes of it when it travels to another process."""

    make: Callable[[], Any]
    fate: str


VALUES: dict[str, Value] = {
    "writing exits": Value(WrittenExits, "written"),
    "writing interrupts": Value(WrittenInterrupts, "written"),
    "writing gives None": Value(WrittenGivesNone, "written"),
    "__getstate__ exits": Value(GetStateExits, "written"),
    "its type has no hash": Value(Unhashable, "written"),
    "its buffer is gone": Value(BufferGone, "written"),
    "a lock": Value(threading.Lock, "written"),
    "a deep list": Value(_deep, "written"),
    "__setstate__ exits": Value(SetStateExits, "read"),
    "__setstate__ interrupts": Value(SetStateInterrupts, "read"),
    "__setstate__ raises": Value(SetStateBase, "read"),
    "reading runs out of memory": Value(ReadRunsOutOfMemory, "read"),
    "reading ends a generator": Value(ReadGeneratorExit, "read"),
    "large, reading exits": Value(LargeReadExits, "read"),
    "writing exits the second time": Value(WrittenTwiceExits, "well"),
    "reading exits at home": Value(ReadExitsAtHome, "read at home"),
    "showing exits": Value(ShowExits, "well"),
    "asking exits": Value(AskedExits, "well"),
    "its hash exits": Value(HashExits, "well"),
}
"""What a task may return or take. Its fate is where it ends: it cannot be ``"written"``, cannot be
``"read"`` (``"read at home"``: only where the run was begun), or all is ``"well"``."""


def value_of(name: str) -> Any:
    """Return one of `VALUES`."""
    return VALUES[name].make()


class HostileMapping(Mapping[str, Any]):
    """A mapping that travels, and cannot be asked for anything."""

    __getitem__ = __contains__ = keys = __iter__ = __len__ = _bomb()  # type: ignore[assignment]


class HostileAttribute:
    """An object that travels, and has an attribute that cannot be asked for."""

    key = property(_bomb())


NUMBERS: dict[str, Any] = {
    "nan": float("nan"),
    "inf": float("inf"),
    "minus inf": float("-inf"),
    "1e10": 1e10,
    "maxsize": sys.maxsize,
    "huge": 10**400,
    "minus huge": -(10**400),
    "zero": 0,
    "minus zero": -0.0,
    "minus one": -1,
    "tiny": 5e-324,
    "true": True,
    "text": "2",
    "None": None,
    "complex": 2j,
    "fraction": fractions.Fraction(1, 100),
    "decimal": decimal.Decimal("0.01"),
    "decimal nan": decimal.Decimal("nan"),
    "decimal signalling nan": decimal.Decimal("sNaN"),
    "list": [1],
}
"""What may be written where seconds are meant."""
