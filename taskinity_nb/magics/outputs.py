"""Lets go of what a cell returned before, once it returns something else.

IPython keeps the value of each cell for good: in ``Out``, as ``_3``, and for a while as ``_``. A
cell that is run again and again would fill the memory with runs that nobody asks for any more.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any
from weakref import ref

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..model.flow import Flow

__all__ = ["Outputs", "cell_of"]

UNDERSCORES = ("_", "__", "___")


class Outputs:
    """What the cells of a shell returned the last time; it keeps nothing alive.

    Examples
    --------
    >>> from types import SimpleNamespace as Shell
    >>> first, second = {1}, {2}
    >>> shell = Shell(user_ns={"Out": {7: first}, "_7": first, "best": first})
    >>> outputs = Outputs(shell)
    >>> outputs.replace("the cell", first), outputs.replace("the cell", second), shell.user_ns
    (None, None, {'Out': {}, 'best': {1}})
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._last: dict[Hashable, ref[Any]] = {}

    def replace(self, cell: Hashable, value: Any) -> None:
        """Take `value` for what a cell returns, and let go of what it returned before.

        Names that the user gave to it stay as they are.
        """
        last = self._last.get(cell)
        earlier = last() if last is not None else None
        self._last[cell] = ref(value)
        if earlier is not None and earlier is not value:
            self._let_go(earlier)

    def _let_go(self, value: Any) -> None:
        hook = getattr(self._shell, "displayhook", None)
        mine = [name for name in UNDERSCORES if hook and vars(hook).get(name) is value]
        for name in mine:
            setattr(hook, name, "")
        outputs = self._shell.user_ns.get("Out")
        kept = list(outputs.items()) if type(outputs) is dict else []
        numbers = [number for number, output in kept if output is value]
        for number in numbers:
            del outputs[number]
        # Among what it hides, IPython notes once more what it has given names to by itself.
        for names in (self._shell.user_ns, getattr(self._shell, "user_ns_hidden", {})):
            for name in [f"_{number}" for number in numbers]:
                if names.get(name) is value:
                    del names[name]
            for name in mine:
                if names.get(name) is value:
                    names[name] = ""  # if it went, IPython would take the next one for the user's


def cell_of(shell: InteractiveShell, flow: Flow, output: str | None) -> Hashable:
    """Return what tells a cell that is run again from another cell.

    A frontend may give its cells a name. Otherwise a flow that is bound to the same name is the
    same, and one that is bound to none if it has the same tasks.
    """
    message = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = message.get("metadata", {}).get("cellId") or (None if output else tuple(flow.tasks))
    return flow.name, output, cell
