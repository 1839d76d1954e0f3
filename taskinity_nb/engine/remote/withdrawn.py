"""Tasks that a worker of Ray is told not to do, or to go on with no more.

Ray can cancel a task. But if the task is about to begin or to end at that very moment, Ray aborts
the process that began it, which is the notebook's kernel. So who runs the flow tells the board
which tasks are withdrawn, and each worker hears it from there: it leaves out those that it has not
begun. If it is with one of them, it asks for the task to be cancelled, and sees to it that the task
does not end meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache
from typing import Any

__all__ = ["Name", "Withdrawals", "withdrawals_at"]

Name = tuple[str, int, int]
"""The run of a task, its slot, and the number of the attempt."""

PATIENCE = 30.0
"""Seconds that a worker waits for the end that it has asked for."""


class Withdrawals:
    """What was withdrawn, as far as a worker has heard of it.

    `since(known, waits)` asks for what was withdrawn after the first `known` ones; if it `waits`,
    the answer comes when there is some. `ask_for_end` takes the name of the task that goes on here
    although it was withdrawn, and has this process ended.

    Examples
    --------
    >>> asked = [Future(), Future()]
    >>> asked[0].set_result([("run", 0, 1)])
    >>> withdrawals = Withdrawals(lambda known, waits: asked[waits], print)
    >>> withdrawals.begin(("run", 0, 1)), withdrawals.begin(("run", 1, 1))
    (False, True)
    >>> withdrawals.end()
    >>> asked[1].set_exception(ConnectionError("the board is gone"))
    """

    def __init__(
        self, since: Callable[[int, bool], Future[list[Name]]], ask_for_end: Callable[[Name], Any]
    ) -> None:
        self._since = since
        self._ask_for_end = ask_for_end
        self._lock = threading.Lock()
        first = since(0, False).result()
        self._withdrawn = set(first)
        self._at: Name | None = None
        listen = threading.Thread(target=self._listen, args=(len(first),), daemon=True)
        listen.start()

    def begin(self, name: Name) -> bool:
        """Tell whether a task may begin; from then on, until `end`, it may be ended."""
        with self._lock:
            if name in self._withdrawn:
                return False
            self._at = name
            return True

    def end(self) -> None:
        """Tell that the task has ended that was begun; if it was withdrawn, wait for our end."""
        with self._lock:
            name, self._at = self._at, None
            is_over = name in self._withdrawn
        if is_over:
            threading.Event().wait(PATIENCE)

    def _listen(self, heard: int) -> None:
        while True:
            try:
                news = self._since(heard, True).result()
            except Exception:  # the board is gone, and with it who could withdraw a task
                return
            heard += len(news)
            with self._lock:
                self._withdrawn.update(news)
                if self._at is not None and self._at in self._withdrawn:
                    self._ask_for_end(self._at)


@lru_cache(None)
def withdrawals_at(board: str) -> Withdrawals:
    """Return what this worker hears from a board of Ray."""
    import ray

    actor: Any = ray.get_actor(board, namespace=board)
    return Withdrawals(
        lambda known, waits: actor.withdrawn.remote(known, waits).future(), actor.end.remote
    )
