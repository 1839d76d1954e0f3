"""Which store is meant, and one of each: opened when it is first asked for."""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path
from typing import Any

from ...errors import CacheError, CacheWarning, FlowError
from .store import Store, default_path

__all__ = ["path_of", "store_for"]

_open: dict[Path, Store] = {}
_lock = threading.Lock()


def path_of(cache: Any) -> Path | None:
    """Return the folder that an option means, None if there is to be no cache.

    Raises
    ------
    FlowError
        If it is neither a truth value nor a path.
    """
    if cache is None or cache is False:
        return None
    if cache is True:
        return default_path()
    if isinstance(cache, str | os.PathLike) and os.fspath(cache):
        return Path(cache).expanduser().absolute()
    raise FlowError(
        f"cache is True, False or the path of a folder, not {cache!r}",
        remedy="cache=True is for the folder .taskinity/cache",
    )


def store_for(cache: Any) -> Store | None:
    """Return the store that an option means, None if there is none, or it cannot be used.

    Then a warning says why: a run does not need it.
    """
    path = path_of(cache)
    if path is None:
        return None
    with _lock:
        known = _open.get(path)
        if known is not None:
            return known
        try:
            opened = _open[path] = Store(path)
        except CacheError as error:
            warnings.warn(f"this run goes on without a cache: {error}", CacheWarning, stacklevel=6)
            return None
        return opened

