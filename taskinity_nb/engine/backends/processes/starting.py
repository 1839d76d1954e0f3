"""Starts a process by `multiprocessing`, for which ours are not quite like a user's own.

They are ended by us, and when this process ends; so they may be started where a user's may not, in
the worker of a pool or of a cluster, and are none of the `active_children`, for whose end a program
may wait.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.process
import multiprocessing.util
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from ...remote.process.forks import after_fork
from ...runtime.main_module import give_spec

__all__ = ["begin", "context_of_workers", "start_method"]

USUAL_PRELOAD = ["__main__"]

PRELOAD = [
    f"{__package__}.worker",
    "taskinity_nb.engine.transport.codec",
    f"{__package__}.fork_server",
]
"""What the fork server is to have imported; `fork_server` comes last."""

LONGEST_FOLDER = 60
"""Characters that the path of a folder may have in which there are sockets: their own may have 107,
on macOS 103, and what is added to it are about 30."""

SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")

_is_forked = False
"""Whether this is a fork of another process, whose fork server is not ours to use."""


@after_fork
def _forked() -> None:
    global _is_forked
    _is_forked = True


def begin(process: Any) -> None:
    """Start a process."""
    with _interrupts_blocked(), _main_is_there(), _may_have_children():
        process.start()
    multiprocessing.process._children.discard(process)  # type: ignore[attr-defined]


def start_method() -> str:
    """Return how worker processes are started here: "forkserver" or "spawn".

    Examples
    --------
    >>> start_method() in multiprocessing.get_all_start_methods()
    True
    """
    methods = multiprocessing.get_all_start_methods()
    return "spawn" if _is_forked or "forkserver" not in methods else "forkserver"


def context_of_workers() -> Any:
    """Return what starts worker processes."""
    method = start_method()
    return multiprocessing.get_context(method) if method == "spawn" else _fork_server_context()


def _fork_server_context() -> Any:
    """Return how to start processes from a fork server that has this package loaded.

    What the user has it load is loaded too.
    """
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    theirs = list(getattr(forkserver._forkserver, "_preload_modules", USUAL_PRELOAD))
    if not set(PRELOAD) <= set(theirs):
        context.set_forkserver_preload([*(theirs if theirs != USUAL_PRELOAD else ()), *PRELOAD])
    _shorten_folder()
    return context


def _shorten_folder() -> None:
    """Have the sockets of `multiprocessing` lie in a folder whose path is not too long for them."""
    config = multiprocessing.process.current_process()._config  # type: ignore[attr-defined]
    if len(os.fsencode(config.get("tempdir") or tempfile.gettempdir())) <= LONGEST_FOLDER:
        return
    for place in SHORT_FOLDERS:
        with contextlib.suppress(OSError):
            folder = tempfile.mkdtemp(prefix="pymp-", dir=place)
            ours = folder, os.getpid()
            multiprocessing.util.Finalize(None, _remove, args=ours, exitpriority=-100)
            config["tempdir"] = folder
            return


def _remove(folder: str, pid: int) -> None:
    if pid == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Keep an interrupt, which reaches all processes of a terminal, from what is started here.

    A fork server is deaf to it once it is up; until then it is `fork_server` that sees to that.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _main_is_there() -> Iterator[None]:
    """Have no process look for the file of a program that has none: it came from a pipe, say."""
    give_spec()
    main = sys.modules["__main__"].__dict__
    path = main.get("__file__")
    if getattr(main.get("__spec__"), "name", None) is not None or _is_file(path):
        yield
        return
    del main["__file__"]
    try:
        yield
    finally:
        main.setdefault("__file__", path)


def _is_file(path: Any) -> bool:
    """Tell whether the file of a program is there, or none is named."""
    if not isinstance(path, str):
        return True
    start = getattr(multiprocessing.process, "ORIGINAL_DIR", None) or ""
    return os.path.exists(os.path.join(start, path))


@contextlib.contextmanager
def _may_have_children() -> Iterator[None]:
    """Take away for a moment that this process may have no children."""
    config = multiprocessing.process.current_process()._config  # type: ignore[attr-defined]
    is_daemon = config.pop("daemon", None)
    try:
        yield
    finally:
        if is_daemon is not None:
            config["daemon"] = is_daemon
