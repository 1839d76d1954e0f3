"""Which names a run may be bound to, and what is said of a name that hides something."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from keyword import iskeyword
from types import FunctionType, ModuleType
from typing import Any

from ..formatting import elided
from ..model.task import Task

__all__ = ["check_name", "what_is_hidden"]

OF_IPYTHON = frozenset(["_", "__", "___", "_i", "_ii", "_iii", "In", "Out", "_ih", "_oh", "_dh",
                       "exit", "quit", "get_ipython"])  # fmt: skip
_OF_A_CELL = re.compile(r"_i?[0-9]+")
PACKAGE = __name__.partition(".")[0]


def check_name(name: str) -> tuple[str, str] | None:
    """Return what is wrong with a name that a run is to be bound to, and what to do; or None.

    Examples
    --------
    >>> check_name("result")
    >>> check_name("class")
    ("'class' is a word of Python's and no name that a run can be bound to", "write 'class_'")
    """
    if iskeyword(name) or name == "__debug__":
        other = name.lower().strip("_")
        told = f"'{name}' is a word of Python's and no name that a run can be bound to"
        return told, f"write '{other}_'"
    if not name.isidentifier():
        return f"'{elided(name, 100)}' is no name that a run can be bound to", ""
    if name in OF_IPYTHON or _OF_A_CELL.fullmatch(name):
        return f"'{name}' is a name of IPython's own", "take another one, such as 'result'"
    return None


def what_is_hidden(name: str, namespace: Mapping[str, Any]) -> str:
    """Return what to say of a function that goes out of sight when a run takes its name.

    Examples
    --------
    >>> what_is_hidden("result", {})
    ''
    >>> what_is_hidden("sum", {})
    "'sum' is the run now, and hides what Python calls so; 'del sum' brings it back"
    """
    if name not in namespace:
        if not hasattr(builtins, name):
            return ""
        return (
            f"'{name}' is the run now, and hides what Python calls so; 'del {name}' brings it back"
        )
    value = namespace[name]
    if type(value) is FunctionType and str(value.__module__).partition(".")[0] == PACKAGE:
        again = f"from {PACKAGE} import {name}"
        return f"'{name}' is the run now, and no function of {PACKAGE}'s; '{again}' brings it back"
    kinds = {Task: "task", FunctionType: "function", ModuleType: "module", type: "class"}
    kind = next((word for kind, word in kinds.items() if issubclass(type(value), kind)), "")
    return f"'{name}' is the run now, and no longer the {kind} of that name" if kind else ""
