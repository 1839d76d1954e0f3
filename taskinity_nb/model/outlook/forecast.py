"""What a run would do, task by task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, overload

from ...display import Shown
from ...formatting import counted, short_time
from ..run import Run

__all__ = ["Forecast", "Kind", "Outlook"]


Kind = Literal["cached", "runs", "may run", "ends"]


class Outlook(NamedTuple):
    """What a task, or an item of a mapped one, would do.

    Attributes
    ----------
    task : str
        Its name.
    kind : {"cached", "runs", "may run", "ends"}
        Whether it runs; "ends" is for what does not, and is not in the cache: it is left out, say.
    words : str
        That, and why.
    seconds : float
        What the cache saves.
    items : mapping of str to int, or None
        Of a mapped task whose items are known: how many of them are of each kind.
    """

    task: str
    kind: Kind
    words: str
    seconds: float = 0.0
    items: Mapping[str, int] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Forecast(Shown, Sequence[Outlook]):
    """What a run with a cache would do. Shows itself as a table, in a notebook below the graph.

    Attributes
    ----------
    run : Run
        A run in which nothing has run: what is in the cache is cached, and the rest pending.
    rows : tuple of Outlook
        The tasks, in the order of the text.
    """

    run: Run
    rows: tuple[Outlook, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, task: str | int) -> Outlook: ...
    @overload
    def __getitem__(self, task: slice) -> tuple[Outlook, ...]: ...
    def __getitem__(self, task: Any) -> Any:
        """Return what a task would do, by its name or its place."""
        return self.rows[self.run.slot_of(task) if isinstance(task, str) else task]

    @property
    def summary(self) -> str:
        """How many tasks are cached, are to run, and may run, in words."""
        kinds = Counter[str](row.kind for row in self.rows)
        words = {"cached": "cached", "runs": "to run", "may run": "that may run"}
        told = [f"{kinds[kind]} {how}" for kind, how in words.items() if kinds[kind]]
        if saved := sum(row.seconds for row in self.rows):
            told.append(f"{short_time(saved)} saved")
        return f"{counted(len(self.rows), 'task')}: {', '.join(told) or 'none to run'}"
