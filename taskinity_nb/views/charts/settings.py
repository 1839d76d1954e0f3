"""Matplotlib's settings while we draw: its defaults, whatever users have set for their figures.

What it logs then, hundreds of lines about fonts where a notebook logs everything, is not of a
figure of the user's; warnings stay.

They belong to the whole process, and a run in the background is drawn in a thread of its own. So
only those are touched that differ, and of those that the user sets meanwhile theirs stays.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib

__all__ = ["default_settings"]

NOT_OF_DRAWING = {"backend", "backend_fallback", "interactive", "toolbar"}
"""Settings that are not about how something looks."""

_one_at_a_time = threading.RLock()
_log = logging.getLogger("matplotlib")


@contextmanager
def default_settings() -> Iterator[None]:
    """Put matplotlib's defaults in force.

    Examples
    --------
    >>> matplotlib.rcParams["font.size"] = 30
    >>> with default_settings():
    ...     matplotlib.rcParams["font.size"]
    10.0
    >>> matplotlib.rcParams["font.size"]
    30.0
    >>> matplotlib.rcParams["font.size"] = 10
    """
    # Values are read and written as they are: a user's may be one that no check lets pass.
    settings, defaults = matplotlib.rcParams, matplotlib.rcParamsDefault
    with _one_at_a_time:
        ours = {key: defaults._get(key) for key in defaults if key not in NOT_OF_DRAWING}
        theirs = {key: settings._get(key) for key in settings if key in ours}
        theirs = {key: value for key, value in theirs.items() if value is not ours[key]}
        level = _log.level
        ours_of_log = max(logging.WARNING, _log.getEffectiveLevel())
        try:
            _log.setLevel(ours_of_log)
            for key in theirs:
                settings._set(key, ours[key])
            yield
        finally:
            if _log.level == ours_of_log:  # else somebody has set it meanwhile
                _log.setLevel(level)
            for key, value in theirs.items():
                if settings._get(key) is ours[key]:
                    settings._set(key, value)
