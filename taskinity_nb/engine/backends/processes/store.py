"""What a run has in its worker processes, and in files: it goes with the run, or on its release."""

from __future__ import annotations

import pickle
import weakref
from typing import Any

from ...runtime.interrupts import defer_interrupts
from ...transport.shared_memory import SharedPickle, StoredResult, pack
from ...transport.shipment import Shipment, ship
from ...transport.workspace import WorkDir
from .pool import forget

__all__ = ["Store"]


class Store:
    """The shipments of a run, and its large arguments and results.

    It knows no backend, so that it goes as soon as nobody names the run.

    Attributes
    ----------
    folders : tuple of str
        Where large values go.
    functions : dict of int to Shipment
        What was shipped, by its number.
    """

    def __init__(self) -> None:
        self._workdir = WorkDir()
        self.folders = self._workdir.folders
        self.functions: dict[int, Shipment] = {}
        weakref.finalize(self, _let_go, self.functions).atexit = False

    def pack(self, value: Any) -> Any:
        """Return what stands for a large argument."""
        packed = pack(value, *self.folders)
        return packed if isinstance(packed, SharedPickle) else value

    def ship(self, value: Any, **options: Any) -> int:
        """Keep a function as it goes to the workers; return its number."""
        shipment = ship(value, **options)
        self.functions[shipment.number] = shipment
        return shipment.number

    def read(self, packed: Any) -> Any:
        """Return a result from what a worker packed: itself, or where it lies."""
        if isinstance(packed, bytes):
            return pickle.loads(packed)
        return StoredResult(SharedPickle(*packed), self._workdir)

    def let_go(self) -> None:
        """Let go of all that is needed for this run only, which has ended."""
        self._workdir = WorkDir()  # the old one goes when a later run has no use for it either
        _let_go(self.functions)


def _let_go(functions: dict[int, Shipment]) -> None:
    if not functions:  # it was done before
        return
    with defer_interrupts(in_finalizer=True):
        functions.clear()
        forget()
