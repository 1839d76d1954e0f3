"""What lies in a cache, for people: what each task keeps there, and how to remove it.

The database is imported when somebody asks, as not every notebook has a cache.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from ...display import Shown
from ...errors import FlowError, suggestion
from ...formatting import counted, one_line, size_text
from ...strangers import type_name

if TYPE_CHECKING:
    from ..store.store import Store, TaskInfo

__all__ = ["CacheInfo", "Removed", "cache_info", "clear_cache"]


@dataclass(frozen=True, eq=False, repr=False)
class CacheInfo(Shown, Sequence["TaskInfo"]):
    """What a cache keeps, a row for each task, the largest first. Shows itself as a table.

    Attributes
    ----------
    path : Path
        The folder.
    rows : tuple
        Of each task ``flow``, ``task``, ``entries``, ``bytes``, ``seconds`` (that it has saved) and
        ``used`` (when last, in seconds since 1970). What tasks share counts for each of them.
    bytes : int
        What the folder takes on disk.
    limit : int
        What it may take: 5 GB, or what the environment variable ``TASKINITY_CACHE_LIMIT`` says.
    """

    path: Path
    rows: tuple[TaskInfo, ...] = ()
    bytes: int = 0
    limit: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> TaskInfo: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[TaskInfo, ...]: ...
    def __getitem__(self, place: int | slice) -> TaskInfo | tuple[TaskInfo, ...]:
        return self.rows[place]

    @property
    def entries(self) -> int:
        """How many results of tasks and items are kept."""
        return sum(row.entries for row in self.rows)

    @property
    def seconds(self) -> float:
        """The seconds that runs have saved, all together."""
        return sum(row.seconds for row in self.rows)


class Removed(NamedTuple):
    """What `clear_cache` has removed. Shows itself in words."""

    entries: int
    bytes: int
    words: str

    def __repr__(self) -> str:
        return self.words


def cache_info(path: str | os.PathLike[str] | None = None) -> CacheInfo:
    """Tell what a cache keeps: results, bytes and saved seconds of each task.

    Parameters
    ----------
    path : path, optional
        The folder, as in ``run(..., cache=path)``; by default the one of ``cache=True``, which is
        ``.taskinity/cache``, or what the environment variable ``TASKINITY_CACHE`` says.

    Returns
    -------
    CacheInfo
        Shows itself as a table; a sequence of rows.

    Raises
    ------
    CacheError
        If the folder is no cache, or cannot be read. One that is not there is an empty cache.

    Examples
    --------
    >>> import tempfile
    >>> from taskinity_nb import run
    >>> folder = tempfile.TemporaryDirectory()
    >>> for _ in range(2):
    ...     again = run("load", namespace={"load": lambda: [1, 2]}, cache=folder.name)
    >>> info = cache_info(folder.name)
    >>> [(row.task, row.entries) for row in info], info.bytes < info.limit
    ([('load', 1)], True)
    >>> folder.cleanup()
    >>> len(cache_info(folder.name))
    0
    """
    from ..store.place import default_limit

    folder = _folder(path)
    with _opened(folder) as store:
        if store is None:
            return CacheInfo(folder, limit=default_limit())
        rows = sorted(store.info(), key=lambda row: -row.bytes)
        return CacheInfo(folder, tuple(rows), _bytes_in(store.path), store.limit)


def clear_cache(task: str | None = None, path: str | os.PathLike[str] | None = None) -> Removed:
    """Remove what a cache keeps of a task, or all of it.

    Parameters
    ----------
    task : str, optional
        The name of a task, in whatever flow; by default all go.
    path : path, optional
        The folder, as in `cache_info`.

    Returns
    -------
    Removed
        How many entries these were, and their bytes; shows itself in words.

    Raises
    ------
    CacheError
        If the folder is no cache, or cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> from taskinity_nb import run
    >>> folder = tempfile.TemporaryDirectory()
    >>> kept = run("load", namespace={"load": lambda: [1, 2]}, cache=folder.name)
    >>> clear_cache("lod", folder.name)
    nothing is kept of a task 'lod': did you mean 'load'?
    >>> clear_cache(path=folder.name).entries, clear_cache(path=folder.name)
    (1, nothing is kept)
    >>> folder.cleanup()
    """
    if task is not None and not isinstance(task, str):
        raise FlowError(
            f"task is the name of a task, not {type_name(task)}",
            remedy="write clear_cache('fit')",
        )
    with _opened(_folder(path)) as store:
        known = [] if store is None else [row.task for row in store.info()]
        if store is None or not known or (task is not None and task not in known):
            return Removed(0, 0, _nothing(task, known))
        entries, freed = store.clear(task)
    whose = "" if task is None else f" of '{one_line(task)}'"
    were = "was" if entries == 1 else "were"
    words = f"{counted(entries, 'result')}{whose} {were} removed: {size_text(freed)}"
    return Removed(entries, freed, words)


def _nothing(task: str | None, known: Sequence[str]) -> str:
    if task is None:
        return "nothing is kept"
    hint = suggestion(task, known)
    return f"nothing is kept of a task '{one_line(task)}'{hint and ': ' + hint}"


def _folder(path: Any) -> Path:
    from .opening import path_of

    if isinstance(path, bool) or (folder := path_of(True if path is None else path)) is None:
        raise FlowError(f"path is the path of a folder, not {path!r}")
    return folder


@contextmanager
def _opened(folder: Path) -> Iterator[Store | None]:
    """Open the store in a folder, if there is one."""
    from .opening import let_go, opened

    try:
        is_there = bool(os.listdir(folder))
    except FileNotFoundError:
        is_there = False
    except OSError:
        is_there = True  # what is wrong is said when it is opened
    if not is_there:
        yield None
        return
    store = opened(folder)
    try:
        yield store
    finally:
        let_go(store)


def _bytes_in(folder: Path) -> int:
    """Return the bytes of all files of a folder, of which some may go meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue
    return total
