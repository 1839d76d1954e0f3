"""What a backend may ask of the parts of a scheduler."""

from __future__ import annotations

from typing import Any, Protocol

from ...model.events import Entry, Items
from ...model.flow import Edge

__all__ = ["Cache", "Mapped", "Passing"]


class Mapped(Protocol):
    """The items of mapped tasks, as a backend sees them."""

    where: dict[int, Items]
    partial: dict[int, list[Any]]

    def gather(self, task: int) -> tuple[Any, Entry]:
        """Find the items of a mapped task that was claimed, or its failure; not under the lock."""

    def item(self, slot: int) -> Any:
        """Return the item that is in a slot, before the task has made something of it."""

    def is_one_by_one(self, edge: Edge) -> bool:
        """Tell whether what an edge brings comes with the items of another mapped task."""

    def previous_in_stream(self, slot: int) -> int | None:
        """Return the slot of the result that is an item, if a mapped task before it makes it."""

    def next_in_stream(self, slot: int) -> list[int]:
        """Return the slots of the items that the result of an item is, as far as they are known."""


class Passing(Protocol):
    """Who lets tasks pass, as a backend sees it."""

    def look_at(self, slot: int, backend: Any, worker: Any) -> tuple[Any, Entry] | None:
        """Look at what is `held`, not under the lock: return how it goes on.

        None says that it is to be performed, and SETTLED that somebody will claim it again.
        """

    def settles(self, slot: int) -> tuple[Any, Entry] | None:
        """Return how what is `held` ends that need not run; None if it is to run."""

    def admits(self, slot: int) -> bool:
        """Tell whether what a task asks for is free; if not, it is claimed again when it is."""

    @property
    def is_awaited(self) -> bool:
        """Whether a task waits for the time at which it is admitted."""

    def keep(self, slot: int, value: Any, entry: Entry) -> None:
        """Put the result of what was `held`, and has run, where another run finds it."""

    def is_cached(self, task: int, items: Items) -> bool:
        """Tell whether a mapped task, which ends, has all its results from the cache."""


class Cache(Protocol):
    """Where results of other runs are found; asked outside the lock."""

    def begin(self, scheduler: Any) -> None:
        """Get ready for a run."""

    def remember(self) -> None:
        """Write down that the run has ended, and what its tasks took."""

    def part(self) -> None:
        """Let go of the run, which has ended."""

    def find(self, slot: int) -> tuple[Any, Entry] | None:
        """Return the result of a call that was made before; None if it is to be made."""

    def keep(self, slot: int, value: Any, entry: Entry) -> None:
        """Put a result that was made where another run finds it."""

    def ended(self, task: int, first: int, count: int) -> bool:
        """Say of a mapped task what its items have saved; return whether none of them has run."""
