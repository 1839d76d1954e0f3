"""How times, sizes and counts are written, and how texts are cut: the same everywhere.

A text that comes from users may be anything; what is returned here can be shown on one line.
"""

from __future__ import annotations

import math
import operator
import re
import reprlib
from collections.abc import Iterable

__all__ = [
    "LONGEST_TEXT",
    "UNITS",
    "clean",
    "counted",
    "cut",
    "elided",
    "not_seconds",
    "not_whole",
    "one_line",
    "percent",
    "printable",
    "quoted",
    "short_time",
    "size_in",
    "size_of",
    "size_text",
    "speed",
    "time_text",
    "time_unit",
    "visible",
]

UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
AXIS_UNITS = UNITS[:2]

_SIZE = re.compile(
    r"(\d+(?:\.\d*)?(?:e[+-]?\d+)?)\s*(?:([kmgt])(i(?=b))?)?b?", re.ASCII | re.IGNORECASE
)

LONGEST_TEXT = 4000
"""Characters of a text that is shown in a notebook."""


def time_unit(
    seconds: float, units: tuple[tuple[str, float], ...] = AXIS_UNITS
) -> tuple[str, float]:
    """Return the unit that fits a time, and how many seconds it has: of an axis, "s" or "ms".

    Examples
    --------
    >>> time_unit(83), time_unit(1e-5)
    (('s', 1.0), ('ms', 0.001))
    """
    return next((pair for pair in units if seconds >= 0.9995 * pair[1]), units[-1])


def time_text(seconds: float, longest: float | None = None) -> str:
    """Write a time with about three digits.

    The `longest` time beside it decides between seconds and milliseconds; a time that stands alone
    has the unit that fits it best, down to nanoseconds.

    Examples
    --------
    >>> time_text(83.2), time_text(0.4104), time_text(12e-6), time_text(5e-9), time_text(0)
    ('83.2 s', '410 ms', '12.0 µs', '5 ns', '0 s')
    >>> time_text(0.41, longest=1.2), time_text(12e-6, longest=0.01)
    ('0.41 s', '0.012 ms')
    """
    alone = longest is None
    unit, scale = time_unit(seconds, UNITS) if longest is None else time_unit(longest)
    value = seconds / scale
    if not value:
        return f"0 {'s' if alone else unit}"
    if 0 < value < 0.001:
        return f"<0.001 {unit}"
    if abs(value) < 0.095:
        return f"{value:.2g} {unit}"
    whole = unit == "ns" or abs(value) >= 99.95
    return f"{value:.{0 if whole else 1 if abs(value) >= 9.995 else 2}f} {unit}"


def short_time(seconds: float) -> str:
    """Write a time in few characters.

    Examples
    --------
    >>> [short_time(s) for s in (0.00004, 0.0421, 0.5, 7.06, 83, 3725)]
    ['<1 ms', '42 ms', '500 ms', '7.1 s', '1:23', '1:02:05']
    """
    if seconds < 0.001:
        return "<1 ms"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size_text(nbytes: int) -> str:
    """Return a number of bytes as people read it.

    Examples
    --------
    >>> size_text(812), size_text(41_500), size_text(400_000_123)
    ('812 B', '41.5 kB', '400 MB')
    """
    size, units = float(nbytes), ["B", "kB", "MB", "GB"]
    while size >= 999.5 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.3g} {units[0]}"


def size_of(part: float, whole: float) -> str:
    """Return how many bytes of how many, with the unit once where both have the same.

    Examples
    --------
    >>> size_of(3.12e9, 4e9), size_of(310e6, 4e9)
    ('3.12 of 4 GB', '310 MB of 4 GB')
    """
    one, all_of_it = size_text(round(part)), size_text(round(whole))
    number, _, unit = one.partition(" ")
    return f"{number if all_of_it.endswith(f' {unit}') else one} of {all_of_it}"


def size_in(text: str) -> float | None:
    """Return the bytes that a text such as ``"2 GB"`` says; None if it is no size.

    The units are those of `size_text`, powers of 1,000, whatever their case and with or without the
    B; with an i, as in ``"2 GiB"``, they are powers of 1,024.

    Examples
    --------
    >>> size_in("41.5 kB"), size_in("2gib"), size_in("500M"), size_in("12"), size_in("much")
    (41500.0, 2147483648.0, 500000000.0, 12.0, None)
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    number, letter, is_binary = found.groups()
    power = "KMGT".index(letter.upper()) + 1 if letter else 0
    return float(number) * (1024.0 if is_binary else 1000.0) ** power


def speed(times: float) -> str:
    """Write how much faster something was; what is no gain is not called one.

    Examples
    --------
    >>> speed(2.93), speed(1.04), speed(0.5)
    ('2.9 times faster', '1.0 times: no faster', '2.0 times slower')
    """
    if 0.95 <= times < 1.05:
        return "1.0 times: no faster"
    ratio, word = (times, "faster") if times > 1 else (1 / times, "slower")
    return f"{ratio:.1f} times {word}" if ratio < 99.5 else f"{ratio:,.0f} times {word}"


def percent(share: float) -> str:
    """Write a share of one.

    Examples
    --------
    >>> percent(0.254)
    '25 %'
    """
    return f"{100 * share:.0f} %"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> counted(1, "worker"), counted(1200, "task")
    ('1 worker', '1,200 tasks')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def not_whole(name: str, value: object, least: int = 1) -> str:
    """Return what is wrong with a value that has to be a whole number; nothing if it is one.

    Examples
    --------
    >>> not_whole("workers", 2), not_whole("workers", True)
    ('', 'workers is a whole number from 1 on, not True')
    >>> not_whole("workers", [1] * 1000)
    'workers is a whole number from 1 on, not [1, 1, 1, 1, 1, 1, ...]'
    """
    try:  # as Python takes an index: also the whole numbers of NumPy
        is_right = type(value) is not bool and operator.index(value) >= least  # type: ignore[arg-type]
    except KeyboardInterrupt:
        raise
    except BaseException:  # it is no number, or its own code says what it likes
        is_right = False
    return "" if is_right else f"{name} is a whole number from {least} on, not {_shortly(value)}"


def not_seconds(name: str, value: object) -> str:
    """Return what is wrong with a value that has to be some seconds; nothing if it is right.

    Examples
    --------
    >>> not_seconds("timeout", 0.5), not_seconds("timeout", float("inf"))
    ('', 'timeout is a number of seconds from 0 on, not inf')
    """
    try:  # as Python takes a number, but for a text, which it would read
        is_right = not isinstance(value, bool | str | bytes | bytearray) and (
            0 <= float(value) < math.inf  # type: ignore[arg-type]
        )
    except Exception:  # it is no number, or its own code says what it likes
        is_right = False
    return "" if is_right else f"{name} is a number of seconds from 0 on, not {_shortly(value)}"


def _shortly(value: object) -> str:
    """Return a short `repr`, which is not cut out of a long one."""
    try:
        return reprlib.repr(value)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return f"an object of class {type(value).__name__}"


def quoted(names: Iterable[str], most: int = 3) -> str:
    """Write the names of some tasks, not more than `most` of them.

    Examples
    --------
    >>> quoted(["load"]), quoted(["a", "b", "c", "d", "e"])
    ("'load'", "'a', 'b', 'c' and 2 more")
    """
    listed = list(names)
    text = ", ".join(f"'{one_line(name, 40)}'" for name in listed[:most])
    return text if len(listed) <= most else f"{text} and {len(listed) - most:,} more"


def one_line(text: str, longest: int = 60) -> str:
    """Return a text in one line of at most so many characters, without control characters.

    Examples
    --------
    >>> one_line("two\\nlines \\x07 and more", 12)
    'two lines…re'
    """
    return elided(printable(" ".join(text[: 10 * longest].split())), longest)


def printable(text: str, instead: str = " ") -> str:
    """Replace line breaks and the like by blanks, and other control characters by `instead`.

    Examples
    --------
    >>> printable("two\\nlines\\x00"), printable("two\\nlines\\x00", "�")
    ('two lines ', 'two lines�')
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else instead for c in text)


def visible(text: str) -> str:
    """Replace what cannot be printed, or written to XML, by ``�``; keep blanks.

    Examples
    --------
    >>> visible("a\\x00b\\nc")
    'a�b c'
    """
    return printable(text, "�")


def elided(text: str, length: int) -> str:
    """Cut a text to `length` characters; the middle goes, because ends often tell names apart.

    Examples
    --------
    >>> elided("process_batch_12", 10)
    'process…12'
    >>> elided("short", 10)
    'short'
    """
    if len(text) <= length:
        return text
    tail = max(0, (length - 1) // 4)
    return f"{text[: max(0, length - 1 - tail)]}…{text[len(text) - tail :]}"


def cut(text: str, more: bool = False, longest: int = LONGEST_TEXT) -> str:
    """Return the beginning of a text that is too long, or of one of which there is `more`.

    Examples
    --------
    >>> cut("abcdef", longest=3), cut("abc", longest=3)
    ('abc …', 'abc')
    """
    return clean(f"{text[:longest]} …" if more or len(text) > longest else text)


def clean(text: str) -> str:
    """Return a text that can be sent to a browser: without half characters.

    Examples
    --------
    >>> clean("a\\ud800b")
    'a?b'
    """
    return text.encode("utf-8", "replace").decode("utf-8")
