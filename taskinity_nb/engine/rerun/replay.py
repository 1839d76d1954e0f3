"""Calls a task of a run again, here and now, with the very same arguments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from operator import index as whole_number
from types import TracebackType
from typing import Any, NamedTuple

from ...errors import FlowError, NoResultError
from ...model.events import State
from ...model.forms.origin import Origin
from ...model.refs import MISSING, RELEASED, Missing, is_missing, is_ref
from ...model.run import Run
from ...values import is_once, kind_of
from ..remote.process.frames import OURS
from ..runtime.blocking import blocking
from ..scheduling.maps.items import Partial, items_of

__all__ = ["Argument", "arguments_of", "replay"]


class Argument(NamedTuple):
    """What a parameter got: its name, where that came from, and how to get hold of it.

    `get` raises a `NoResultError` if it is not there, not any more, or not yet.
    """

    parameter: str
    source: str
    get: Callable[[], Any]


def replay(run: Run, task: str, item: int | None = None) -> Any:
    """Call a task again in this thread, between its validators, and return what it returns.

    What it raises is raised as it is. An ``async def`` is awaited on an event loop of its own: in
    this thread, or beside it where this thread has a loop that runs, as in a notebook.

    The parameters are those of `Run.replay`.

    Raises
    ------
    NoResultError
        If there is no such task, its arguments are not there, or one of them is used up.
    FlowError
        If `item` does not fit the task.

    Examples
    --------
    >>> from taskinity_nb import run
    >>> done = run("load -> map half", namespace={"load": lambda: [3, 4], "half": lambda n: n / 2})
    >>> replay(done, "half", item=1)
    2.0
    """
    __tracebackhide__ = True
    run.slot_of(task)
    if not run.plan.extent.runs(task):
        raise NoResultError(f"task '{task}' did not run, {run.tasks[task].why}")
    positional, named = arguments_of(run, task, item, needed=True)
    args = [argument.get() for argument in positional]
    kwargs = {argument.parameter: argument.get() for argument in named}
    read = next(filter(is_once, (*args, *kwargs.values())), None)
    if read is not None:
        raise NoResultError(
            f"task '{task}' took {kind_of(read)}, which can be read only once",
            remedy="run.resume() makes it again, and calls the task with it",
        )
    index = run.plan.index[task]
    called = run.plan.bindings[index].task
    function: Callable[..., Any] = called
    if called.is_async:
        function = blocking(called) if _has_running_loop() else partial(_awaited, called)
    try:
        return run.plan.finish(index)(function(*args, **kwargs))
    except BaseException as error:
        error.__traceback__ = _without_ours(error.__traceback__)
        raise


def arguments_of(
    run: Run, task: str, item: int | None = None, *, needed: bool = False
) -> tuple[list[Argument], list[Argument]]:
    """Return the arguments of a task or an item: those by position, and those by name.

    Without an item, what a mapped task is mapped over is given whole. If the arguments are
    `needed`, the task is to be called with them: then a mapped task without an item is an error,
    and a result that is elsewhere is fetched where its keys are parameters.
    """
    slot = run.slot_of(task)
    is_mapped = slot in run.plan.maps
    if item is not None and not is_mapped:
        raise FlowError(f"task '{task}' is not mapped, so it has no item {item!r}: leave it out")
    if item is None and is_mapped and needed:
        raise FlowError(
            f"task '{task}' is mapped: it was called for each item",
            remedy=f"say for which one: run.replay('{task}', item={_first_of_interest(run, task)})",
        )
    call = run.plan.calls[slot]

    def argument(parameter: str, origin: Origin) -> Argument:
        if not origin.is_of_item:
            return Argument(parameter, str(origin), partial(_value, run, task, origin))
        if item is None:
            return Argument(parameter, str(origin), partial(_whole, run, task, origin))
        source = str(origin).replace("each item", f"item {item}", 1)
        return Argument(parameter, source, partial(_item, run, task, origin, item))

    def keys() -> dict[str, Any]:
        one: Any = None
        for origin in call.mappings:
            if origin.is_of_item and item is not None:
                one = _item(run, task, origin, item)
            else:
                _whole(run, task, origin)  # raises if it is not there
        found: dict[str, Any] = call.from_keys(run.record.values, run.flow, one)
        return found

    positional = _there([argument(*one) for one in call.positional], needed)
    named = _there([argument(*one) for one in call.keywords], needed)
    if call.mappings:
        source = f"a key of the result of {' or '.join(o.name for o in call.mappings)}"
        is_here = not any(is_ref(run.record.values[o.slot]) for o in call.mappings)
        try:  # who only lists them does not wait for a result to come from a cluster
            found = list(keys() if needed or is_here else call.late)
        except FlowError:
            if needed:
                raise
            found = list(call.late)
        named += [Argument(name, source, partial(_of_keys, keys, name)) for name in found]
    return positional, named


def _there(arguments: list[Argument], needed: bool) -> list[Argument]:
    """Return the arguments without those that may be missing, and are, if they are needed."""
    return [one for one in arguments if not needed or one.get() is not MISSING]


def _of_keys(keys: Callable[[], dict[str, Any]], name: str) -> Any:
    return keys()[name]


def _value(run: Run, task: str, origin: Origin) -> Any:
    """Return an argument that is no item, fetched if it is elsewhere.

    Of what may be missing it is the default, or else `MISSING`.
    """
    values: Sequence[Any] = run.record.values
    maps = getattr(run.control, "maps", None)
    if maps is not None and run.plan.index[task] in run.plan.tolerant.get(origin.slot, ()):
        values = Partial(run.record.values, maps.partial)
    there = values[origin.slot]
    may_lack = origin.is_optional and run.tasks[origin.name].state.is_final
    if is_missing(there) and not (there is MISSING and may_lack):
        raise _gone(run, task, origin, there)
    value = origin.whole(values)
    if value is MISSING and origin.default is not None:
        value = run.record.values[origin.default]
    return value.fetch() if is_ref(value) else value


def _whole(run: Run, task: str, origin: Origin) -> Any:
    return _value(run, task, origin._replace(kind="result"))


def _item(run: Run, task: str, origin: Origin, item: int) -> Any:
    """Return what an argument was for an item of a mapped task."""
    place = whole_number(item)
    whole = _whole_item(run, task, place)
    several = len(run.plan.items_origins(run.plan.index[task])) > 1
    value = whole[origin.place or 0] if several else whole
    if value is MISSING and origin.is_optional:
        default = origin.default
        return MISSING if default is None else run.record.values[default]
    if is_missing(value):
        raise _gone(run, task, origin, value)
    if is_ref(value):
        value = value.fetch()
    return origin._replace(place=None).value(run.record.values, value)


def _whole_item(run: Run, task: str, place: int) -> Any:
    """Return an item of a mapped task; of one with several mapped edges, what each brings."""
    plan, slot = run.plan, run.plan.index[task]
    maps = getattr(run.control, "maps", None)
    where = maps.where.get(slot) if maps is not None else None
    if maps is not None and where is not None:
        _check_place(task, place, where.number)
        try:
            return maps.item(where.first + place)
        except KeyError:  # it has let go of them
            several = len(plan.items_origins(slot)) > 1
            return [RELEASED] * len(plan.items_origins(slot)) if several else RELEASED
    # It was kept from an earlier run, or has not begun.
    edges = [edge for edge in plan.maps[slot] if edge.kind != "each_wait"]
    lists = [
        items_of(_whole(run, task, origin), origin.name, task)
        for origin in plan.items_origins(slot)
    ]
    if len(lists) == 1:
        items = lists[0]
    elif any(edge.kind == "product" for edge in edges):
        items = list(product(*lists))
    else:
        items = list(zip(*lists, strict=False))
    _check_place(task, place, len(items))
    return items[place]


def _check_place(task: str, place: int, count: int) -> None:
    if not 0 <= place < count:
        known = f"its items are 0 to {count - 1}" if count else "it had no items"
        raise FlowError(f"task '{task}' has no item {place}: {known}")


def _gone(run: Run, task: str, origin: Origin, value: Missing) -> NoResultError:
    """Return the error that tells why an argument is not there."""
    if value is RELEASED:
        what = f"the result of '{origin.name}'" if origin.kind in ("result", "item") else "an input"
        return NoResultError(
            f"the arguments of task '{task}' are gone: {what} was released",
            remedy='run the flow with keep="all", and look before run.release()',
        )
    record = run.tasks[origin.name]
    if record.state is State.SKIPPED and record.why:
        return NoResultError(
            f"task '{task}' takes the result of '{origin.name}', which was {record.why}"
        )
    because = f" ('{record.cause}' failed)" if record.cause else ""
    if record.state is State.SKIPPED and record.why:
        because = f" ({record.why.removeprefix('skipped: ')})"
    remedy = ""
    if record.state in (State.FAILED, State.TIMED_OUT):
        remedy = f"look at that one first: run.replay('{origin.name}')"
    elif record.cause is not None and record.cause in run.plan.index:
        remedy = f"look at that one first: run.replay('{record.cause}')"
    state = record.state.value.replace("_", " ")
    return NoResultError(
        f"task '{task}' takes the result of '{origin.name}', which is {state}{because}",
        remedy=remedy,
    )


def _first_of_interest(run: Run, task: str) -> int:
    """Return the first item that failed, or the first one."""
    items = run.tasks[task].items or ()
    failed = (i.item for i in items if i.state in (State.FAILED, State.TIMED_OUT))
    return next((place for place in failed if place is not None), 0)


def _awaited(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    __tracebackhide__ = True
    return asyncio.run(function(*args, **kwargs))


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _without_ours(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the user's first frame on, or all of it if there is none."""
    inner = traceback
    while inner is not None and inner.tb_frame.f_code.co_filename.startswith(OURS):
        inner = inner.tb_next
    return inner or traceback
