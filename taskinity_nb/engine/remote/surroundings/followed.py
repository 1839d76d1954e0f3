"""A call in a process of somebody else's pool, after what was changed at home was changed there."""

from __future__ import annotations

import os
import pickle
from typing import Any

from ..call import forget_functions, run_call_quietly
from ..context import in_context, set_context
from .common import Common
from .interpreter import put_environment

__all__ = ["run_following"]

_here: list[tuple[bytes, Common]] = []
"""What was put in force last, and by whom."""


def run_following(
    message: bytes,
    function: bytes,
    arguments: bytes,
    epoch: str = "",
    number: int = 0,
    mark: str = "",
) -> tuple[Any, ...]:
    """Run a call as `run_call_quietly` does; what `message` says is put in force once.

    Examples
    --------
    >>> from taskinity_nb.model.invoke import invoke
    >>> function = pickle.dumps((invoke, (abs, None, None)))
    >>> message = pickle.dumps({"variables": {}})
    >>> run_following(message, function, pickle.dumps(([-3], {})))[0]
    'value'
    """
    if not _here or _here[0][0] != message:
        common = _here[0][1] if _here else Common()
        _follow(common, message)
        _here[:] = [(message, common)]
    result: tuple[Any, ...] = in_context(run_call_quietly, function, arguments, epoch, number, mark)
    return result


def _follow(common: Common, message: bytes) -> None:
    told = pickle.loads(message)
    variables = dict(os.environ)
    for name, value in told.pop("variables").items():
        if value is None:
            variables.pop(name, None)
        else:
            variables[name] = value
    put_environment(variables)
    common.put(told, again=True)
    set_context(common.context)
    forget_functions()
