"""What this process was like when the package was imported, to tell what has been changed since."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

__all__ = ["DIRECTORY", "ENVIRONMENT", "FILTERS", "LEVELS", "PATH", "SETTINGS", "levels"]

ENVIRONMENT = dict(os.environ)
"""The variables of the environment."""

FILTERS = list(warnings.filters)
"""The filters of warnings."""

try:
    DIRECTORY: str | None = os.getcwd()
    """The working directory."""
except OSError:  # it has been removed
    DIRECTORY = None

PATH = list(sys.path)
"""Where modules are looked for."""


def levels() -> dict[str, int]:
    """Return the levels of the loggers that there are; the root's name is empty."""
    logging: Any = sys.modules.get("logging")
    if logging is None:
        return {}
    known = dict(logging.root.manager.loggerDict)
    found = {name: each.level for name, each in known.items() if isinstance(each, logging.Logger)}
    return {"": logging.root.level} | found


LEVELS = levels()
"""Those that there were."""

SETTINGS: dict[str, Any] = {
    "recursion limit": sys.getrecursionlimit(),
    "switch interval": sys.getswitchinterval(),
    "digits": sys.get_int_max_str_digits(),
    "socket timeout": None,
    "field size": 131_072,
    "below": 0,
}
"""How Python was set, and how modules are that may not have been imported."""
