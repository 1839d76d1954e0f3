"""The folder of a store: where it is, whose it may be, and what lies in it."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from ...errors import CacheError
from ...formatting import size_in
from .reasons import in_words

__all__ = ["Place", "default_limit", "default_path"]

_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder holds results that taskinity_nb can make again.\n"
    "# What such a tag means: https://bford.info/cachedir/\n"
)

_FILES = {".gitignore": "*\n", "CACHEDIR.TAG": _TAG}
_FOLDERS = ("results", "tmp", "users")
_OURS = {
    *_FILES,
    *_FOLDERS,
    *(f"index.{end}" for end in ("db", "db-wal", "db-shm", "aside", "lock")),
}


_ELSEWHERE = "give another folder, as in cache='my_cache', or set TASKINITY_CACHE"


def default_path() -> Path:
    """Return where the cache lies if nobody says where: what TASKINITY_CACHE says, or beside.

    Examples
    --------
    >>> default_path().parts[-2:]
    ('.taskinity', 'cache')
    """
    return Path(os.environ.get("TASKINITY_CACHE") or Path(".taskinity", "cache")).expanduser()


def default_limit() -> int:
    """Return the bytes that a store may take: what TASKINITY_CACHE_LIMIT says, or 5 GB.

    Raises
    ------
    CacheError
        If it says something else than a size.

    Examples
    --------
    >>> default_limit() == 5 * 2**30 or "TASKINITY_CACHE_LIMIT" in os.environ
    True
    """
    text = os.environ.get("TASKINITY_CACHE_LIMIT", "").strip()
    if not text:
        return 5 * 2**30
    found = size_in(text)
    if found is None:
        raise CacheError(
            f"TASKINITY_CACHE_LIMIT is a size, not {text!r}",
            remedy="write it as 20 GB, or as 500 MB",
        )
    return int(found)


class Place:
    """The folder of a store, which is made if it is not there.

    Raises
    ------
    CacheError
        If it cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Place(Path(folder) / "cache")
    ...     sorted(os.listdir(place.path))
    ['.gitignore', 'CACHEDIR.TAG', 'results', 'tmp', 'users']
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.named = Path(path).expanduser()
        try:
            self.path = Path(os.path.realpath(self.named))
            self._make()
        except OSError as error:
            raise CacheError(
                f"the cache {self.named} cannot be used: {in_words(error)}", remedy=_ELSEWHERE
            ) from error
        self.results, self.tmp, self.users = (self.path / name for name in _FOLDERS)
        self.index = self.path / "index.db"

    def _make(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise CacheError(f"the cache {self.named} is a file, not a folder", remedy=_ELSEWHERE)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.path, 0o700)
        status = os.stat(self.path)
        if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
            raise CacheError(
                f"the cache {self.named} belongs to somebody else (user {status.st_uid}), "
                "whose results may do anything when they are read",
                remedy=_ELSEWHERE,
            )
        found = set(os.listdir(self.path))
        if found and not found & {"CACHEDIR.TAG", "index.db"} and not found <= _OURS:
            raise CacheError(
                f"the folder {self.named} holds something else, and a cache needs one of its own",
                remedy=_ELSEWHERE,
            )
        if stat.S_IMODE(status.st_mode) & 0o077:
            os.chmod(self.path, 0o700)
        self.complete()

    def complete(self) -> None:
        """Make what is missing in the folder."""
        os.makedirs(self.path, 0o700, exist_ok=True)
        for name, text in _FILES.items():
            if not (self.path / name).exists():
                (self.path / name).write_text(text, encoding="ascii")
        for name in _FOLDERS:
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.path / name, 0o700)
