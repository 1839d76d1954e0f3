"""What stands for IPython's shell in a worker, where there is none: it runs commands, no magics.

`!command` in a function of a notebook is a call of ``get_ipython().system(...)``.

This module travels to the cluster, like all of `remote`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from types import FrameType
from typing import Any, NoReturn

__all__ = ["WorkerShell"]

_NAMED = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|\$\$|\$([A-Za-z_]\w*)")


class WorkerShell:
    """Runs what follows a ``!``, with the values of ``{names}`` and ``$names`` in it.

    Examples
    --------
    >>> word = "here"
    >>> WorkerShell().getoutput("echo $word {word}")
    ['here here']
    """

    def system(self, command: str) -> None:
        """Run a command, and print what it prints."""
        with _started(command, sys._getframe(1)) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)

    system_raw = system_piped = system

    def getoutput(self, command: str, split: bool = True, depth: int = 0) -> Any:
        """Run a command; return the lines that it prints."""
        with _started(command, sys._getframe(1 + depth)) as process:
            text, _ = process.communicate()
        return text.splitlines() if split else text

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> NoReturn:
        """Refuse a magic, by name."""
        _refuse(f"%{magic_name}")

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> NoReturn:
        """Refuse a magic, by name."""
        _refuse(f"%%{magic_name}")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"get_ipython().{name} is not there in a worker: a task that needs it runs "
            'with executor="threads"'
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return WorkerShell, ()


def _started(command: str, frame: FrameType) -> subprocess.Popen[str]:
    """Start a command, with what the function that runs it has under the names in it."""

    def value(found: re.Match[str]) -> str:
        text = found[1] or found[2]
        if text is None:  # a doubled sign
            return found[0][0]
        try:
            return str(eval(text, frame.f_globals, frame.f_locals))
        except Exception:  # it is the command's own, as IPython takes it too
            return found[0]

    return subprocess.Popen(
        _NAMED.sub(value, command),
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _refuse(magic: str) -> NoReturn:
    raise RuntimeError(
        f"{magic} is of the notebook's own process, and cannot run in a worker: "
        'call what it does as a function, or run the task with executor="threads"'
    )
