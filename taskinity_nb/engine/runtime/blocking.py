"""Waiting for what an ``async def`` does, where no event loop runs or one is in the way."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

from ..remote.process import forks
from ..remote.process.capture import capture_in_context, current_output
from ..remote.process.forks import leave_if_forked
from ..remote.process.printed import Output
from .waiting import SignalSafeEvent

__all__ = ["blocking"]

Returned = tuple[Any, BaseException | None]
"""What a coroutine returned, or raised."""


def blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that waits for what an ``async def`` does, on a loop of its own.

    A notebook has a loop in its main thread already, so this one is in another thread.

    Examples
    --------
    >>> async def fetch(number): return await asyncio.sleep(0.001, number)
    >>> blocking(fetch)(3)
    3
    """

    async def call(output: Output | None, args: Any, kwargs: Any) -> Returned:
        if output is not None:
            capture_in_context(output)
        generation = forks.generation
        returned: Returned
        try:
            returned = await function(*args, **kwargs), None
        except BaseException as error:  # asyncio would let some of them end the loop
            returned = None, error
        # A forked child has no thread but this one: nobody waits there for what it returns.
        leave_if_forked(generation, returned[1])
        return returned

    def cancel_all() -> None:
        for task in asyncio.all_tasks():
            task.cancel()

    def wait(*args: Any, **kwargs: Any) -> Any:
        runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        loop = runner.get_loop()  # and the runner takes this thread's context along
        called = call(current_output(), args, kwargs)
        returned: Returned = None, None
        ended = SignalSafeEvent()

        def live() -> None:
            nonlocal returned
            try:
                with runner:  # it ends what is left on the loop
                    returned = runner.run(called)
            except BaseException as error:  # from a task of the user's own
                returned = None, error
            ended.set()

        try:
            threading.Thread(target=live, name="event loop", daemon=True).start()
            ended.wait()
        except BaseException:  # an interrupt
            with contextlib.suppress(RuntimeError):  # it is closed already
                loop.call_soon_threadsafe(cancel_all)
            raise
        value, error = returned
        if error is not None:
            raise error
        return value

    return wait
