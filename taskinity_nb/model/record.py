"""The record of a run: its log, folded into one `TaskRun` a task."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

from .events import (
    UNKNOWN,
    WIDTH,
    Entry,
    Event,
    Failure,
    Frame,
    Helpers,
    Items,
    Note,
    State,
    entries,
)
from .forms.outcome import failed_items, no_result, results_of_items
from .refs import RELEASED, is_missing, is_ref
from .saving.errors import save_error
from .saving.values import Saver

__all__ = ["Record", "TaskRun"]

READY, RUNNING, SUCCEEDED = State.READY, State.RUNNING, State.SUCCEEDED


class TaskRun:
    """One task in one run, or one item of a mapped task. Times are seconds since the run's start.

    Attributes
    ----------
    name : str
        Name of the task in the flow; an item is called ``task[0]``.
    item : int or None
        Which item of its task this is.
    slot : int
        The place of its result among the record's values.
    state : State
        What it is doing, or how it ended.
    ready, submitted, started, finished, received : float or None
        When its last upstream ended, when it was handed to a worker, when it began and ended there,
        and when its result was back.
    worker : str or None
        Who ran it; a mapped task has items instead.
    cpu : float or None
        Seconds of processor time that it took; of what was cut off, as far as the system tells.
    attempts : int
        How often it was started.
    error : BaseException or None
        Why it failed.
    frames : tuple of (file, line, function)
        The error's traceback from the task's function on.
    cause : str or None
        For a task that did not run: the task whose failure is the reason.
    is_mapped : bool
        Whether it runs once for each item.
    items : tuple of TaskRun, or None
        For a mapped task whose items are known: the record of each.
    """

    __slots__ = (
        "_notes", "_saved", "_values", "attempts", "cause", "cpu", "error", "finished", "frames",
        "is_mapped", "item", "items", "name", "ready", "received", "slot", "started", "state",
        "submitted", "worker",
    )  # fmt: skip

    def __init__(
        self, name: str, slot: int, values: list[Any] | dict[int, Any], notes: dict[int, Note]
    ) -> None:
        self.name = name
        self.slot = slot
        self._values = values
        self._notes = notes
        self._saved: float | None = None
        self.item: int | None = None
        self.is_mapped = False
        self.state = State.PENDING
        self.ready: float | None = None
        self.submitted: float | None = None
        self.started: float | None = None
        self.finished: float | None = None
        self.received: float | None = None
        self.worker: str | None = None
        self.cpu: float | None = None
        self.attempts = 0
        self.error: BaseException | None = None
        self.frames: tuple[Frame, ...] = ()
        self.cause: str | None = None
        self.items: tuple[TaskRun, ...] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Travel as it is now, with its own result and none of the others."""
        result = Saver().save(self._values[self.slot], f"task '{self.name}': its result")
        error = save_error(self.error)
        return {**self._parts(), "_values": {self.slot: result}, "error": error}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def __copy__(self) -> TaskRun:
        made = TaskRun.__new__(TaskRun)
        made.__setstate__({**self._parts(), "_values": {self.slot: self._values[self.slot]}})
        return made

    def _parts(self) -> dict[str, Any]:
        """Return what it is made of, and of what it has in common with others its own."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        parts["_notes"] = {self.slot: self._note} if self.slot in self._notes else {}
        return parts

    @property
    def _note(self) -> Note:
        return self._notes.get(self.slot, UNKNOWN)

    @property
    def task(self) -> str:
        """Name of the task, also of an item."""
        return self.name if self.item is None else self.name.rpartition("[")[0]

    @property
    def duration(self) -> float | None:
        """Seconds from start to finish, or None if it did not do both."""
        if self.started is None or self.finished is None:
            return None
        return self.finished - self.started

    @property
    def waited(self) -> float | None:
        """Seconds that it waited for a core; None where that is not known, or it was too short."""
        waited = self._note.waited
        return None if waited is None else waited * 1e-9

    @property
    def why(self) -> str:
        """Why it ran or did not: in a resumed run, with a cache, under a condition."""
        return self._note.why or ""

    @property
    def waited_for(self) -> str:
        """The resources for which it waits or has waited since it was ready; empty for none."""
        return self._note.waited_for or ""

    @property
    def saved(self) -> float | None:
        """Seconds that the cache has saved, of a mapped task for its items; None if it has not."""
        saved = [self._saved, *(item.saved for item in self.items or ())]
        known = [seconds for seconds in saved if seconds is not None]
        return sum(known) if known else None

    @property
    def peak_memory(self) -> int | None:
        """Bytes of memory that it took at most, of a mapped task the most of its items.

        It is known where a process does one task at a time and the system tells, which Linux does;
        None where it is not known, or less than 256 kB.
        """
        peaks = [self._note.peak, *(item._note.peak for item in self.items or ())]
        return max((peak for peak in peaks if peak is not None), default=None)

    @property
    def helpers(self) -> Helpers | None:
        """The threads that computed beside its own; None if none did, or it is not known.

        It is known in the worker processes that are our own. In threads it cannot be: the clock of
        a process does not tell which task another thread has worked for.
        """
        return self._note.helpers

    @property
    def has_result(self) -> bool:
        """Whether it has a result that was not released."""
        return not is_missing(self._values[self.slot])

    @property
    def result(self) -> Any:
        """What it returned.

        Raises
        ------
        NoResultError
            If it has no result; the text tells its state.
        """
        value = self._values[self.slot]
        if is_ref(value):
            return value.fetch()
        if is_missing(value):
            raise no_result(self, value, all(other is RELEASED for other in self._values))
        return value

    @property
    def results(self) -> list[Any]:
        """Of a mapped task, also of one that failed: the results that its items have, in order.

        Raises
        ------
        FlowError
            If the task is not mapped; `result` is what it returned.
        """
        return results_of_items(self)

    @property
    def failed(self) -> list[tuple[Any, BaseException]]:
        """Of a mapped task: the items that failed, in order, each with what was raised.

        Of a run that was cut off before the end of the task, the number of the item stands for it.

        Raises
        ------
        FlowError
            If the task is not mapped; `error` is what it raised.
        """
        return failed_items(self)

    @property
    def place(self) -> str:
        """The worker of a cluster at which its result lies; empty if it lies here."""
        value = self._values[self.slot]
        return value.place if is_ref(value) else ""

    @property
    def nbytes(self) -> int | None:
        """How many bytes its result has there; None if it lies here."""
        value = self._values[self.slot]
        return value.nbytes if is_ref(value) else None

    @property
    def stdout(self) -> str:
        """What its last attempt printed."""
        return (self._note.output or ("", ""))[0]

    @property
    def stderr(self) -> str:
        """What its last attempt wrote to the standard error stream."""
        return (self._note.output or ("", ""))[1]

    def __repr__(self) -> str:
        seconds = "" if self.duration is None else f" in {self.duration:.3g} s"
        return f"<TaskRun {self.name}: {self.state}{seconds}>"


class Record:
    """The log of a run, and what is folded from it when somebody looks.

    A task's slot is its place among `names`; the slots of items are added to `values`. `origin` is
    the run's start, in nanoseconds; `mapped` has the slots of mapped tasks.
    """

    def __init__(
        self, names: Sequence[str], values: list[Any], origin: int, mapped: Collection[int] = ()
    ) -> None:
        self.mapped = mapped
        self.names = names
        self.values = values
        self.origin = origin
        self.log: list[Any] = []
        self.state = State.RUNNING
        self.ended: int | None = None  # in nanoseconds
        self.notes: dict[int, Note] = {}
        self._by_slot: list[TaskRun] = []
        self._of_items: dict[int, TaskRun] = {}
        self._folded = 0
        self._lock = threading.Lock()

    def end(self, state: State, at: int) -> None:
        """Write down how the run ended, and when in nanoseconds."""
        self.ended = at
        self.state = state

    def folded_since(self, place: int) -> int:
        """Return how many facts were folded from a place of the log on."""
        with self._lock:  # nobody is in the middle of it
            return (self._folded - place) // WIDTH

    def note(self, slot: int, **found: Any) -> None:
        """Keep what became known of a task beside how it ended: parts of a `Note`, by their names.

        What is None is not known, and nothing is forgotten over it.
        """
        for name, value in found.items():
            if value is not None:
                if slot not in self.notes:
                    self.notes.setdefault(slot, Note())  # others may do so at the same time
                setattr(self.notes[slot], name, value)

    def forget_output(self, slot: int) -> None:
        """Forget what an attempt printed that is followed by another: the last one's is kept."""
        if slot in self.notes:
            self.notes[slot].output = None

    @property
    def tasks(self) -> list[TaskRun]:
        """The record of each task as far as it was folded, in the order of the text."""
        if not self._by_slot:
            shared = self.values, self.notes
            self._by_slot = [TaskRun(name, i, *shared) for i, name in enumerate(self.names)]
            for slot in self.mapped:
                self._by_slot[slot].is_mapped = True
        return self._by_slot

    def fold(self) -> None:
        """Bring the record up to date with the log."""
        # While a run is watched, its tasks wait for this loop: it makes no objects, and what a task
        # that goes well writes down comes first.
        with self._lock:
            tasks, of_items, origin = self.tasks, self._of_items, self.origin
            count, place = len(tasks), self._folded
            try:
                for slot, state, moment, a, b, c in entries(self.log, place):
                    place += WIDTH
                    record = tasks[slot] if slot < count else of_items[slot]
                    record.state = state
                    if state is READY:
                        record.ready = (moment - origin) * 1e-9
                    elif state is RUNNING:
                        record.started = (moment - origin) * 1e-9
                        record.worker = a
                        record.submitted = (b - origin) * 1e-9
                        record.attempts += 1
                        if c is not None:
                            record.items = self._make_items(record, c)
                    elif state is SUCCEEDED:
                        if a is not None:
                            record.started = (a - origin) * 1e-9
                        record.finished = (moment - origin) * 1e-9
                        record.cpu = b * 1e-9
                        record.received = (c - origin) * 1e-9
                        if record.items is not None:
                            record.cpu = sum(item.cpu or 0.0 for item in record.items)
                    else:
                        self._end_otherwise(record, state, (moment - origin) * 1e-9, a, b, c)
            finally:  # who interrupts a look at a run does not have facts folded twice
                self._folded = place

    def _end_otherwise(
        self, record: TaskRun, state: State, at: float, a: Any, b: Any, c: Any
    ) -> None:
        """Fold the fact that an attempt did not succeed, or that a task did not run."""
        if state in (State.FAILED, State.TIMED_OUT):
            if a is not None:
                record.started = (a - self.origin) * 1e-9
            record.finished = at
            record.cpu = None if b is None else b * 1e-9
            record.error, record.frames = c.error, c.frames
            record.received = (c.received - self.origin) * 1e-9
            if record.items is not None:
                record.cpu = sum(item.cpu or 0.0 for item in record.items)
        elif state is State.RETRYING:
            record.error = a
        elif state is State.CANCELLED:
            if record.started is not None:
                record.finished = at
                record.cpu = None if b is None else b * 1e-9
        elif isinstance(a, BaseException):
            record.finished, record.error = at, a
        elif isinstance(a, str):
            record._saved = b
            self.note(record.slot, why=a)
        elif a is not None:
            record.cause = self.name_of(a)
            if state is State.SKIPPED:
                self.note(record.slot, why=f"skipped: '{record.cause}' was skipped")

    def _make_items(self, record: TaskRun, items: Items) -> tuple[TaskRun, ...]:
        made = []
        for item, slot in enumerate(range(items.first, items.first + items.number)):
            one = TaskRun(f"{record.name}[{item}]", slot, self.values, self.notes)
            one.item = item
            self._of_items[slot] = one
            made.append(one)
        return tuple(made)

    def name_of(self, slot: int) -> str:
        """Return the name of a task, or of an item that was folded already."""
        return self.names[slot] if slot < len(self.names) else self._of_items[slot].name

    def event(self, entry: Entry) -> Event:
        """Return a fact that was folded already as an object."""
        slot, state, moment, a, _, c = entry
        at = (moment - self.origin) * 1e-9
        worker = a if state is State.RUNNING else None
        error = a if state is State.RETRYING else None
        if isinstance(c, Failure):
            error = c.error
        if slot < len(self.names):
            return Event(at, self.names[slot], state, worker, error)
        record = self._of_items[slot]
        return Event(at, record.task, state, worker, error, record.item)

    def events(self) -> list[Event]:
        """Return all facts so far as objects."""
        self.fold()
        return [self.event(entry) for entry in islice(entries(self.log), self._folded // WIDTH)]
