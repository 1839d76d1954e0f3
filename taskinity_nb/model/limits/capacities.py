"""How much of each resource a run may use at once, as people write it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...errors import FlowError
from ...formatting import size_in
from ...strangers import harmless, text_of
from ..checks import as_number

__all__ = ["Capacities", "Rate", "Spare", "capacities", "rate"]

PERIODS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}

NUMBER = r"\s*(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)"
RATE = re.compile(rf"{NUMBER}\s*/(?:{NUMBER})?\s*({'|'.join(PERIODS)})\s*")

WANTED = 'a number above 0, a size such as "2 GB", or a rate such as "10/s"'


class Rate(NamedTuple):
    """So much in any time that is so long; made by `rate`."""

    amount: float
    seconds: float

    def __str__(self) -> str:
        unit, length = next(
            (pair for pair in reversed(PERIODS.items()) if self.seconds >= pair[1]), ("ms", 1e-3)
        )
        number = self.seconds / length
        return f"{self.amount:.12g}/{'' if number == 1 else f'{number:.12g} '}{unit}"

    def __repr__(self) -> str:
        return f"rate({str(self)!r})"


class Spare(float):
    """How much the machine has left. As nobody has said it, a task may ask for more: it has all."""


Capacities = Mapping[str, float | Rate]
"""How much there is of each resource."""


def rate(text: str) -> Rate:
    """Return a limit on how often something may begin, for ``run(resources=)``.

    Parameters
    ----------
    text : str
        How much in which time: ``"10/s"``, ``"100/min"``, ``"5/h"``, ``"3/0.5 s"``. In no stretch
        of time of that length does more begin.

    Raises
    ------
    FlowError
        If that is no rate.

    Examples
    --------
    >>> rate("10/s"), rate("3 / 500 ms"), rate("90/60s")
    (rate('10/s'), rate('3/500 ms'), rate('90/min'))
    """
    found = RATE.fullmatch(text) if isinstance(text, str) else None
    if found is not None:
        amount, number, unit = found.groups()
        made = Rate(float(amount), float(number or 1) * PERIODS[unit])
        if 0 < made.amount < math.inf and 0 < made.seconds < math.inf:
            return made
    shown = harmless(text_of(text, repr), 60)
    raise FlowError(f'a rate is a text such as "10/s" or "100/min", not {shown}')


def capacities(given: object) -> dict[str, float | Rate]:
    """Return how much there is of each resource, from what was given as ``resources=``.

    That is a mapping of names to numbers, sizes and rates, or a text that tells the same.

    Raises
    ------
    FlowError
        If it is not.

    Examples
    --------
    >>> capacities({"api": 3, "memory": "2 GB", "calls": "10/s"})
    {'api': 3.0, 'memory': 2000000000.0, 'calls': rate('10/s')}
    >>> capacities("api=3,calls=10/s")
    {'api': 3.0, 'calls': rate('10/s')}
    """
    if given is None:
        return {}
    if isinstance(given, str):
        pairs = [part.partition("=") for part in given.split(",")]
        given = {name.strip(): value for name, _, value in pairs}
    if not isinstance(given, Mapping):
        shown = harmless(text_of(given, repr), 60)
        raise FlowError(
            f'resources are names and how much there is, such as {{"api": 3}}, not {shown}'
        )
    found: dict[str, float | Rate] = {}
    for name, value in dict(given).items():
        if not isinstance(name, str):
            raise FlowError(
                f"the name of a resource is a text, not {harmless(text_of(name, repr), 60)}"
            )
        read = _read(value)
        if read is None:
            shown = harmless(text_of(value, repr), 60)
            raise FlowError(
                f"resources: how much there is of '{harmless(name, 60)}' is {WANTED}, not {shown}"
            )
        found[name] = read
    return found


def _read(value: Any) -> float | Rate | None:
    """Return a number, a size or a rate; None if it is neither."""
    if isinstance(value, Rate | Spare):
        return value
    if not isinstance(value, str):
        return _above_nothing(as_number(value))
    if "/" in value:
        return rate(value) if RATE.fullmatch(value) else None
    return _above_nothing(size_in(value))


def _above_nothing(number: float | None) -> float | None:
    return number if number is not None and 0 < number < math.inf else None
