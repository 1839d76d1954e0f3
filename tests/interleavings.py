"""Explores in which orders threads can take their steps: each that there is, one after another.

Only one thread runs at a time. Before it takes a lock, after it has let go of one, and wherever it
would wait, it stops and the explorer chooses who goes on. A run of the program is known by its
choices; the next one differs in the last choice that has another way left (depth first). As most
faults need few threads that are interrupted in the wrong place, orders with more than a number of
such interruptions may be left out (M. Musuvathi and S. Qadeer, "Iterative context bounding for
systematic testing of multithreaded programs", PLDI 2007).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

__all__ = ["Deadlock", "Explorer", "Lock", "Pool", "explore"]


class Deadlock(AssertionError):
    """Nobody can go on, though somebody has not ended."""


def _closed() -> threading.Lock:
    """Return what one thread opens for another: a bare lock, as there are a million handovers."""
    lock = threading.Lock()
    lock.acquire()
    return lock


class _Thread:
    def __init__(self, name: str, call: Callable[[], object], ready: Callable[[], bool]) -> None:
        self.name = name
        self.ready = ready
        self.may_go = _closed()
        self.thread = threading.Thread(target=call, name=name, daemon=True)


class Explorer:
    """One run of a program, with given first choices.

    Attributes
    ----------
    options : list of int
        How many ways there were at each choice.
    path : list of int
        Which of them was taken.
    """

    def __init__(self, choices: list[int], interruptions: int) -> None:
        self.path: list[int] = []
        self.options: list[int] = []
        self.story: list[str] = []
        self._choices = choices
        self._interruptions = interruptions
        self._threads: list[_Thread] = []
        self._current: _Thread | None = None
        self._stopped = _closed()
        self._errors: list[BaseException] = []

    def spawn(self, name: str, call: Callable[[], object], ready: Callable[[], bool]) -> None:
        """Add a thread, which begins once it may and is chosen."""

        def live() -> None:
            own.may_go.acquire()
            try:
                call()
            except BaseException as error:
                self._errors.append(error)
            self._threads.remove(own)
            self._stopped.release()

        own = _Thread(f"{name}-{len(self.story)}", live, ready)
        self._threads.append(own)
        own.thread.start()

    def step(self, where: str, ready: Callable[[], bool] = lambda: True) -> None:
        """Stop until this thread is chosen, which it can be when `ready` says so."""
        own = self._current
        if own is None or threading.current_thread() is not own.thread:
            return  # the test itself, before and after
        own.ready = ready
        self.story.append(f"{own.name} is at {where}")
        self._stopped.release()
        own.may_go.acquire()

    def run(self) -> None:
        """Let all threads run to their ends."""
        last: _Thread | None = None
        while self._threads:
            able = [thread for thread in self._threads if thread.ready()]
            if not able:
                raise Deadlock("\n".join([*self.story, "and nobody can go on"]))
            if last in able:  # to go on with it is the first choice
                able.remove(last)
                able = [last, *able] if self._interruptions else [last]
            number = len(self.path)
            choice = self._choices[number] if number < len(self._choices) else 0
            if last is able[0] and choice:
                self._interruptions -= 1
            self.path.append(choice)
            self.options.append(len(able))
            last = self._current = able[choice]
            last.may_go.release()
            self._stopped.acquire()
            self._current = None
        if self._errors:
            raise self._errors[0]


def explore(program: Callable[[Explorer], Callable[[], None]], interruptions: int) -> int:
    """Run a program in each order of its steps; return how many there were.

    Parameters
    ----------
    program : callable
        Spawns the first threads, and returns what checks the end.
    interruptions : int
        How often a thread that could go on may be stopped for another one, in a run.
    """
    with _on_one_core():
        return _explore(program, interruptions)


@contextmanager
def _on_one_core() -> Iterator[None]:
    """Have all threads stay on one core: one goes at a time, and to wake another core is slow."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[os.getpid() % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _explore(program: Callable[[Explorer], Callable[[], None]], interruptions: int) -> int:
    choices: list[int] = []
    runs = 0
    while True:
        explorer = Explorer(choices, interruptions)
        check = program(explorer)
        try:
            explorer.run()
            check()
        except AssertionError as error:
            error.add_note(f"choices: {explorer.path}")
            raise
        runs += 1
        path, options = explorer.path, explorer.options
        while path and path[-1] + 1 == options[len(path) - 1]:
            path.pop()
        if not path:
            return runs
        choices = [*path[:-1], path[-1] + 1]


class Lock:
    """A reentrant lock whose every step is the explorer's to choose."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer
        self._owner: threading.Thread | None = None
        self._depth = 0

    def acquire(self, blocking: bool = True) -> bool:
        if not self._is_owned():
            self._explorer.step("the lock", lambda: self._owner is None)
            assert self._owner is None
            self._owner = threading.current_thread()
        self._depth += 1
        return True

    def release(self) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None
            self._explorer.step("the end of its turn")

    def _is_owned(self) -> bool:
        return self._owner is threading.current_thread()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: Any) -> None:
        self.release()


class Pool:
    """A pool of so many threads, as a user has."""

    def __init__(self, explorer: Explorer, size: int) -> None:
        self._explorer = explorer
        self._free = size

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()

        def work() -> None:
            self._free -= 1
            future.set_running_or_notify_cancel()
            try:
                future.set_result(call())
            finally:
                self._free += 1

        self._explorer.spawn("pool", work, lambda: self._free > 0)
        return future
