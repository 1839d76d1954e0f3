"""Tells observers what happens: one thread a run, and only if somebody watches.

The thread folds the log into the run's record at most 15 times a second and once at the end, and
hands each batch of events to the observers. The time that they compute is measured, and the rate
backs off to keep it under 1 % of the run; one that raises is reported once and dropped.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from typing import overload

from ..errors import described
from ..model.events import WIDTH, Event
from ..model.record import Record
from ..model.run import Run
from .runtime.interrupts import allow_interrupts
from .runtime.waiting import SignalSafeEvent
from .scheduling.failures import warn

__all__ = ["Observer", "watch"]

Observer = Callable[[Sequence[Event], Run], None]

INTERVAL = 1 / 15
SHARE = 0.01
LAST_CALL = 5.0
"""Seconds that the observers have for the last batch before the run goes on without them."""


class Batch(Sequence[Event]):
    """Some facts of a log, in order; an `Event` is made of one when somebody looks at it."""

    def __init__(self, record: Record, place: int, number: int) -> None:
        self._record = record
        self._places = range(place, place + number * WIDTH, WIDTH)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        place = self._places[index]
        slot, state, moment, *more = self._record.log[place : place + WIDTH]
        return self._record.event((slot, state, moment, more[0], more[1], more[2]))


def watch(run: Run, observers: Sequence[Observer], finished: SignalSafeEvent) -> Callable[[], bool]:
    """Start telling `observers` about a run until `finished` is set.

    What is returned waits until they have seen the end, for `LAST_CALL` seconds at most.
    """
    told, record = list(observers), run.record
    saw_the_end = SignalSafeEvent()
    saw_it_done = False
    place = 0  # in the log; not where it was folded to, which others do as well

    def tell(ended: bool) -> None:
        nonlocal place, saw_it_done
        number = record.folded_since(place)
        events = Batch(record, place, number)
        place += number * WIDTH
        is_news = bool(events) or (ended and not saw_it_done)
        saw_it_done = saw_it_done or (is_news and run.done)
        for observer in list(told) if is_news else ():
            try:
                observer(events, run)
            except BaseException as error:
                told.remove(observer)
                _report(observer, error, run)

    def drain() -> None:
        while True:
            ended = finished.is_set()
            record.fold()  # which costs the same however often it is done
            begun = time.thread_time()
            tell(ended)
            if ended:
                saw_the_end.set()
                return
            spent = time.thread_time() - begun
            finished.wait(max(INTERVAL, spent / SHARE))

    context = contextvars.copy_context()  # what an observer shows belongs to the caller's cell
    thread = threading.Thread(target=context.run, args=(drain,), name="observers", daemon=True)
    thread.start()
    return lambda: allow_interrupts(saw_the_end.wait)(LAST_CALL)


def _report(observer: Observer, error: BaseException, run: Run) -> None:
    name = getattr(observer, "__name__", type(observer).__name__)
    warn(
        f"the observer {name} raised {described(error)}; it is told no more of flow "
        f"'{run.flow.name}'"
    )
