"""A result that stays on a cluster until somebody asks for it."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ....model.refs import ResultRef
from ...remote.cluster_task import ArgumentSpec

if TYPE_CHECKING:
    from .client import ClusterClient

__all__ = ["ItemRef", "RemoteRef"]


class RemoteRef(ResultRef):
    """A result on a cluster; it is let go there when nobody has this any more.

    Parameters
    ----------
    home : ClusterClient
        The way to the cluster.
    future : object
        The cluster's own, of a `Product`.
    name : str
        Of which task, for errors.
    place : str
        The worker where it lies.
    nbytes : int
        How large it is.
    length : int, optional
        How many items it has, if it is a list.

    Attributes
    ----------
    fetched : list
        It, if somebody has asked for it.
    """

    def __init__(
        self,
        home: ClusterClient,
        future: Any,
        name: str = "",
        place: str = "",
        nbytes: int | None = None,
        length: int | None = None,
    ) -> None:
        self.home = home
        self.future = future
        self.name = name
        self.place = place
        self.nbytes = nbytes
        self.length = length
        self.fetched: list[Any] = []
        self._lock = threading.Lock()

    def fetch(self) -> Any:
        with self._lock:
            if not self.fetched:
                self.fetched.append(self._bring())
            return self.fetched[0]

    def _bring(self) -> Any:
        return self.home.fetch(self.future, self.name)[1]

    def spec(self, place_of: Callable[[Any], int]) -> ArgumentSpec:
        """Return how a task on the cluster gets it."""
        return "result", place_of(self.future)

    def __reduce__(self) -> tuple[Any, ...]:
        return operator.getitem, ((self.fetch(),), 0)  # it travels as what it is


class ItemRef(RemoteRef):
    """One item of a list on a cluster."""

    def __init__(self, source: RemoteRef, number: int) -> None:
        super().__init__(source.home, source.future, source.name, source.place)
        self.whole: RemoteRef = source
        self._number = number

    def _bring(self) -> Any:
        items = self.whole.fetched
        if items and type(items[0]) is list:
            return items[0][self._number]
        return self.home.fetch(self.home.pick(self.future, self._number), self.name)[1]

    def spec(self, place_of: Callable[[Any], int]) -> ArgumentSpec:
        return "item", place_of(self.future), self._number
