"""What is sent to a cluster, so that nothing of this package need be installed there.

The modules that run there travel as their sources, under a name of their own that no other version
has. Functions of a notebook may name this package too (``skip``, a `Task`), so where it is missing
a small stand-in takes its name.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

from . import installer

__all__ = ["ShippedCode", "remote_function", "remote_module", "shipped_code"]

OURS = __name__.partition(".")[0]
RUNS_THERE = (
    "strangers", "values", "engine", "engine.remote",
    *(f"engine.remote.{room}{name}" for room, names in (
        ("process", ("", ".capture", ".context", ".cpu_time", ".forks", ".frames", ".memory",
                     ".printed")),
        ("pickling", ("", ".exceptions", ".identity", ".kinds", ".pickler", ".registered",
                      ".shell", ".skeletons")),
        ("", ("call", "cluster_task", "notebook", "randomness", "reporter", "sealed", "withdrawn")),
        ("surroundings", ("", ".common", ".displays", ".followed", ".imports", ".interpreter",
                          ".libraries", ".logs", ".modules", ".overlay", ".plain", ".sources",
                          ".standing")),
    ) for name in names),
)  # fmt: skip
STANDS_IN = (
    "errors", "strangers", "values", "model", "model.invoke", "model.signature", "model.checks",
    "model.task",
)  # fmt: skip
FACE = """
from .errors import *
from .errors import Skip, skip
from .model.task import Task, task
"""


class ShippedCode(NamedTuple):
    """Sources, and how to install them.

    Attributes
    ----------
    root : str
        The package's name there.
    sources, stand_in : dict of str to str
        The source of each module, by its full name.
    installer : str
        The source of `install`.
    """

    root: str
    sources: dict[str, str]
    stand_in: dict[str, str]
    installer: str

    @property
    def code(self) -> str:
        """Source text that installs all of it, to be executed there."""
        return (
            f"{self.installer}\n"
            f"install({self.root!r}, {self.sources!r})\n"
            f"install({OURS!r}, {self.stand_in!r}, only_if_missing=True)\n"
        )


@lru_cache(1)
def shipped_code() -> ShippedCode:
    """Return what is sent, and install it in this process too.

    Examples
    --------
    >>> shipped = shipped_code()
    >>> shipped.root.startswith("_taskinity_nb_"), "taskinity_nb.errors" in shipped.stand_in
    (True, True)
    """
    sources = {name: _source(f"{OURS}.{name}") for name in (*RUNS_THERE, *STANDS_IN)}
    install = _source(installer.__name__)
    digest = hashlib.sha256(repr((sources, install)).encode()).hexdigest()[:12]
    root = f"_taskinity_nb_{digest}"
    own = {root: ""} | {f"{root}.{name}": sources[name] for name in RUNS_THERE}
    face = {OURS: FACE} | {f"{OURS}.{name}": sources[name] for name in STANDS_IN}
    installer.install(root, own)
    return ShippedCode(root, own, face, install)


def remote_module(name: str) -> Any:
    """Return a module of `remote` under the name that it has there: its classes are those."""
    return import_module(f"{shipped_code().root}.engine.remote.{name}")


def remote_function(name: str) -> Callable[..., Any]:
    """Return a function of `remote` under the name that it has there, by which it is pickled."""
    function: Callable[..., Any] = getattr(remote_module("cluster_task"), name)
    return function


def _source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    loader: Any = None if spec is None else spec.loader
    source: str = loader.get_source(name)
    return source
