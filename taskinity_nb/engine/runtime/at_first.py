"""What this process was like when the package was imported, to tell what has been changed since."""

from __future__ import annotations

import os
import sys
import warnings

__all__ = ["DIRECTORY", "ENVIRONMENT", "FILTERS", "RECURSION_LIMIT"]

ENVIRONMENT = dict(os.environ)
"""The variables of the environment."""

FILTERS = list(warnings.filters)
"""The filters of warnings."""

try:
    DIRECTORY: str | None = os.getcwd()
    """The working directory."""
except OSError:  # it has been removed
    DIRECTORY = None

RECURSION_LIMIT = sys.getrecursionlimit()
"""How deep calls may go."""
