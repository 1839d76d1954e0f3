"""What a bug report should say of the machine."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

__all__ = ["show_versions", "version_of"]

LIBRARIES = (
    "IPython", "ipykernel", "ipywidgets", "anywidget", "matplotlib", "resvg-py", "cloudpickle",
    "dask", "distributed", "ray",
)  # fmt: skip


def show_versions() -> None:
    """Print what a bug report should say: versions, and which program lays graphs out.

    Examples
    --------
    >>> show_versions()  # doctest: +ELLIPSIS
    taskinity_nb: ...
    Python: ...
    machine: ...
    layout of graphs: graphviz-pure ...
    """
    from .views.graph.layout import layout_engine

    def told(name: str) -> str:
        return version_of(name) or "(not installed)"

    print(f"taskinity_nb: {told('taskinity-nb')}")
    print(f"Python: {platform.python_version()}, {sys.executable}")
    print(f"machine: {platform.platform()}")
    print(f"layout of graphs: {layout_engine()}")
    print(f"libraries: {', '.join(f'{name} {told(name)}' for name in LIBRARIES)}")


def version_of(name: str) -> str | None:
    """Return the version of an installed distribution, None if it is not there.

    Examples
    --------
    >>> version_of("no such thing") is None
    True
    """
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
