"""Checks the options of a task when it is made, so that no run comes to grief over them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from numbers import Integral, Number
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal

from ..strangers import harmless, text_of, type_name
from .signature import is_put_off

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["LONGEST_WAIT", "WORDS", "Checks", "RetryDelay", "RetryOn", "default", "given_or"]

RetryOn = type[BaseException] | tuple[type[BaseException], ...]
RetryDelay = float | Callable[[int], float] | Literal["exponential"]

WORDS = ("threads", "processes", "dask", "ray")
"""The executors that a task may ask for by a word."""

LONGEST_WAIT = threading.TIMEOUT_MAX - 1.0
"""Seconds that this platform can wait: 292 years, or 49 days on Windows. More counts as this."""

PLAIN_FUNCTION = "; write it as a plain function, without 'async' and 'yield'"

LONGEST_VALUE = 200
"""Characters that are quoted of an option that is refused."""


class Checks:
    """Checks the options of one task.

    `name` is that of its function, for the errors.

    Examples
    --------
    >>> Checks("load").seconds("timeout", float("nan"), "a number of seconds above 0")
    Traceback (most recent call last):
        ...
    TypeError: task 'load': timeout is a number of seconds above 0, not nan
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def _refuse(self, option: str, wanted: str, value: Any, remedy: str = "") -> TypeError:
        shown = harmless(text_of(value, repr), LONGEST_VALUE)
        return TypeError(f"task '{self._name}': {option} {wanted}, not {shown}{remedy}")

    def text(self, option: str, value: str | None) -> str | None:
        """Return a name or a description."""
        if value is not None and not isinstance(value, str):
            raise self._refuse(option, "is a text", value)
        return value

    def flag(self, option: str, value: bool) -> bool:
        """Return an option that is on or off."""
        if not isinstance(value, bool):
            raise self._refuse(option, "is True or False", value)
        return value

    def validator(self, option: str, value: Callable[..., Any] | None) -> Callable[..., Any] | None:
        """Return a validator."""
        if value is not None and not callable(value):
            raise self._refuse(option, "is a function", value)
        if value is not None and is_put_off(value):
            raise self._refuse(option, "is called and not awaited", value, PLAIN_FUNCTION)
        return value

    def retries(self, value: int) -> int:
        """Return how often a task is tried again."""
        if not isinstance(value, Integral) or isinstance(value, bool) or value < 0:
            raise self._refuse("retries", "is a whole number from 0 on", value)
        return int(value)

    def retry_on(self, value: RetryOn) -> RetryOn:
        """Return the types of exceptions after which a task is tried again."""
        given: Any = value.__args__ if isinstance(value, UnionType) else value
        kinds = given if isinstance(given, tuple) else (given,)
        if all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
            checked: RetryOn = given
            return checked
        raise self._refuse(
            "retry_on", "is a type of exception or a tuple of them", value, _instead_of(value)
        )

    def seconds(self, option: str, value: Any, wanted: str, or_none: bool = False) -> float:
        """Return seconds above 0 (perhaps 0 too), and not more of them than can be waited for."""
        seconds = as_number(value)
        if seconds is None or not (seconds > 0 or (or_none and seconds == 0)):  # nor is nan
            raise self._refuse(option, f"is {wanted}", value)
        return min(seconds, LONGEST_WAIT)

    def timeout(self, value: float | None) -> float | None:
        """Return the seconds that an attempt may take; without end, that is None."""
        if value is None:
            return None
        seconds = self.seconds("timeout", value, "a number of seconds above 0")
        return None if as_number(value) == math.inf else seconds

    def retry_delay(self, value: RetryDelay) -> RetryDelay:
        """Return the seconds before a further attempt, or what tells them."""
        if callable(value) and is_put_off(value):
            raise self._refuse("retry_delay", "is called and not awaited", value, PLAIN_FUNCTION)
        if callable(value) or (isinstance(value, str) and value == "exponential"):
            return value
        wanted = "seconds, a callable of the attempt, or 'exponential'"
        return self.seconds("retry_delay", value, wanted, or_none=True)

    def delay(self, value: Any, retry: int) -> float:
        """Return the seconds that a callable has told; less than none is none."""
        seconds = as_number(value)
        if seconds is None or math.isnan(seconds):
            shown = harmless(text_of(value, repr), LONGEST_VALUE)
            raise TypeError(
                f"retry_delay of task '{self._name}' gave {shown} for retry {retry}, "
                "which is no number of seconds"
            )
        return min(max(seconds, 0.0), LONGEST_WAIT)

    def executor(self, value: str | Executor | None, is_async: bool) -> str | Executor | None:
        """Return where a task runs."""
        if value is None:
            return None
        if is_async:
            raise TypeError(
                f"task '{self._name}': an 'async def' runs on the event loop of the run; "
                "it takes no executor"
            )
        is_word = isinstance(value, str) and value in WORDS
        is_kind = isinstance(value, type)
        if is_kind or not (is_word or callable(getattr(value, "submit", None))):
            words = ", ".join(map(repr, WORDS))
            wanted = f"is {words} or an object with 'submit'"
            raise self._refuse("the executor of a task", wanted, value)
        return value

    def resources(self, value: Mapping[str, float] | None) -> dict[str, float]:
        """Return what a task needs of a worker."""
        wanted = "are names and numbers above 0, such as {'GPU': 1}"
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self._refuse("resources", wanted, value)
        checked = dict(value)
        for name, amount in checked.items():
            number = as_number(amount)
            if not isinstance(name, str) or number is None or not 0 < number < math.inf:
                raise self._refuse("resources", wanted, value)
        return checked


class _Default:
    """What a parameter is if nobody has given it; a signature shows it as the value itself."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return str(getattr(self.value, "__name__", repr(self.value)))


def default(value: Any) -> Any:
    """Return a default that can be told from the same value where somebody gives it.

    Examples
    --------
    >>> def work(retries=default(0)): return given_or(retries, 2j, "imag")
    >>> work(), work(0)
    (2.0, 0)
    """
    return _Default(value)


def given_or(value: Any, other: Any = None, name: str = "") -> Any:
    """Return an option that was given; else what another object has, or its default."""
    if not isinstance(value, _Default):
        return value
    return value.value if other is None else getattr(other, name)


def as_number(value: Any) -> float | None:
    """Return a number as a float, however large, or None if it is none; nor is True.

    Examples
    --------
    >>> as_number(10**400), as_number("2"), as_number(True)
    (inf, None, None)
    """
    if not isinstance(value, Number) or isinstance(value, bool):
        return None
    try:
        return float(value)  # type: ignore[arg-type]  # what cannot be one says so
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]  # an int
    except (TypeError, ValueError):  # a complex one
        return None


def _instead_of(value: Any) -> str:
    """Say what to write instead of a `retry_on` that is a list, a name or an exception."""
    if isinstance(value, BaseException):
        return f"; write retry_on={type_name(value)}"
    if isinstance(value, str) and value.isidentifier():
        return f"; write retry_on={value}"
    if isinstance(value, (list, set, frozenset)) and all(isinstance(each, type) for each in value):
        names = [each.__name__ for each in value]
        return f"; write retry_on=({', '.join(names)}{',' * (len(names) == 1)})"
    return ""
