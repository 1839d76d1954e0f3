"""Why a result cannot be kept, or cannot be had again: a text that a table of tasks can show."""

from __future__ import annotations

import errno
import sqlite3

from ...strangers import described

__all__ = ["CannotKeep", "CannotRead", "in_words", "is_busy", "is_damage"]

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}

_DAMAGE = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}


class CannotKeep(Exception):
    """A result is not put into the cache; the text says why.

    Examples
    --------
    >>> CannotKeep("its result cannot be pickled (a generator)").reason
    'its result cannot be pickled (a generator)'
    """

    @property
    def reason(self) -> str:
        """Why."""
        return str(self)


class CannotRead(Exception):
    """A result is not had from the cache; the text says why.

    Examples
    --------
    >>> CannotRead("its result is no longer in the cache").reason
    'its result is no longer in the cache'
    """

    @property
    def reason(self) -> str:
        """Why."""
        return str(self)


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether SQLite says that the index is not what it has written.

    Examples
    --------
    >>> is_damage(sqlite3.OperationalError("database is locked"))
    False
    """
    name = str(getattr(error, "sqlite_errorname", ""))
    if any(name.startswith(each) for each in _DAMAGE):
        return True
    if type(error) is not sqlite3.OperationalError:  # such as that of another version
        return type(error) is not sqlite3.ProgrammingError
    # Our statements are right for our tables, so those are no longer there, or no text is one.
    return name == "SQLITE_ERROR" or "decode" in str(error)


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another kernel holds the index.

    Examples
    --------
    >>> is_busy(sqlite3.OperationalError("disk I/O error"))
    False
    """
    name = str(getattr(error, "sqlite_errorname", ""))
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def in_words(error: OSError | sqlite3.Error) -> str:
    """Return what has gone wrong with the disk.

    Examples
    --------
    >>> in_words(OSError(errno.ENOSPC, "No space left on device"))
    'the disk is full'
    """
    if isinstance(error, OSError):
        if error.errno in _FULL:
            return "the disk is full"
        return error.strerror or described(error)
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith("SQLITE_FULL"):
        return "the disk is full"
    if is_busy(error):
        return "other kernels have held its index for too long"
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return "it cannot be written to"
    return str(error)
