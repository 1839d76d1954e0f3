"""A call in a process of somebody else, after what was changed at home was changed there too."""

from __future__ import annotations

import logging
import os
import pickle
import sys
from typing import Any

from ..call import forget_functions, run_call_quietly
from ..cluster_task import on_ray
from ..pickling.identity import stand_in
from ..process.context import in_context, set_context
from .common import Common
from .interpreter import put_environment

__all__ = ["on_ray_following", "run_following"]

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
        _follow(message, message)
    result: tuple[Any, ...] = in_context(run_call_quietly, function, arguments, epoch, number, mark)
    return result


def on_ray_following(board: str, told: tuple[bytes, list[Any]], *spec: Any) -> tuple[Any, ...]:
    """Do a task on a Ray worker, as `on_ray` does, in the surroundings of the caller.

    `told` are the digest of the message that says what they are, and where on Ray it lies.
    """
    digest, messages = told
    if messages and (not _here or _here[0][0] != digest):
        import ray

        _follow(digest, ray.get(messages[0]))
    result: tuple[Any, ...] = on_ray(board, *spec)
    return result


def _follow(name: bytes, message: bytes) -> None:
    """Put in force what a message says, which is called so."""
    stand_in()
    common = _here[0][1] if _here else Common()
    told: dict[str, Any] = pickle.loads(message)
    variables: dict[str, Any] = dict(os.environ)
    for key, value in told.pop("variables").items():
        if value is None:
            variables.pop(key, None)
        else:
            variables[key] = value
    put_environment(variables)
    first, last = told.pop("places", ((), ()))
    sys.path[:0] = [place for place in first if place not in sys.path]
    sys.path += [place for place in last if place not in sys.path]
    for key, level in told.pop("levels", {}).items():
        logging.getLogger(key or None).setLevel(level)
    common.put(told, again=True)
    set_context(common.context)
    forget_functions()
    _here[:] = [(name, common)]
