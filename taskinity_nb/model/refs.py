"""What stands in the slot of a task whose result is not here: not yet, not any more, elsewhere."""

from __future__ import annotations

from typing import Any, TypeGuard

__all__ = ["MISSING", "RELEASED", "Missing", "ResultRef", "is_missing", "is_ref"]


class Missing:
    """What stands in the slot of a task that has no result: not yet, or not any more."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name

    def __reduce__(self) -> str:
        return self._name  # there is one of each


MISSING = Missing("MISSING")
RELEASED = Missing("RELEASED")
"""The result was let go, because nothing needs it any more (``keep="last"``)."""


class ResultRef:
    """What stands in the slot of a result that is not in this process until somebody asks.

    Attributes
    ----------
    place : str
        The worker where it lies, if it lies on a cluster.
    nbytes : int or None
        How large it is there.
    whole : ResultRef or None
        The list of which it is an item, if it is one.
    """

    place = ""
    nbytes: int | None = None
    whole: ResultRef | None = None

    def fetch(self) -> Any:
        """Return the result; the same object each time."""
        raise NotImplementedError


def is_missing(value: Any) -> TypeGuard[Missing]:
    """Tell whether something stands for no result, whatever a result says of its own class.

    Examples
    --------
    >>> is_missing(MISSING), is_missing(None)
    (True, False)
    """
    return issubclass(type(value), Missing)


def is_ref(value: Any) -> TypeGuard[ResultRef]:
    """Tell whether something stands for a result that is not in this process.

    Examples
    --------
    >>> is_ref(ResultRef()), is_ref(None)
    (True, False)
    """
    return issubclass(type(value), ResultRef)
