"""A folder that is held open, so that whoever swaps it for another meanwhile changes nothing."""

from __future__ import annotations

import os
import stat

__all__ = ["CAN_HOLD", "Folder", "Identity", "identity"]

CAN_HOLD = {os.open, os.mkdir, os.stat, os.unlink, os.rmdir} <= os.supports_dir_fd
"""Whether a folder can be held open; where not, it goes by its path."""

CLOSED = -1

Identity = tuple[int, int]
"""The device and the inode of a folder."""


def identity(status: os.stat_result) -> Identity:
    """Return what tells a folder from another of its name, as long as it is there.

    Examples
    --------
    >>> identity(os.stat("/")) == identity(os.stat("/."))
    True
    """
    return status.st_dev, status.st_ino


class Folder:
    """A folder that is held open: what is done in it reaches no other that takes its name.

    Raises
    ------
    OSError
        If there is none, or a link stands for it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as path, Folder(path) as folder:
    ...     folder.make("one")
    ...     folder.names()
    ['one']
    """

    def __init__(self, path: str, within: Folder | None = None) -> None:
        self.path: str = path if within is None else os.path.join(within.path, path)
        self.descriptor: int | None = None
        if CAN_HOLD:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            above = None if within is None else within.descriptor
            self.descriptor = os.open(path, flags, dir_fd=above)
        elif not stat.S_ISDIR(os.lstat(self.path).st_mode):
            raise NotADirectoryError(self.path)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder; nothing can be done in it after that."""
        held, self.descriptor = self.descriptor, CLOSED
        if held not in (None, CLOSED):
            os.close(held)

    __del__ = close

    def _at(self, name: str) -> tuple[str, int | None]:
        held = self.descriptor
        return (os.path.join(self.path, name), None) if held is None else (name, held)

    def names(self) -> list[str]:
        """Return what there is in it."""
        return os.listdir(self.path if self.descriptor is None else self.descriptor)

    def status(self, name: str | None = None) -> os.stat_result:
        """Return the status of the folder, or of something in it."""
        if name is None:
            return os.lstat(self.path) if self.descriptor is None else os.fstat(self.descriptor)
        path, held = self._at(name)
        return os.stat(path, dir_fd=held, follow_symlinks=False)

    def open(self, name: str, flags: int) -> int:
        """Open a file in it, which nobody else may if it is a new one."""
        path, held = self._at(name)
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        return os.open(path, flags, 0o600, dir_fd=held)

    def make(self, name: str) -> None:
        """Make a folder in it that nobody else may enter."""
        path, held = self._at(name)
        os.mkdir(path, 0o700, dir_fd=held)

    def unlink(self, name: str) -> None:
        """Remove a file, or a link, from it."""
        path, held = self._at(name)
        os.unlink(path, dir_fd=held)

    def remove(self, name: str) -> None:
        """Remove a folder from it, which must be empty."""
        path, held = self._at(name)
        os.rmdir(path, dir_fd=held)
