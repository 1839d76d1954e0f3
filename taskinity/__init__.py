"""`taskinity_nb` under the name of the usage guide: ``from taskinity import task``."""

from __future__ import annotations

from typing import Any

import taskinity_nb
from taskinity_nb import load_ipython_extension as load_ipython_extension
from taskinity_nb import parse_dsl as parse_dsl
from taskinity_nb import run_flow_from_dsl as run_flow_from_dsl
from taskinity_nb import run_parallel_flow_from_dsl as run_parallel_flow_from_dsl
from taskinity_nb import task as task
from taskinity_nb import unload_ipython_extension as unload_ipython_extension

__all__ = sorted(taskinity_nb.__all__)
__version__ = taskinity_nb.__version__


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(taskinity_nb, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
