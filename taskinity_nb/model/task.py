"""A task is a function and its options."""

from __future__ import annotations

import functools
import random
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeGuard, overload

from .checks import Checks, RetryDelay, RetryOn, default, given_or
from .invoke import invoke, invoke_async
from .signature import is_async, layers

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["RetryDelay", "RetryOn", "Task", "is_task", "registered_tasks", "task"]

_registry: dict[str, Task] = {}

NONE, NO_RETRIES, ANY_ERROR, AT_ONCE, CACHED = map(default, (None, 0, Exception, 0.0, True))
"""The options of a task that nobody has given."""


class Task:
    """A function and its options; calling it calls the function.

    What is made of a task (``task(task)``, a ``functools.partial`` of it, a bound method, a
    decorator that uses ``functools.wraps``) has the options of that task, but for those that are
    given anew. Its validators look at what reaches the task itself.

    Parameters
    ----------
    function : callable
        What the task does.
    name : str, optional
        The label that people see. In the text of a flow a task is called by its function's name.
    description : str, optional
        A sentence about it; by default the first line of the function's docstring.
    validate_input : callable, optional
        Called with the task's arguments before it runs; it rejects them by raising or by
        returning ``False``, or an array or table of truth values that are not all true. It is no
        ``async def``.
    validate_output : callable, optional
        Called with the task's result, in which an iterator is a list; it rejects likewise.
    retries : int
        How often it is tried again after a failure.
    retry_on : type of exception or tuple of them
        The failures after which it is.
    retry_delay : float, callable or "exponential"
        Seconds before each further attempt; or a callable of the attempt (1 for the first retry)
        that returns them; or about 0.5, 1, 2, 4 ... seconds up to a minute, chosen at random
        between half of that and all of it, so that tasks which failed together do not come back
        together.
    timeout : float, optional
        Seconds that an attempt may take; then it has failed with a `TimeoutError`. A process that
        is at it is killed, an ``async def`` is cancelled; a thread cannot be, so it is left behind
        and goes on unseen while another takes its place; in the calling thread the attempt is only
        found to have failed when it returns.
    executor : "threads", "processes" or concurrent.futures.Executor, optional
        Where this task runs, whatever the others run on: threads for what waits, processes for what
        computes. A sequential run keeps all its tasks in the calling thread.
    resources : mapping of str to float, optional
        What it asks for, such as ``{"api": 1}`` or ``{"memory": 2e9}``: it begins when that much
        is free of what ``run(..., resources={"api": 3})`` says there is. Of what is not said there,
        a worker of a cluster is asked, in the words of that cluster: ``{"GPU": 1}``.
    cache : bool
        Whether its results may come from a cache, and go into one, in a run that has a cache.
    version : str, optional
        Counts as a part of its function: give another one to have it run again.

    Examples
    --------
    >>> double = Task(lambda x: 2 * x, name="twice as much")
    >>> double(4)
    8
    """

    __qualname__: str
    is_task = True  # as `signature`, which is below, knows one

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = NONE,
        description: str | None = NONE,
        validate_input: Callable[..., Any] | None = NONE,
        validate_output: Callable[..., Any] | None = NONE,
        retries: int = NO_RETRIES,
        retry_on: RetryOn = ANY_ERROR,
        retry_delay: RetryDelay = AT_ONCE,
        timeout: float | None = NONE,
        executor: str | Executor | None = NONE,
        resources: Mapping[str, float] | None = NONE,
        cache: bool = CACHED,
        version: str | None = NONE,
    ) -> None:
        if not callable(function):
            raise TypeError(f"a task needs a function, not {type(function).__name__}")
        inner = task_within(function)
        if isinstance(function, Task):  # the same task, with other options
            function = function.function
            validate_input = given_or(validate_input, inner, "validate_input")
            validate_output = given_or(validate_output, inner, "validate_output")
            name = given_or(name, inner, "name")
        elif inner is not None and inner.name != _name_of(inner.function):
            name = given_or(name, inner, "name")
        functools.update_wrapper(self, function, updated=())
        self.function: Callable[..., Any] = function
        checks = self._checks = Checks(_name_of(function))
        self.name: str = checks.text("name", given_or(name)) or _name_of(function)
        doc = getattr(function, "__doc__", None) if hasattr(function, "__name__") else None
        first_line = doc.strip().partition("\n")[0] if isinstance(doc, str) else ""
        told = checks.text("description", given_or(description, inner, "description"))
        self.description = first_line if told is None else told
        self.validate_input = checks.validator("validate_input", given_or(validate_input))
        self.validate_output = checks.validator("validate_output", given_or(validate_output))
        self.retries = checks.retries(given_or(retries, inner, "retries"))
        self.retry_on = checks.retry_on(given_or(retry_on, inner, "retry_on"))
        self.retry_delay = checks.retry_delay(given_or(retry_delay, inner, "retry_delay"))
        self.timeout = checks.timeout(given_or(timeout, inner, "timeout"))
        self.is_async = is_async(function)
        self.executor = checks.executor(given_or(executor, inner, "executor"), self.is_async)
        self.resources = checks.resources(given_or(resources, inner, "resources"))
        self.cache = checks.flag("cache", given_or(cache, inner, "cache"))
        self.version = checks.text("version", given_or(version, inner, "version"))

    def delay_before(self, retry: int) -> float:
        """Return the seconds to wait before a retry, counted from 1.

        Raises
        ------
        TypeError
            If ``retry_delay`` is a callable and gives no number; what it raises comes through.

        Examples
        --------
        >>> Task(abs, retry_delay=lambda retry: 10.0**retry).delay_before(2)
        100.0
        """
        delay = self.retry_delay
        if isinstance(delay, str):
            return min(60.0, 0.5 * 2.0 ** min(retry - 1, 10)) * random.uniform(0.5, 1.0)
        return self._checks.delay(delay(retry), retry) if callable(delay) else delay

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the function, between its validators; of an ``async def``, return a coroutine."""
        call = invoke_async if self.is_async else invoke
        return call(self.function, self.validate_input, self.validate_output, args, kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name!r}>"

    @property
    def is_importable(self) -> bool:
        """Whether an import finds this very task, so that its name is enough elsewhere."""
        found: Any = sys.modules.get(self.__module__) if self.__module__ != "__main__" else None
        for part in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, part, None)
        return found is self

    def __reduce_ex__(self, protocol: Any) -> str | tuple[Any, ...]:
        """Pickle by reference where the task can be imported, otherwise by value.

        A pool that it runs on stays behind: elsewhere it is called as a function.
        """
        if self.is_importable:
            return self.__qualname__
        reduced: Any = super().__reduce_ex__(protocol)
        make, arguments, state, *rest = reduced
        if not isinstance(self.executor, str):
            state = {**state, "executor": None}
        return make, arguments, state, *rest


@overload
def task(function: Callable[..., Any], /) -> Task: ...


@overload
def task(
    *,
    name: str | None = None,
    description: str | None = None,
    validate_input: Callable[..., Any] | None = None,
    validate_output: Callable[..., Any] | None = None,
    retries: int = 0,
    retry_on: RetryOn = Exception,
    retry_delay: RetryDelay = 0.0,
    timeout: float | None = None,
    executor: str | Executor | None = None,
    resources: Mapping[str, float] | None = None,
    cache: bool = True,
    version: str | None = None,
) -> Callable[[Callable[..., Any]], Task]: ...


def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = NONE,
    description: str | None = NONE,
    validate_input: Callable[..., Any] | None = NONE,
    validate_output: Callable[..., Any] | None = NONE,
    retries: int = NO_RETRIES,
    retry_on: RetryOn = ANY_ERROR,
    retry_delay: RetryDelay = AT_ONCE,
    timeout: float | None = NONE,
    executor: str | Executor | None = NONE,
    resources: Mapping[str, float] | None = NONE,
    cache: bool = CACHED,
    version: str | None = NONE,
) -> Task | Callable[[Callable[..., Any]], Task]:
    """Make a function a `Task`, with or without parentheses, and register it under its name.

    Parameters
    ----------
    name, description, validate_input, validate_output, retries, retry_on, retry_delay, timeout,
    executor, resources, cache, version
        See `Task`.

    Returns
    -------
    Task or callable
        The task, or a decorator when called with options.

    Examples
    --------
    >>> @task
    ... def load():
    ...     return [1, 2]
    >>> @task(name="sum of all", validate_output=lambda total: total >= 0)
    ... def total(load):
    ...     return sum(load)
    >>> total(load())
    3
    """

    def decorate(function: Callable[..., Any]) -> Task:
        made = Task(
            function,
            name=name,
            description=description,
            validate_input=validate_input,
            validate_output=validate_output,
            retries=retries,
            retry_on=retry_on,
            retry_delay=retry_delay,
            timeout=timeout,
            executor=executor,
            resources=resources,
            cache=cache,
            version=version,
        )
        _registry[str(getattr(function, "__name__", made.name))] = made
        return made

    if function is None:
        return decorate
    if isinstance(function, str):
        raise TypeError(f"write @task(name={function!r}) instead of @task({function!r})")
    return decorate(function)


def registered_tasks() -> Mapping[str, Task]:
    """Return the tasks that `task` has made, by the names of their functions.

    Examples
    --------
    >>> @task
    ... def save(): ...
    >>> registered_tasks()["save"] is save
    True
    """
    return MappingProxyType(_registry)


def is_task(value: object) -> TypeGuard[Task]:
    """Tell whether something is a task; ``isinstance`` believes what an object says of itself.

    Examples
    --------
    >>> is_task(Task(abs)), is_task(abs)
    (True, False)
    """
    return issubclass(type(value), Task)


def task_within(function: Callable[..., Any]) -> Task | None:
    """Return the task whose options a callable has: itself, or one that it is made of.

    Examples
    --------
    >>> halve = Task(lambda number: number / 2, retries=3)
    >>> task_within(functools.partial(halve, 4)) is halve, task_within(abs)
    (True, None)
    """
    return next((layer for layer in layers(function) if isinstance(layer, Task)), None)


def _name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function, or of the type of what has none."""
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else type(function).__name__
