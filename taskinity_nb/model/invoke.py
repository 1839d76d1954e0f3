"""Calling a user's function between its validators.

This module uses the standard library alone, so that it can travel to a place where the package is
not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..values import collected, is_plain_iterator, kind_of

__all__ = ["invoke", "invoke_async", "produce", "produce_by_task"]


def invoke(
    function: Callable[..., Any],
    validate_input: Callable[..., Any] | None,
    validate_output: Callable[..., Any] | None,
    args: Any,
    kwargs: dict[str, Any],
) -> Any:
    """Call `function` with validators before and after.

    A validator rejects by raising, or by returning ``False``, which becomes a `ValueError`; so does
    an array, a Series or a frame of truth values that are not all true.

    Examples
    --------
    >>> invoke(abs, None, lambda result: result > 0, (-3,), {})
    3
    >>> invoke(abs, lambda x: x < 0, None, (3,), {})
    Traceback (most recent call last):
        ...
    ValueError: validate_input of 'abs' returned False: the arguments were rejected
    """
    if validate_input is not None:
        _judge(function, "validate_input", validate_input(*args, **kwargs))
    result = function(*args, **kwargs)
    if validate_output is not None:
        result = collected(result)  # or the validator would be the only one to see it
        _judge(function, "validate_output", validate_output(result))
    return result


async def invoke_async(
    function: Callable[..., Any],
    validate_input: Callable[..., Any] | None,
    validate_output: Callable[..., Any] | None,
    args: Any,
    kwargs: dict[str, Any],
) -> Any:
    """Await what `function` returns, with validators before and after."""
    if validate_input is not None:
        _judge(function, "validate_input", validate_input(*args, **kwargs))
    result = await function(*args, **kwargs)
    if validate_output is not None:
        result = collected(result)  # or the validator would be the only one to see it
        _judge(function, "validate_output", validate_output(result))
    return result


def produce(
    finish: Callable[[Any], Any],
    function: Callable[..., Any],
    validate_input: Callable[..., Any] | None,
    validate_output: Callable[..., Any] | None,
    args: Any,
    kwargs: dict[str, Any],
) -> Any:
    """Do what `invoke` does, and return what is handed on, which `finish` makes of the result.

    Examples
    --------
    >>> produce(collected, map, None, None, (abs, [-1, 2]), {})
    [1, 2]
    """
    return finish(invoke(function, validate_input, validate_output, args, kwargs))


def produce_by_task(
    finish: Callable[[Any], Any], task: Callable[..., Any], args: Any, kwargs: dict[str, Any]
) -> Any:
    """Call a `Task`, and return what is handed on."""
    return finish(task(*args, **kwargs))


def _judge(function: Callable[..., Any], option: str, verdict: Any) -> None:
    """Raise if a validator has rejected, or has not looked."""
    if verdict is None or verdict is True:
        return
    kind = type(verdict)
    is_put_off = is_plain_iterator(kind) or any(
        vars(base).keys() & AWAITED for base in kind.__mro__
    )
    if is_put_off or _is_false(verdict):
        name = getattr(function, "__name__", type(function).__name__)
        if is_put_off:
            close = getattr(verdict, "close", None)
            if callable(close):
                close()  # or Python would warn that nobody has awaited it
            raise TypeError(
                f"{option} of '{name}' returned {kind_of(verdict)}, so it has checked nothing: "
                "write it as a plain function that raises, or returns True or False"
            )
        what = {"validate_input": "arguments were", "validate_output": "result was"}[option]
        raise ValueError(f"{option} of '{name}' returned False: the {what} rejected")


AWAITED = frozenset({"__await__", "__anext__"})
"""What has one of these does its work when somebody awaits it."""

TRUTH_VALUES = frozenset({"bool", "boolean", "Boolean", "torch.bool", "bool[pyarrow]"})
"""How the libraries call the type of what is true or false."""


def _is_false(verdict: Any) -> bool:
    """Tell ``False`` from None, 0 and an empty list; of many truth values, all must be true."""
    for _ in range(3):  # a frame has them in columns
        if verdict is False or verdict is True or not _has_truth_values(verdict):
            break
        if not getattr(verdict, "shape", None):
            return not verdict
        verdict = verdict.all()
    return verdict is False


def _has_truth_values(verdict: Any) -> bool:
    """Tell whether a verdict is true or false in the way of NumPy, pandas and their like."""
    known: set[str] = set().union(*(vars(base) for base in type(verdict).__mro__))
    if "dtype" in known:
        return str(verdict.dtype) in TRUTH_VALUES
    if "dtypes" in known and callable(getattr(verdict, "all", None)):
        return all(str(kind) in TRUTH_VALUES for kind in verdict.dtypes)
    return False
