"""What stands for tasks that do not run, and which inputs may be meant for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ...strangers import is_interrupt
from ..flow import Flow
from ..lookup import functions_of
from ..plan import Binding
from ..signature import Signature
from ..task import Task
from .extent import WHOLE, Extent

__all__ = ["NOBODY", "Absent"]


def _nobody() -> None:
    """Stand for the function of a task that does not run."""


NOBODY = Binding(Task(_nobody), Signature(_nobody))
"""How a task is bound that does not run."""


class Absent:
    """The tasks of a flow that do not run in an extent; of their functions, some may not be there.

    Examples
    --------
    >>> from taskinity_nb.model.extents.extent import extent_of
    >>> flow = Flow("Example", [("load", "fit"), ("load", "plot")])
    >>> functions = {"load": list, "plot": lambda load, title: 0, "fit": max}
    >>> absent = Absent(flow, functions, extent_of(flow, "load"))
    >>> absent.may_take("title"), absent.may_take("plot.title"), absent.may_take("load.path")
    (True, True, False)
    """

    def __init__(
        self, flow: Flow, namespace: Mapping[str, Any] | ModuleType | None, extent: Extent
    ) -> None:
        self._flow, self._namespace = flow, namespace
        is_whole = extent is WHOLE
        self._names = [] if is_whole else [t for t in flow.tasks if not extent.runs(t)]
        self._parameters: dict[str, set[str] | None] | None = None

    def may_take(self, key: str) -> bool:
        """Tell whether one of them may take an input of this name."""
        if not self._names:
            return False
        if self._parameters is None:
            functions = functions_of(self._flow, self._namespace, self._names)
            self._parameters = {name: _parameters(found) for name, found in functions.items()}
        addressed, _, parameter = key.rpartition(".")
        return any(
            addressed in ("", name) and (known is None or parameter in known)
            for name, known in self._parameters.items()
        )

    def may_take_whole(self) -> bool:
        """Tell whether one of them may take inputs that are no mapping."""
        return any(not self._flow.upstream[name] for name in self._names)


def _parameters(function: Any) -> set[str] | None:
    """Return the names of the parameters of a function; None if it may take any."""
    if function is None:
        return None
    try:
        signature = Signature(function)
    except BaseException as error:  # what it says of itself may be code of the user's
        if is_interrupt(error):
            raise
        return None
    return None if signature.double_star else set(signature.names)
