"""Calling a user's function between its validators.

This module imports nothing, so that it can travel to a place where the package is not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["invoke"]


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
        name = getattr(function, "__name__", type(function).__name__)
        raise ValueError(f"validate_input of '{name}' returned False: the arguments were rejected")
    result = function(*args, **kwargs)
    if validate_output is not None and _is_false(validate_output(result)):
        name = getattr(function, "__name__", type(function).__name__)
        raise ValueError(f"validate_output of '{name}' returned False: the result was rejected")
    return result


def _is_false(verdict: Any) -> bool:
    """Tell ``False`` from None, 0 and an empty list; ``(df > 0).all()`` gives NumPy's own bool."""
    kind = type(verdict)
    is_numpy = kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_")
    return verdict is False or (is_numpy and not verdict)
