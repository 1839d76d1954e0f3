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
    if validate_input is not None and _is_false(validate_input(*args, **kwargs)):
        raise _rejected(function, "validate_input", "arguments were")
    result = function(*args, **kwargs)
    if validate_output is not None and _is_false(validate_output(result)):
        raise _rejected(function, "validate_output", "result was")
    return result


async def invoke_async(
    function: Callable[..., Any],
    validate_input: Callable[..., Any] | None,
    validate_output: Callable[..., Any] | None,
    args: Any,
    kwargs: dict[str, Any],
) -> Any:
    """Await what `function` returns, with validators before and after."""
    if validate_input is not None and _is_false(validate_input(*args, **kwargs)):
        raise _rejected(function, "validate_input", "arguments were")
    result = await function(*args, **kwargs)
    if validate_output is not None and _is_false(validate_output(result)):
        raise _rejected(function, "validate_output", "result was")
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


def _rejected(function: Callable[..., Any], option: str, what: str) -> ValueError:
    name = getattr(function, "__name__", type(function).__name__)
    return ValueError(f"{option} of '{name}' returned False: the {what} rejected")


def _is_false(verdict: Any) -> bool:
    """Tell ``False`` from None, 0 and an empty list; ``(df > 0).all()`` gives NumPy's own bool."""
    kind = type(verdict)
    is_numpy = kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_")
    return verdict is False or (is_numpy and not verdict)
