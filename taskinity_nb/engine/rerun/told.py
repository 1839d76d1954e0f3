"""What is told of a constant that is not what it was when an earlier run began."""

from __future__ import annotations

from ...model.flow import Flow
from ...model.forms.call import Call
from ...model.forms.literals import InputName

__all__ = ["constant_changed"]


def constant_changed(flow: Flow, earlier: Flow, now: Call, then: Call) -> str:
    """Say which constant of a task has changed, been added or been removed, or return nothing.

    A constant that is the name of an input is compared by the value of the input.

    Examples
    --------
    >>> from taskinity_nb import run
    >>> functions = {"fit": lambda depth: depth}
    >>> first = run("fit(depth=3)", namespace=functions)
    >>> run("fit(depth=4)", namespace=functions, resume=first).tasks["fit"].why
    "runs again: its constant 'depth' was 3 and is 4"
    """
    new, old = flow.constants.get(now.name, {}), earlier.constants.get(then.name, {})
    for name in dict.fromkeys((*new, *old)):
        one, other = new.get(name), old.get(name)
        if one == other:
            continue
        if other is None:
            return f"its constant '{name}' is new, {_shown(one)}"
        if one is None:
            return f"its constant '{name}', which was {_shown(other)}, is gone"
        return f"its constant '{name}' was {_shown(other)} and is {_shown(one)}"
    return ""


def _shown(value: object) -> str:
    text = value.name if isinstance(value, InputName) else str(value)
    text = f"the input '{text}'" if isinstance(value, InputName) else text
    return text if len(text) <= 40 else f"{text[:39]}…"
