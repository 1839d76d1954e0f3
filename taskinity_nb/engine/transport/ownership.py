"""Tells which folders are ours, and removes those: nothing goes for its name alone.

Each process has a root folder in each place that takes large values. Its name tells whose it is
(host, boot and user, then the process), and a marker in it says that of this very folder, the one
with this path and inode: a copy does not count. What lies in it has names of a form that nobody
chooses. A root is swept if its process is known to be dead and it holds nothing of another form.

Dead is what has ended and has let go of its lock. A lock goes with its process however that ends,
and tells the living from the dead where the number of a process does not, across containers; it is
on the folder itself, so that systemd, which clears temporary folders of what is old, leaves that
alone. Of another host or boot neither says anything, so its roots stay.

A root whose process died while it made it is removed too. Nothing is lost with it: it holds no more
than the beginning of its marker, which follows from its name.

No link is followed, and what is looked at is held open: a folder that is swapped for another
meanwhile is not the one that is open, and the system removes no folder that holds anything.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from io import FileIO

from .folder import CAN_HOLD, Folder, Identity, identity

try:
    import fcntl
except ImportError:  # on Windows; there what a killed process leaves behind stays
    fcntl = None  # type: ignore[assignment]

__all__ = ["Root", "new_file", "sweep_place"]

PREFIX = ".taskinity-nb-workspace-"
MARKER = "owner"
_WHOSE = "([0-9a-f]{16})-([1-9][0-9]{0,8})-([0-9]{1,20})"
_ROOT = re.compile(f"{re.escape(PREFIX)}{_WHOSE}-[0-9a-f]{{32}}")
_FOLDER = re.compile("run-[0-9a-f]{16}")
_FILE = re.compile("[0-9a-f]{16}")

_HAS_PROC = os.path.exists("/proc/self/stat")


class Root:
    """A folder of this process, marked and locked for as long as the process lives.

    Raises
    ------
    OSError
        If it cannot be made there: the place is full, or has no locks.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     root = Root(place)
    ...     new_file(os.path.join(root.path, root.make())).close()
    ...     root.leave()
    ...     os.listdir(place)
    []
    """

    def __init__(self, place: str) -> None:
        self._pid = os.getpid()
        self._made: dict[str, Identity] = {}
        whose = f"{_home()}-{self._pid}-{_start_of(self._pid) or 0}"
        self.path = os.path.join(place, f"{PREFIX}{whose}-{os.urandom(16).hex()}")
        os.mkdir(self.path, 0o700)
        try:
            self._folder = Folder(self.path)
            self._identity = identity(self._folder.status())
            _claim(self._folder)
        except BaseException:  # an interrupt too
            with contextlib.suppress(OSError):
                os.rmdir(self.path)
            raise

    def is_there(self) -> bool:
        """Tell whether the folder is this process's and stands where it was made."""
        if self._pid != os.getpid():
            return False
        try:
            return identity(os.lstat(self.path)) == self._identity
        except OSError:
            return False

    def make(self) -> str:
        """Make a folder in it; return its name."""
        name = f"run-{os.urandom(8).hex()}"
        self._folder.make(name)
        self._made[name] = identity(self._folder.status(name))
        return name

    def remove(self, name: str) -> None:
        """Remove a folder that `make` has made, and what we have put into it."""
        made = self._made.get(name)
        if made and self.is_there():
            is_gone = self._remove_empty(name, made) or _clear_folder(self._folder, name, made)
            if is_gone:
                self._made.pop(name, None)

    def _remove_empty(self, name: str, made: Identity) -> bool:
        """Remove a folder that nothing was put into, as is usual; return whether that was so."""
        with contextlib.suppress(OSError):
            if identity(self._folder.status(name)) == made:
                self._folder.remove(name)
                return True
        return False

    def leave(self) -> None:
        """Remove the root with all that was made in it; more than once does no harm."""
        for name in list(self._made):
            self.remove(name)
        if self.is_there():
            with contextlib.suppress(OSError):
                _remove_cleared(self._folder)

    def part(self) -> None:
        """Let go of the root in a forked process: its lock, held there, would outlive its owner."""
        self._folder.close()


def _claim(root: Folder) -> None:
    """Lock a new root, and mark it."""
    if fcntl is not None and root.descriptor is not None:
        fcntl.flock(root.descriptor, fcntl.LOCK_EX)
    text = _marker(root)
    try:
        descriptor = root.open(MARKER, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with open(descriptor, "wb", buffering=0) as file:
            if file.write(text) != len(text):
                raise OSError(f"there is no room for the marker of {root.path}")
    except BaseException:
        with contextlib.suppress(OSError):
            root.unlink(MARKER)
        raise


def new_file(folder: str) -> FileIO:
    """Open a new file in a folder that `Root.make` has made: whatever we put there has its form.

    The name is random, because the number of a dead process may come again.
    """
    path = os.path.join(folder, os.urandom(8).hex())
    return open(path, "xb", buffering=0, opener=_open_private)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sweep_place(place: str) -> None:
    """Remove the roots in a folder whose processes have died."""
    if fcntl is None or not CAN_HOLD:
        return
    for name in os.listdir(place):
        if name.startswith(PREFIX):
            with contextlib.suppress(OSError):  # somebody holds it, or it has just gone
                _remove_if_dead(place, name)


def _remove_if_dead(place: str, name: str) -> None:
    found = _ROOT.fullmatch(name)
    if found is None or found[1] != _home() or _is_alive(int(found[2]), int(found[3])):
        return
    with Folder(os.path.join(place, name)) as root:
        assert root.descriptor is not None
        fcntl.flock(root.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_whole(root):
            _clear_root(root)


def _is_whole(root: Folder) -> bool:
    """Tell whether a root is what we make, and holds nothing else."""
    names = root.names()
    if not _is_private(root):
        return False
    if MARKER not in names:
        return not names  # its process died before it had marked it
    if not _is_file(root, MARKER):
        return False
    text = _marker(root)
    with open(root.open(MARKER, os.O_RDONLY), "rb", buffering=0) as file:
        written = file.read(len(text) + 1)
    names.remove(MARKER)
    if written != text:
        return not names and text.startswith(written)  # it died while it did that
    return all(_is_run(root, found) for found in names)


def _is_run(root: Folder, name: str) -> bool:
    """Tell whether something in a root is a folder that `Root.make` has made, with values only."""
    if not _FOLDER.fullmatch(name):
        return False
    with Folder(name, root) as folder:
        return (
            _is_private(folder)
            and folder.status().st_dev == root.status().st_dev  # nothing is mounted there
            and all(_is_value(folder, found) for found in folder.names())
        )


def _is_private(folder: Folder) -> bool:
    status = folder.status()
    return status.st_uid == os.geteuid() and status.st_mode & 0o777 == 0o700


def _is_value(folder: Folder, name: str) -> bool:
    return _FILE.fullmatch(name) is not None and _is_file(folder, name)


def _is_file(folder: Folder, name: str) -> bool:
    """Tell whether something is a file as we make them, and has no other name elsewhere."""
    status = folder.status(name)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        return False
    if os.name == "nt":  # which has no such owners and modes
        return True
    return status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == 0o600


def _clear_root(root: Folder) -> None:
    """Remove a root that is wholly ours."""
    for name in root.names():
        if _FOLDER.fullmatch(name):
            _clear_folder(root, name)
    _remove_cleared(root)


def _remove_cleared(root: Folder) -> None:
    """Remove a root in which there is no more than its marker; else that stays too."""
    if root.names() == [MARKER] and _is_file(root, MARKER):
        root.unlink(MARKER)
    os.rmdir(root.path)


def _clear_folder(root: Folder, name: str, made: Identity | None = None) -> bool:
    """Remove a folder in a root, or what is ours in it; only if it is the one that was made.

    Returns whether there is nothing left to do.
    """
    try:
        with Folder(name, root) as folder:
            if made is not None and identity(folder.status()) != made:
                return True
            for _ in range(3):  # again, if a worker that was not quite dead has put something in
                for found in folder.names():
                    with contextlib.suppress(FileNotFoundError):  # a result goes by itself, too
                        if _is_value(folder, found):
                            folder.unlink(found)
                with contextlib.suppress(OSError):
                    root.remove(name)
                    return True
    except (FileNotFoundError, NotADirectoryError):  # it is gone, or something else has its name
        return True
    except OSError:
        pass
    return False


def _marker(root: Folder) -> bytes:
    """Return what the marker of a root says, and of no other folder."""
    what = "A folder for large values of taskinity_nb, which removes it."
    lines = [what, *_machine(), root.path, str(root.status().st_ino)]
    return "\n".join([*lines, ""]).encode(errors="surrogateescape")


def _machine() -> Iterator[str]:
    """Yield what tells where, and for whom, the number of a process means what it means here."""
    if hasattr(os, "uname"):
        yield os.uname().nodename
        yield str(os.geteuid())
    with (
        contextlib.suppress(OSError),
        open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file,
    ):
        yield file.read().strip()


def _home() -> str:
    """Return a short form of that, for names."""
    whole = "\n".join(_machine()).encode(errors="surrogateescape")
    return hashlib.sha256(whole).hexdigest()[:16]


def _is_alive(pid: int, start: int) -> bool:
    """Tell whether a process has not ended; its start tells it from a later one of its number."""
    if _HAS_PROC:
        return _start_of(pid) == start
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _start_of(pid: int) -> int | None:
    """Return when a process began, in the kernel's own measure; None if it has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, *fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in (b"Z", b"X") else int(fields[18])
