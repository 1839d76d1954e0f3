"""How far a run is, where nobody sees a picture: a bar that is drawn over itself."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from tqdm import tqdm

from ...engine.remote.process.capture import beneath, lay_under
from ...engine.remote.process.printed import STREAMS
from ...formatting import elided, printable, time_text
from ...model.events import State
from ..style.environment import close_unused_pipes, current_shell, in_kernel, is_prompt_shown

if TYPE_CHECKING:
    from ...model.events import Event
    from ...model.run import Run

__all__ = ["ProgressBar", "progress_bar"]

FORMAT = (
    "{desc} {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt}{unit} [{elapsed}<{remaining}{postfix}]"
)
TOLD = (State.FAILED, State.TIMED_OUT, State.RETRYING, State.RUNNING)
"""States that are counted behind the bar."""

LONGEST_BEGINNING = 10_000
"""Characters of a line that is kept until its end comes."""


def progress_bar(events: Iterable[Event], run: Run) -> None:
    """Show a bar on ``stderr`` while a run goes on: an observer.

    Where ``stderr`` is neither a terminal nor a notebook's, nothing is shown. What tasks print
    stands above the bar.

    Parameters
    ----------
    events : iterable of Event
        What has happened since the last call.
    run : Run
        The run; items of a map are counted as soon as it is known how many there are.

    Examples
    --------
    >>> from taskinity_nb import run
    >>> result = run("load", namespace={"load": list}, observers=[progress_bar])
    """
    with _lock:
        if run not in _bars:
            _bars[run] = ProgressBar()
        bar = _bars[run]
    try:
        bar.follow(run)
    except BaseException:  # it is told no more, so nothing else would take it off the streams
        bar.close()
        raise


_bars: WeakKeyDictionary[Run, ProgressBar] = WeakKeyDictionary()
_lock = threading.Lock()


class _Tqdm(tqdm):  # type: ignore[misc]  # tqdm carries no types
    monitor_interval = 0  # no thread that looks after it


_Tqdm.set_lock(threading.RLock())  # the usual one is for all processes, and takes long to make


class ProgressBar:
    """The bar of one run.

    With `leave`, it stays when the run is done. It gives way to the prompt of a shell, at which
    somebody types: from then on there is no bar, and with `leave` a line when the run is done.

    Attributes
    ----------
    is_over : bool
        Whether it was closed, as it is when the run is done.
    """

    def __init__(self, *, leave: bool = True) -> None:
        self._leave = leave
        self._bar: Any = None
        self._undo: list[tuple[_Above, Callable[[], None]]] = []
        self.is_over = False
        self._has_given_way = False
        self._lock = _Tqdm.get_lock()
        shell = None if in_kernel() else current_shell()
        self._events: Any = getattr(shell, "events", None)
        if self._events is not None:
            self._events.register("post_run_cell", self._give_way)

    def follow(self, run: Run) -> None:
        """Show how far a run is; if it is done, for the last time."""
        with self._lock:
            if self.is_over:
                return
            if is_prompt_shown():
                self._give_way()
            if self._bar is None and not self._has_given_way:
                self._open(run)
            if self._bar is not None and not self._bar.disable:
                self._tell(run)
            if run.done:
                if self._has_given_way and self._leave:
                    _say_end(run)
                self.close()

    def close(self) -> None:
        """Show it no more."""
        with self._lock:
            self.is_over = True
            self._take_off()
            if self._events is not None:
                self._events.unregister("post_run_cell", self._give_way)
                self._events = None
        close_unused_pipes()

    def _give_way(self, *_: object) -> None:
        """Show no bar any more, because a prompt is where it would be."""
        with self._lock:
            self._has_given_way = True
            if self._bar is not None:
                self._bar.leave = False
            self._take_off()

    def _take_off(self) -> None:
        undo, self._undo = self._undo, []
        for _, take_away in undo:
            take_away()
        for above, _ in undo:
            above.finish()
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _open(self, run: Run) -> None:
        stream = beneath("stderr")
        while isinstance(stream, _Above):  # the bars of several runs stand below each other
            stream = stream._stream
        columns, rows = get_terminal_size()
        self._bar = _Tqdm(
            total=len(run.record.tasks), desc=elided(printable(run.flow.name[:1000]), 30),
            unit=" steps" if run.plan.maps else " tasks", bar_format=FORMAT, file=stream,
            disable=not _is_seen(stream), leave=self._leave,
            ncols=columns - 1, nrows=rows,
        )  # fmt: skip
        for name in STREAMS if stream is not None and stream.isatty() else ():
            below = beneath(name)
            if below is not None and below.isatty():
                above = _Above(below, self._bar, self._lock)
                self._undo.append((above, lay_under(name, above)))

    def _tell(self, run: Run) -> None:
        states = []
        for record in run.record.tasks:
            states += [item.state for item in record.items or ()] or [record.state]
        counts = Counter(states)
        told = [f"{counts[state]} {state.words}" for state in TOLD if counts[state]]
        self._bar.total = len(states)
        self._bar.n = sum(state.is_final for state in states)
        self._bar.set_postfix_str(", ".join(told))


def _say_end(run: Run) -> None:
    """Say above the prompt, where a shell lets threads write, that a run is done."""
    counts = Counter(record.state for record in run.record.tasks)
    told = ", ".join(f"{number} {state.words}" for state, number in counts.items())
    name = elided(printable(run.flow.name[:1000]), 30)
    print(f"{name}: {told} in {time_text(run.makespan)}", file=sys.stderr)


class _Above:
    """A stream whose lines stand whole above the bar, whichever threads write them."""

    def __init__(self, stream: Any, bar: Any, lock: threading.RLock) -> None:
        self._stream, self._bar, self._lock = stream, bar, lock
        self._begun: dict[int, str] = {}  # by thread
        self._process = os.getpid()
        self._is_over = False

    def write(self, text: str) -> int:
        # Forked off, maybe while somebody had the lock; or left under a stream of somebody else's.
        if self._is_over or os.getpid() != self._process:
            return int(self._stream.write(text))
        thread = threading.get_ident()
        with self._lock:
            whole, end, rest = (self._begun.pop(thread, "") + text).rpartition("\n")
            if len(rest) > LONGEST_BEGINNING:
                whole, rest = whole + end + rest, ""
            if rest and not self._bar.disable:
                self._begun[thread] = rest
                rest = ""
            self._put(whole + end + rest)
        return len(text)

    def flush(self) -> None:
        """Show what somebody wants to be seen before its line has ended."""
        if os.getpid() == self._process:
            with self._lock:
                self._put(self._begun.pop(threading.get_ident(), ""))
        self._stream.flush()

    def finish(self) -> None:
        """Show what was begun, and let through what comes."""
        with self._lock:
            self._is_over = True
            texts = list(self._begun.values())
            self._begun.clear()
            self._put("".join(texts))

    def _put(self, text: str) -> None:
        if not text:
            return
        self._bar.clear(nolock=True)
        self._stream.write(text)
        if text.endswith("\n"):
            self._stream.flush()
            self._bar.refresh(nolock=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _is_seen(stream: Any) -> bool:
    """Tell whether somebody looks at what is written to `stream`."""
    if stream is None:
        return False
    return in_kernel() or bool(stream.isatty())
