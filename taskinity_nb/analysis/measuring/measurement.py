"""One measurement: how long a function took, each time, and how to write that."""

from __future__ import annotations

import functools
import inspect
import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, overload

from ...errors import FlowError, harmless
from ...formatting import not_whole, one_line, time_text
from ...values import collected, is_once, kind_of

__all__ = [
    "Measurement",
    "benchmark",
    "check_counts",
    "clock_step",
    "measure_calls",
    "repeatable_call",
]

COARSE = 10
"""A time below so many readings of the clock says more about the clock than about the function."""

LONGEST = 1e12
"""Seconds that a time may have, so that it can be reckoned with."""


@dataclass(frozen=True, slots=True, repr=False)
class Measurement:
    """How long something took, each time.

    Parameters
    ----------
    label : str
        What was measured.
    seconds : tuple of float
        The repeats, in the order in which they were measured; at least one.
    baseline : float, optional
        The median of what it is compared with, in seconds.
    clock : float
        Seconds between two readings of the clock, one right after the other.

    Raises
    ------
    ValueError
        If there are no seconds, or one of them is negative or no number.

    Examples
    --------
    >>> measured = Measurement("threads", (0.3, 0.2, 0.4), baseline=0.6)
    >>> measured.median, measured.speedup
    (0.3, 2.0)
    >>> measured
    <Measurement threads: 300 ms (200 ms to 400 ms in 3 repeats)>
    """

    label: str
    seconds: tuple[float, ...]
    baseline: float | None = None
    clock: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.label, str):
            raise ValueError(f"a label is a text, not {self.label!r}")
        times = [_checked(value) for value in self.seconds]
        if not times:
            raise ValueError("a measurement has at least one time")
        object.__setattr__(self, "seconds", tuple(times))
        object.__setattr__(self, "clock", _checked(self.clock))
        if self.baseline is not None:
            object.__setattr__(self, "baseline", _checked(self.baseline))

    @property
    def min(self) -> float:
        """The shortest time, in seconds."""
        return min(self.seconds)

    @property
    def max(self) -> float:
        """The longest time, in seconds."""
        return max(self.seconds)

    @property
    def median(self) -> float:
        """The median of the times, in seconds."""
        return statistics.median(self.seconds)

    @property
    def mean(self) -> float:
        """The mean of the times, in seconds."""
        return statistics.fmean(self.seconds)

    @property
    def stdev(self) -> float:
        """The standard deviation of the sample, in seconds; not a number after one repeat."""
        return statistics.stdev(self.seconds) if len(self.seconds) > 1 else math.nan

    @property
    def speedup(self) -> float | None:
        """How many times faster it was than the baseline, median by median, if there is one."""
        return self.baseline / self.median if self.baseline is not None and self.median else None

    @property
    def is_coarse(self) -> bool:
        """Whether the median is too close to what the clock can tell apart."""
        return self.median < COARSE * self.clock

    def __repr__(self) -> str:
        count = len(self.seconds)
        spread = f"{time_text(self.min)} to {time_text(self.max)} in {count} repeats"
        note = "; too short for the clock" if self.is_coarse else ""
        said = f"({'1 repeat' if count == 1 else spread}{note})"
        return f"<Measurement {one_line(self.label)}: {time_text(self.median)} {said}>"


@overload
def benchmark(function: Callable[..., Any], /) -> Callable[..., Any]: ...
@overload
def benchmark(
    *, repeats: int = 5, warmup: int = 1
) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
def benchmark(
    function: Callable[..., Any] | None = None, /, *, repeats: int = 5, warmup: int = 1
) -> Any:
    """Measure a function whenever it is called, with or without parentheses.

    A call of the function calls it ``warmup + repeats`` times with the same arguments and returns
    the last result. The measurement is the function's attribute ``benchmark`` (None before the
    first call); where a call raises, the one before stays.

    Parameters
    ----------
    repeats : int
        How often the function is measured at each call.
    warmup : int
        How often it is called before that, unmeasured.

    Returns
    -------
    callable
        The function, measured; or a decorator when called with options.

    Raises
    ------
    TypeError
        If it decorates what is no function, or an async or generator function, a call of which
        only prepares the work.
    FlowError
        If `repeats` is not 1 or more, or `warmup` not 0 or more.

    Examples
    --------
    >>> @benchmark
    ... def total(numbers):
    ...     return sum(numbers)
    >>> total(range(1000))
    499500
    >>> len(total.benchmark.seconds), total.benchmark.median > 0
    (5, True)
    """
    check_counts(repeats, warmup)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(function):
            hint = "@benchmark or @benchmark(repeats=5, warmup=1) above a function"
            raise TypeError(f"benchmark takes no {type(function).__name__}; write {hint}")
        label = getattr(function, "__qualname__", type(function).__name__)
        inner = inspect.unwrap(function)
        for kind, test in _ONLY_PREPARED.items():
            if test(inner):
                raise TypeError(
                    f"'{label}' is {kind}: calling it only prepares its work; "
                    f"decorate a function that waits for the result"
                )

        @functools.wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            call = repeatable_call(label, function, args, kwargs, warmup + repeats)
            measured.benchmark, result = measure_calls(label, call, warmup, repeats)  # type: ignore[attr-defined]
            return result

        measured.benchmark = None  # type: ignore[attr-defined]
        return measured

    return decorate if function is None else decorate(function)


_ONLY_PREPARED: dict[str, Callable[[Any], bool]] = {
    "async": inspect.iscoroutinefunction,
    "an async generator": inspect.isasyncgenfunction,
    "a generator": inspect.isgeneratorfunction,
}


def repeatable_call(
    label: str, function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], times: int
) -> Callable[[], Any]:
    """Return a call that can be made several times, with lists in place of iterators.

    Raises
    ------
    FlowError
        If the first call would leave nothing of an argument to the others.

    Examples
    --------
    >>> call = repeatable_call("sum", sum, [map(abs, [-1, 2])], {}, 2)
    >>> call(), call()
    (3, 3)
    """
    if times > 1:
        args = [collected(value) for value in args]
        kwargs = {name: collected(value) for name, value in kwargs.items()}
        read = next(filter(is_once, (*args, *kwargs.values())), None)
        if read is not None:
            raise FlowError(
                f"'{label}' is called {times} times, and its argument, {kind_of(read)}, can be "
                "read only once",
                remedy="pass what is in it, such as list(it) or it.read()",
            )
    return functools.partial(function, *args, **kwargs)


def measure_calls(
    label: str, call: Callable[[], Any], warmup: int, repeats: int
) -> tuple[Measurement, Any]:
    """Call something `warmup` times, then `repeats` times with a clock; also return its result.

    Examples
    --------
    >>> measured, result = measure_calls("answer", lambda: 6 * 7, warmup=1, repeats=3)
    >>> len(measured.seconds), result
    (3, 42)
    """
    for _ in range(warmup):
        call()
    seconds = []
    result = None
    for _ in range(repeats):
        begun = perf_counter_ns()
        result = call()
        seconds.append((perf_counter_ns() - begun) * 1e-9)
    return Measurement(label, tuple(seconds), clock=clock_step()), result


@functools.cache
def clock_step() -> float:
    """Return the seconds between two readings of the clock, one right after the other.

    Examples
    --------
    >>> 0 < clock_step() < 1
    True
    """
    steps: list[int] = []
    while len(steps) < 100:
        step = -perf_counter_ns() + perf_counter_ns()
        if step > 0:
            steps.append(step)
    return statistics.median(steps) * 1e-9


def _checked(value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= LONGEST:
        raise ValueError(
            f"a time is a number of seconds from 0 on, not {harmless(repr(value), 30)}"
        )
    return float(value)


def check_counts(repeats: Any, warmup: Any) -> None:
    """Raise if a number of repeats is not 1 or more, or one of warm-ups not 0 or more."""
    for name, value, least in (("repeats", repeats, 1), ("warmup", warmup, 0)):
        if wrong := not_whole(name, value, least):
            raise FlowError(wrong)
