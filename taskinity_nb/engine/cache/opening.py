"""Which store is meant; it is open as long as somebody uses it."""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path
from typing import Any

from ...errors import CacheError, CacheWarning, FlowError
from ..store.place import default_limit
from ..store.store import Store, default_path

__all__ = ["let_go", "opened", "path_of", "store_for"]

_open: dict[Path, tuple[Store, int]] = {}
"""The stores that are open, and how many use each."""

_lock = threading.RLock()  # reentrant: the garbage collector may let go of one


def path_of(cache: Any) -> Path | None:
    """Return the folder that an option means, None if there is to be no cache.

    Raises
    ------
    FlowError
        If it is neither a truth value nor a path.

    Examples
    --------
    >>> path_of("~/results") == Path.home() / "results", path_of(False)
    (True, None)
    """
    if cache is None or cache is False:
        return None
    if cache is True:
        return default_path().absolute()
    if isinstance(cache, str | os.PathLike) and os.fspath(cache):
        try:
            return Path(cache).expanduser().absolute()
        except RuntimeError as error:  # there is no such user
            raise FlowError(f"cache={os.fspath(cache)!r}: {error}") from None
    raise FlowError(
        f"cache is True, False or the path of a folder, not {cache!r}",
        remedy="cache=True is for the folder .taskinity/cache",
    )


def store_for(cache: Any, without: str = "this run goes on without a cache") -> Store | None:
    """Open the store that an option means; `let_go` closes it.

    None says that there is none, or that it cannot be used. Then a warning says why, and what is
    done `without` it: nobody needs it.
    """
    path = path_of(cache)
    if path is None:
        return None
    try:
        return opened(path)
    except (CacheError, ValueError) as error:  # of a path that is none
        warnings.warn(f"{without}: {error}", CacheWarning, stacklevel=6)
        return None


def opened(path: Path) -> Store:
    """Return the store in a folder, which is opened if nobody here uses it; `let_go` closes it."""
    with _lock:
        store, users = _open.get(path) or (Store(path, limit=default_limit()), 0)
        if users:
            store.refresh()
        _open[path] = store, users + 1
        return store


def let_go(store: Store) -> None:
    """Say that one user less needs a store; with the last, it is trimmed and closed."""
    with _lock:
        path, users = next((path, n) for path, (each, n) in _open.items() if each is store)
        if users > 1:
            _open[path] = store, users - 1
            return
        del _open[path]
    store.trim()
    store.close()
