"""What other rooms have to say of how something of theirs is pickled for a worker process.

This module travels to the cluster, like all of `remote`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["REGISTERED"]

REGISTERED: dict[type, Callable[[Any], Any]] = {}
"""Reducers by type, as in `copyreg.dispatch_table`."""
