"""Shows an error to a reader of a notebook: their text or their function, none of our frames."""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Iterator
from types import TracebackType

from ..engine.remote.process.capture import STREAMS
from ..engine.remote.process.frames import is_ours, user_frames
from ..errors import FlowError, MapError, TaskError, described, harmless
from ..model.events import Frame
from ..model.record import TaskRun
from ..strangers import notes_of, reason_of, text_of, traceback_of

__all__ = ["error_text", "lead_to_task", "render_error"]

RED, BOLD, GREEN, PLAIN = "\x1b[31m", "\x1b[1m", "\x1b[32m", "\x1b[0m"
CONTEXT = 2
"""Lines that are shown before and after the line of a frame."""

MOST_NOTES = 20

MOST_OUTPUT, LONGEST_LINE = 10, 200
"""Lines of what a failed task printed to a stream, and characters of each."""


def render_error(error: FlowError) -> list[str]:
    """Return the lines that IPython shows for one of our errors.

    Examples
    --------
    >>> render_error(FlowError("the text has no task"))
    ['\\x1b[31mFlowError\\x1b[0m: the text has no task']
    """
    lines = [f"{RED}{type(error).__name__}{PLAIN}: {error}"]
    if isinstance(error, TaskError):
        lines += _task_lines(error)
    lines += _note_lines(notes_of(error))
    return "\n".join(lines).splitlines()


def error_text(error: BaseException, frames: tuple[Frame, ...]) -> str:
    """Return the traceback of a task's error as plain text: the user's frames, and its causes.

    Examples
    --------
    >>> error_text(ValueError("no rows"), ())
    'ValueError: no rows'
    """
    lines = [*_exception_lines(error, frames), *_cause_lines(error)]
    return re.sub(r"\x1b\[\d+m", "", "\n".join(lines))


def _task_lines(error: TaskError) -> Iterator[str]:
    cause = error.__cause__
    if cause is None:
        return
    record = error.run.tasks.get(error.task) if error.run is not None else None
    frames = record.frames if record is not None else ()
    is_told = issubclass(type(cause), FlowError) and _said_of(cause, error.task) in str(error)
    if frames or not is_told:
        yield ""
    yield from _place_lines(frames)
    is_here = lead_to_task(error, cause)
    if frames and not is_here and getattr(sys, "last_value", None) is error:  # a shell shows it
        yield _way_to_frames(error)
    yield from _note_lines_of(cause) if is_told else _exception_lines(cause, ())
    for item in (record.items or ()) if record is not None else ():
        if item.error is cause:
            record = item
    yield from _output_lines(record)
    yield from _cause_lines(cause, str(error))


def _said_of(error: BaseException, task: str) -> str:
    return text_of(error).removeprefix(f"task '{task}': ")


def lead_to_task(error: TaskError, cause: BaseException) -> bool:
    """Let the traceback of a run's error go on with the task's own, and tell whether that is here.

    ``%debug`` and ``%pdb`` begin at the last frame of a traceback: the task's, and none of ours.
    """
    task = traceback_of(cause)
    while task is not None and is_ours(task):
        task = task.tb_next
    if task is None:
        return False
    users = [each for each in _entries(traceback_of(error)) if not is_ours(each)]
    of_task = list(_entries(task))
    if not users:
        error.__traceback__ = task
    elif users[-1] not in of_task:  # otherwise it was shown before
        users[-1].tb_next = task
    return True


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _way_to_frames(error: TaskError) -> str:
    """Return what to say where the task's frames are in another process."""
    items = error.items if isinstance(error, MapError) else []
    item = f", {items[0][0]}" if items else ""
    return (
        "(it ran in another process, so %debug finds no frame of it; "
        f"sys.last_value.run.replay({error.task!r}{item}) calls it here)"
    )


def _cause_lines(error: BaseException, told: str = "") -> Iterator[str]:
    """Show what an exception came from, and what that came from, unless it was told already."""
    seen = {id(error)}
    cause = reason_of(error)
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        is_told = issubclass(type(cause), FlowError) and text_of(cause) in told
        if not is_told:
            yield ""
            yield "which came from"
            yield from _exception_lines(cause, user_frames(traceback_of(cause)))
        cause = reason_of(cause)


def _output_lines(record: TaskRun | None) -> Iterator[str]:
    """Show the end of what a failed task had printed."""
    for name in STREAMS:
        lines = getattr(record, name, "").splitlines()
        if lines:
            last = lines[-MOST_OUTPUT:]
            cut = f" (the last {len(last)} of {len(lines):,} lines)" if last != lines else ""
            yield f"its {name}{cut}:"
            yield from (f"    {harmless(line)[:LONGEST_LINE]}" for line in last)


def _exception_lines(error: BaseException, frames: tuple[Frame, ...]) -> Iterator[str]:
    yield from _place_lines(frames)
    name, _, text = described(error).partition(" ")
    yield f"{RED}{name}{PLAIN} {text}".rstrip()
    yield from _note_lines_of(error)


def _note_lines_of(error: BaseException) -> Iterator[str]:
    ours = "Traceback in the worker"
    yield from _note_lines([note for note in notes_of(error) if not note.startswith(ours)])


def _place_lines(frames: tuple[Frame, ...]) -> Iterator[str]:
    for frame in frames:
        yield from _frame_lines(frame)


def _note_lines(notes: list[str]) -> Iterator[str]:
    yield from map(harmless, notes[:MOST_NOTES])
    if len(notes) > MOST_NOTES:
        yield f"… and {len(notes) - MOST_NOTES:,} notes more"


def _frame_lines(frame: Frame) -> Iterator[str]:
    file, line, function = frame
    if not file:
        yield f"… and {line:,} frames more"
        return
    yield f"{BOLD}{_place(file)}, line {line}{PLAIN}, in {GREEN}{function}{PLAIN}"
    for number in range(max(1, line - CONTEXT), line + CONTEXT + 1):
        text = harmless(linecache.getline(file, number).rstrip())
        if number == line and text:
            yield f"{BOLD}----> {number} {text}{PLAIN}"
        elif text:
            yield f"{number:>7} {text}"


def _place(file: str) -> str:
    """Call a cell by its number, another file by its path."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    named = shell.compile.format_code_name(file) if shell is not None else None
    return " ".join(named) if named else f"File {file}"
