"""Makes modules out of their sources, on a cluster; this one's own source is sent ahead of them."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

__all__ = ["install"]


class _Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of a package whose sources are in memory."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self._sources:
            return None
        is_package = any(other.startswith(f"{name}.") for other in self._sources)
        return importlib.util.spec_from_loader(name, self, is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        module.__file__ = os.path.abspath(os.sep.join(["", *name.split(".")]) + ".py")
        exec(compile(self._sources[name], module.__file__, "exec"), vars(module))


def install(root: str, sources: Mapping[str, str], only_if_missing: bool = False) -> None:
    """Have a package imported from its sources from now on, unless it was installed already.

    `sources` has the source of each of its modules, by their full names. With `only_if_missing`, a
    package of that name which is there is left alone.

    Examples
    --------
    >>> install("three_words", {"three_words": "", "three_words.number": "number = 3"})
    >>> from three_words.number import number
    >>> number
    3
    """
    if root in sys.modules or any(root in getattr(f, "_sources", ()) for f in sys.meta_path):
        return
    if not (only_if_missing and importlib.util.find_spec(root) is not None):
        sys.meta_path.append(_Sources(sources))
