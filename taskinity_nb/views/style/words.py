"""Runs, labels and errors in words, the same in charts, tables and plain text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ...formatting import counted, one_line, printable, short_time, size_text, time_text
from ...model.events import State
from ...model.forms.edges import MAPPED

if TYPE_CHECKING:
    from ...model.plan import Plan
    from ...model.record import TaskRun
    from ...model.run import Run
    from ...model.task import Task

__all__ = [
    "LEAST_MEMORY",
    "MINUS",
    "details_of",
    "error_line",
    "facts_of",
    "items_done",
    "label_of",
    "labels_of",
    "memory_text",
    "on_workers",
    "outcome",
    "own_labels",
    "reasons_of",
    "saved_by_cache",
    "saved_time",
    "share_done",
]

MINUS = "\N{MINUS SIGN}"
"""Stands before seconds that were saved."""

LEAST_SAVED = 0.05
"""Seconds, of which a picture tells."""

LEAST_MEMORY = 1_000_000
"""Bytes from which on it is told what a task took."""

LONGEST_LABEL = 120
"""Characters that are shown of a label, or of another name that may be anything."""

LONGEST_ERROR = 200
"""Characters of an error's first line that are shown."""


def on_workers(run: Run) -> str:
    """Write what ran a run: ``"threads on 4 workers"``, or ``"sequential"``."""
    if run.executor == "sequential":
        return run.executor
    return f"{one_line(run.executor, LONGEST_LABEL)} on {counted(run.workers, 'worker')}"


def details_of(run: Run) -> dict[str, str]:
    """Write what the picture of a run tells of each task: its items, and its seconds.

    They are those that the cache has saved, with a minus sign, and those that it took.
    """
    mapped = {edge.target for edge in run.flow.edges if edge.kind in MAPPED}
    told = {}
    for name, record in run.tasks.items():
        parts = [items_done(record)] if record.items is not None else []
        parts += [saved] if (saved := saved_time(record)) else []
        if record.duration is not None:
            parts.append(short_time(record.duration))
        told[name] = " · ".join(parts) or ("each item" if name in mapped else "")
    return told


def saved_time(record: TaskRun) -> str:
    """Write the seconds that the cache has saved of a task, in few letters; "" if hardly any."""
    seconds = record.saved or 0.0
    if seconds < LEAST_SAVED:
        return ""
    return MINUS + (f"{seconds:.1f} s" if seconds < 0.95 else short_time(seconds))


def memory_text(record: TaskRun) -> str:
    """Write the memory that a task, or the largest of its items, took at most; "" if hardly any."""
    peak = record.peak_memory or 0
    return size_text(peak) if peak >= LEAST_MEMORY else ""


def saved_by_cache(run: Run) -> str:
    """Write what a run had from the cache: ``"4 of 5 tasks cached, 12 s saved"``; "" if nothing."""
    found = [(record.state, record.saved) for record in run.tasks.values()]
    saved = [(state, seconds) for state, seconds in found if seconds is not None]
    if not saved:
        return ""
    whole = sum(state is State.CACHED for state, _ in saved)
    seconds = short_time(sum(seconds for _, seconds in saved))
    if not whole:
        return f"{seconds} saved by the cache"
    return f"{whole:,} of {counted(len(found), 'task')} cached, {seconds} saved"


def items_done(record: TaskRun, what: str = "") -> str:
    """Write how many items of a mapped task have ended well, such as ``"3 of 12, 2 skipped"``."""
    return share_done(Counter(item.state for item in record.items or ()), what)


def share_done(counts: Counter[State], what: str = "") -> str:
    """Write how many of some tasks, or items, have ended well, and how many were skipped.

    `what` is a word that stands behind the numbers.

    Examples
    --------
    >>> share_done(Counter({State.SUCCEEDED: 57, State.SKIPPED: 3}))
    '57 of 60, 3 skipped'
    """
    done = sum(number for state, number in counts.items() if state.is_success)
    skipped = f", {counts[State.SKIPPED]:,} skipped" if counts[State.SKIPPED] else ""
    return f"{done:,} of {counts.total():,}{what and ' ' + what}{skipped}"


def waiting(record: TaskRun) -> str:
    """Write which resources a task waits for, or its items do: ``"waits for api"``; "" if none."""
    if record.state is State.READY and record.waited_for:
        return f"waits for {record.waited_for}"
    items = [item for item in record.items or () if item.waited_for]
    for_what = Counter(item.waited_for for item in items if item.state is State.READY)
    return "; ".join(f"{number:,} wait for {what}" for what, number in for_what.items())


def has_waited(record: TaskRun) -> str:
    """Write how long a task has waited for resources, or the item of it that did so longest."""
    told = [each for each in (record, *(record.items or ())) if each.waited_for]
    waits = [((each.submitted or 0.0) - (each.ready or 0.0), each) for each in told
             if each.submitted is not None]  # fmt: skip
    if not waits:
        return ""
    seconds, longest = max(waits, key=itemgetter(0))
    up_to = "" if longest is record else "up to "
    return f"waited {up_to}{time_text(max(0.0, seconds))} for {longest.waited_for}"


def reasons_of(record: TaskRun) -> list[str]:
    """Write why a task, or an item, is as it is, where there is something to say."""
    cause = one_line(record.cause, LONGEST_LABEL) if record.cause is not None else ""
    reasons = [f"because of {cause}"] if cause and record.state is not State.SKIPPED else []
    return [*reasons, *filter(None, (record.why, waiting(record) or has_waited(record)))]


def outcome(run: Run) -> str:
    """Write how many tasks ended otherwise than well, such as ``"1 failed, 2 upstream failed"``."""
    usual = (State.SUCCEEDED, State.CACHED) if run.done else (State.SUCCEEDED,)
    counts = Counter(record.state for record in list(run.tasks.values()))
    told = [(state, counts[state]) for state in State if counts[state] and state not in usual]
    return ", ".join(f"{count} {state.words}" for state, count in told)


def facts_of(bundle: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is said of the images of a bundle: a text for those who do not see them.

    A PNG has more pixels than a screen needs; beside an SVG it is to be shown as large as that.

    Examples
    --------
    >>> facts_of({"image/png": "…", "text/plain": "Flow: 2 tasks\\n  load -> save"})
    {'image/png': {'alt': 'Flow: 2 tasks'}}
    >>> drawn = '<svg width="75pt" height="30pt">'
    >>> facts_of({"image/png": "…", "image/svg+xml": drawn})["image/png"]
    {'width': 100, 'height': 40}
    """
    told = str(bundle.get("text/plain", "")).partition("\n")[0].strip("<>")
    facts: dict[str, dict[str, Any]] = {
        kind: {"alt": told} if told else {} for kind in bundle if kind.startswith("image/")
    }
    drawn = str(bundle.get("image/svg+xml", "")).partition(">")[0]
    sizes = {name: points for name, points in re.findall(r' (width|height)="([\d.]+)pt"', drawn)}
    if "image/png" in facts:
        facts["image/png"] |= {name: round(float(size) * 4 / 3) for name, size in sizes.items()}
    return {kind: known for kind, known in facts.items() if known}


def label_of(name: str, task: Task) -> str:
    """Return what people see of the node `name`: the label of its task, if it was given one."""
    own = getattr(task.function, "__name__", type(task.function).__name__)
    return name if task.name == own else one_line(str(task.name), LONGEST_LABEL) or name


def labels_of(plan: Plan) -> dict[str, str]:
    """Return what people see of each task of a plan."""
    return {call.name: label_of(call.name, call.task) for call in plan.calls}


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of the tasks that were given one."""
    return {name: label for name, label in labels.items() if label != name}


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
