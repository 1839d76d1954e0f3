"""How much of what is tried at random a test tries: a sample, or all of it when that is asked for.

The suite tries a sample, always the same one where a test draws with a seed of its own;
`TASKINITY_NB_LONG=1`, or `nox -s long`, has the tests that are marked `long` try everything.
"""

from __future__ import annotations

import os
from typing import TypeVar

__all__ = ["sized"]

Size = TypeVar("Size")

IS_LONG = os.environ.get("TASKINITY_NB_LONG") == "1"


def sized(sample: Size, whole: Size) -> Size:
    """Return the size of the sample, or of the whole where that is asked for."""
    return whole if IS_LONG else sample
