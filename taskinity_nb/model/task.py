"""A task is a function and its options."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, overload

from .call import invoke

__all__ = ["Task", "registered_tasks", "task"]

_registry: dict[str, Task] = {}


class Task:
    """A function and its options; calling it calls the function.

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
        returning ``False``.
    validate_output : callable, optional
        Called with the task's result; it rejects likewise.

    Examples
    --------
    >>> double = Task(lambda x: 2 * x, name="twice as much")
    >>> double(4)
    8
    """

    __qualname__: str

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        validate_input: Callable[..., Any] | None = None,
        validate_output: Callable[..., Any] | None = None,
    ) -> None:
        if not callable(function):
            raise TypeError(f"a task needs a function, not {type(function).__name__}")
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.name = name or getattr(function, "__name__", type(function).__name__)
        doc = getattr(function, "__doc__", None) if hasattr(function, "__name__") else None
        first_line = (doc or "").strip().partition("\n")[0]
        self.description = first_line if description is None else description
        self.validate_input = validate_input
        self.validate_output = validate_output

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, between its validators."""
        return invoke(self.function, self.validate_input, self.validate_output, args, kwargs)

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
        """Pickle by reference where the task can be imported, otherwise by value."""
        return self.__qualname__ if self.is_importable else super().__reduce_ex__(protocol)


@overload
def task(function: Callable[..., Any], /) -> Task: ...


@overload
def task(
    *,
    name: str | None = None,
    description: str | None = None,
    validate_input: Callable[..., Any] | None = None,
    validate_output: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Task]: ...


def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    validate_input: Callable[..., Any] | None = None,
    validate_output: Callable[..., Any] | None = None,
) -> Task | Callable[[Callable[..., Any]], Task]:
    """Make a function a `Task`, with or without parentheses, and register it under its name.

    Parameters
    ----------
    name, description, validate_input, validate_output
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
