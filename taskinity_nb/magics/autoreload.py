"""Has ``%autoreload`` mend tasks as it mends functions: those that are there become what is new."""

from __future__ import annotations

from typing import Any

from ..model.task import Task

__all__ = ["teach_autoreload"]


def teach_autoreload(autoreload: Any) -> None:
    """Teach the module `IPython.extensions.autoreload` what to do about a task, once.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> autoreload = SimpleNamespace(UPDATE_RULES=[])
    >>> teach_autoreload(autoreload)
    >>> (is_ours, update), = autoreload.UPDATE_RULES
    >>> old, new = Task(lambda: 1), Task(lambda: 2, retries=3)
    >>> is_ours(old, new), update(old, new), old(), old.retries
    (True, None, 2, 3)
    """
    rules = getattr(autoreload, "UPDATE_RULES", None)
    if isinstance(rules, list) and _RULE not in rules:
        rules.append(_RULE)


def _are_tasks(old: object, new: object) -> bool:
    return isinstance(old, Task) and isinstance(new, Task)


def _update(old: Task, new: Task) -> None:
    """Give a task the function and the options of another; who runs it meanwhile has either."""
    if old is not new:
        vars(old).update(vars(new))
        for name in vars(old).keys() - vars(new).keys():
            delattr(old, name)


_RULE = (_are_tasks, _update)
