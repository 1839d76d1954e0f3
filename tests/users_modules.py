"""Modules of a user's, which a test writes, edits and reloads."""

from __future__ import annotations

import importlib
import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["PREFIX", "UsersModule", "calling"]

PREFIX = "users_"
"""How the names of these modules begin."""

_numbers = itertools.count()


class UsersModule:
    """A module in a folder from which modules are imported, as `it` is at the moment."""

    it: Any

    def __init__(self, folder: Path, text: str) -> None:
        self.name = f"{PREFIX}{os.getpid()}_{next(_numbers)}"
        self.file = folder / f"{self.name}.py"
        self.write(text)
        self.it = importlib.import_module(self.name)

    def write(self, text: str) -> None:
        """Edit the file."""
        self.file.write_text(text)
        later = time.time_ns() + next(_numbers) * 10**9  # it is newer than before, and visibly so
        os.utime(self.file, ns=(later, later))

    def reload(self) -> ModuleType:
        """Reload the module."""
        importlib.invalidate_caches()
        self.it = importlib.reload(self.it)
        module: ModuleType = self.it
        return module


def calling(name: str, expression: str) -> Callable[[], Any]:
    """Return a task that imports a module and evaluates something in it."""

    def work() -> Any:
        return eval(expression, vars(importlib.import_module(name)))

    return work
