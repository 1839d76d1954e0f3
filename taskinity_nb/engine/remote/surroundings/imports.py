"""Looks on while modules are imported, so that what belongs to one is put in force at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["ImportWatcher"]


Execute = Callable[[ModuleType], None]
"""Executes a module that has been made."""


class ImportWatcher:
    """A finder that stands before others, finds what they find, and looks on.

    Attributes
    ----------
    pending : dict of str to list of callable
        What is called with a module as soon as it has been imported, once, by the module's name.
    before : callable
        Is given the spec of each module that is imported. It returns who is to execute the module,
        or None if that is to go on as usual.
    missing : callable
        Is given the name of a module that nobody finds. It returns its spec, or None.

    Examples
    --------
    >>> watcher, seen = ImportWatcher(), []
    >>> watcher.when_imported("__hello__", seen.append)
    >>> with watcher:
    ...     import __hello__
    >>> seen == [__hello__]
    True
    """

    def __init__(
        self,
        before: Callable[[ModuleSpec], Execute | None] = lambda spec: None,
        missing: Callable[[str], ModuleSpec | None] = lambda name: None,
    ) -> None:
        self.pending: dict[str, list[Callable[[ModuleType], object]]] = {}
        self.before = before
        self.missing = missing

    def __enter__(self) -> ImportWatcher:
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(ValueError):
            sys.meta_path.remove(self)

    def when_imported(self, name: str, call: Callable[[ModuleType], object]) -> None:
        """Have something called with a module, now or when it has been imported."""
        module = sys.modules.get(name)
        if isinstance(module, ModuleType) and not _is_being_imported(module):
            call(module)
        else:
            self.pending.setdefault(name, []).append(call)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the finders after this one find."""
        finders: list[Any] = list(sys.meta_path)
        after = finders[finders.index(self) + 1 :] if self in finders else []
        for finder in after:  # there may be another of these before
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                if spec.origin is None:  # a folder without a source is taken for a package
                    spec = self.missing(name) or spec
                self._watch(spec)
                return spec
        spec = self.missing(name)
        if spec is not None:
            self._watch(spec)
        return spec

    def _watch(self, spec: ModuleSpec) -> None:
        execute = self.before(spec)
        is_executed = hasattr(spec.loader, "exec_module")
        if is_executed and (execute is not None or spec.name in self.pending):
            spec.loader = _Watched(spec.loader, execute, self)  # type: ignore[assignment]


class _Watched:
    """Stands for the loader of a module while that is imported."""

    def __init__(self, loader: Any, execute: Execute | None, watcher: ImportWatcher) -> None:
        self._loader = loader
        self._execute = execute
        self._watcher = watcher

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._loader
        module.__loader__ = self._loader
        (self._execute or self._loader.exec_module)(module)
        for call in self._watcher.pending.pop(module.__name__, ()):
            call(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _is_being_imported(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
