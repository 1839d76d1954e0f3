"""Calling a user's function between its validators.

This module imports nothing, so that it can travel to a place where the package is not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["invoke", "invoke_async", "listing"]


def invoke(
    function: Callable[..., Any],
    validate_input: Callable[..., Any] | None,
    validate_output: Callable[..., Any] | None,
    args: Any,
    kwargs: dict[str, Any],
) -> Any:
    """Call `function` with validators before and after.

    A validator rejects by raising, or by returning ``False`` (NumPy's too), which becomes a
    `ValueError`.

    Examples
    --------
    >>> invoke(abs, None, lambda result: result > 0, (-3,), {})
    3
    >>> invoke(abs, lambda x: x < 0, None, (3,), {})
    Traceback (most recent call last):
        ...
    ValueError: validate_input of 'abs' returned False: the arguments were rejected
    """
    _check_input(function, validate_input, args, kwargs)
    result = function(*args, **kwargs)
    _check_output(function, validate_output, result)
    return result


async def invoke_async(
    function: Callable[..., Any],
    validate_input: Callable[..., Any] | None,
    validate_output: Callable[..., Any] | None,
    args: Any,
    kwargs: dict[str, Any],
) -> Any:
    """Await what `function` returns, with validators before and after."""
    _check_input(function, validate_input, args, kwargs)
    result = await function(*args, **kwargs)
    _check_output(function, validate_output, result)
    return result


def listing(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a callable that makes a list of an iterator that `call` returns.

    The result of a task that another one is mapped over is read more than once; and what a
    generator does is part of the task that made it.

    Examples
    --------
    >>> listing(map)(abs, [1, -2])
    [1, 2]
    """

    def listed(*args: Any, **kwargs: Any) -> Any:
        result = call(*args, **kwargs)
        return list(result) if hasattr(result, "__next__") else result

    return listed


def _check_input(
    function: Callable[..., Any], validate: Callable[..., Any] | None, args: Any, kwargs: Any
) -> None:
    if validate is not None and _is_false(validate(*args, **kwargs)):
        name = getattr(function, "__name__", type(function).__name__)
        raise ValueError(f"validate_input of '{name}' returned False: the arguments were rejected")


def _check_output(
    function: Callable[..., Any], validate: Callable[..., Any] | None, result: Any
) -> None:
    if validate is not None and _is_false(validate(result)):
        name = getattr(function, "__name__", type(function).__name__)
        raise ValueError(f"validate_output of '{name}' returned False: the result was rejected")


def _is_false(verdict: Any) -> bool:
    """Tell ``False`` from None, 0 and an empty list; ``(df > 0).all()`` gives NumPy's own bool."""
    kind = type(verdict)
    is_numpy = kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_")
    return verdict is False or (is_numpy and not verdict)
