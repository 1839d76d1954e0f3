"""Times, speed-ups, states and errors in words, the same in charts, tables and plain text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..model.events import State

if TYPE_CHECKING:
    from ..model.record import TaskRun
    from ..model.run import Run
    from ..model.task import Task

__all__ = [
    "counted",
    "details_of",
    "elided",
    "error_line",
    "items_done",
    "label_of",
    "on_workers",
    "one_line",
    "outcome",
    "printable",
    "short_time",
    "size_text",
    "speed",
    "time_text",
]

LONGEST_LABEL = 120
"""Characters that are shown of a label, or of another name that may be anything."""

LONGEST_ERROR = 200
"""Characters of an error's first line that are shown."""


def time_text(seconds: float, longest: float | None = None) -> str:
    """Write a time with about three digits, in seconds or milliseconds.

    Parameters
    ----------
    seconds : float
        The time.
    longest : float, optional
        The longest time beside it, in seconds, which decides the unit; by default itself.

    Examples
    --------
    >>> time_text(1.2), time_text(0.41), time_text(0.41, longest=1.2), time_text(83)
    ('1.20 s', '410 ms', '0.41 s', '83.0 s')
    """
    unit, scale = ("s", 1.0) if (seconds if longest is None else longest) >= 1 else ("ms", 1e3)
    value = seconds * scale
    if not value:
        return f"0 {unit}"
    if 0 < value < 0.001:
        return f"<0.001 {unit}"
    if abs(value) < 0.095:
        return f"{value:.2g} {unit}"
    decimals = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:.{decimals}f} {unit}"


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


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> counted(1, "worker"), counted(4, "worker")
    ('1 worker', '4 workers')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def on_workers(run: Run) -> str:
    """Write what ran a run: ``"threads on 4 workers"``, or ``"sequential"``."""
    if run.executor == "sequential":
        return run.executor
    return f"{one_line(run.executor, LONGEST_LABEL)} on {counted(run.workers, 'worker')}"


def details_of(run: Run) -> dict[str, str]:
    """Write what the picture of a run tells of each task: its items, and how long it took."""
    mapped = {edge.target for edge in run.flow.edges if edge.kind == "map"}
    told = {}
    for name, record in run.tasks.items():
        parts = [items_done(record)] if record.items is not None else []
        if record.duration is not None:
            parts.append(short_time(record.duration))
        told[name] = " · ".join(parts) or ("each item" if name in mapped else "")
    return told


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


def items_done(record: TaskRun) -> str:
    """Write how many items of a mapped task have ended well, such as ``"3 of 12"``."""
    states = [item.state for item in record.items or ()]
    done = states.count(State.SUCCEEDED) + states.count(State.CACHED)
    return f"{done:,} of {len(states):,}"


def outcome(run: Run) -> str:
    """Write how many tasks ended otherwise than well, such as ``"1 failed, 2 upstream failed"``."""
    usual = (State.SUCCEEDED, State.CACHED) if run.done else (State.SUCCEEDED,)
    counts = Counter(record.state for record in list(run.tasks.values()))
    told = [(state, counts[state]) for state in State if counts[state] and state not in usual]
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in told)


def label_of(name: str, task: Task) -> str:
    """Return what people see of the node `name`: the label of its task, if it was given one."""
    own = getattr(task.function, "__name__", type(task.function).__name__)
    return name if task.name == own else one_line(str(task.name), LONGEST_LABEL) or name


def one_line(text: str, longest: int) -> str:
    """Return a text in one line of at most so many characters, without control characters.

    Examples
    --------
    >>> one_line("two\\nlines \\x07 and more", 12)
    'two lines…re'
    """
    return elided(printable(" ".join(text[: 10 * longest].split())), longest)


def printable(text: str) -> str:
    """Replace control characters, line breaks among them, by blanks.

    Examples
    --------
    >>> printable("two\\nlines")
    'two lines'
    """
    return "".join(character if character.isprintable() else " " for character in text)


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


def error_line(error: BaseException) -> str:
    """Return the type of an error and its first line, cut and without control characters.

    Examples
    --------
    >>> error_line(ValueError("no such file\\nand more"))
    'ValueError: no such file'
    """
    try:
        text = str(error)
    except Exception:  # an exception of a user may be broken itself
        text = "(its text cannot be shown)"
    first = next((line for line in text[:10_000].splitlines() if line.strip()), "").strip()
    first = printable(first)
    cut = first[: LONGEST_ERROR - 1] + "…" if len(first) > LONGEST_ERROR else first
    name = one_line(type(error).__name__, LONGEST_LABEL)
    return f"{name}: {cut}" if cut else name
