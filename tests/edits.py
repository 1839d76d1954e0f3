"""Edits of a notebook, of its modules, packages and files; what is known of each in a process.

As a script: `edits.py FOLDER before|after` writes JSON, in which the named half is run first.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from fingerprints import cell

from taskinity_nb.engine.rerun.fingerprint import Printer

__all__ = ["Edit", "edits", "parts_of"]

YEAR = 365 * 24 * 3600


class Edit(NamedTuple):
    """A notebook before and after an edit, and the words for it, "same" if nothing runs again."""

    before: str
    after: str
    words: str


def edits() -> dict[str, Edit]:
    """Return all edits by name."""
    text = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    found = {}
    for case in text.removeprefix("--- ").split("\n--- "):
        name, _, source = case.partition("\n")
        before, after, words = source.split("\n+++\n")
        assert name not in found, name
        found[name] = Edit(before, after, words.strip())
    return found


class Notebook:
    """What a cell of an edit may call: it writes into a folder, and imports from there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.installed = folder / "site-packages"
        self.installed.mkdir(exist_ok=True)
        sys.path[:0] = [str(folder), str(self.installed)]

    def space(self) -> dict[str, Any]:
        """Return a new namespace."""
        ways: list[Callable[..., Any]] = [self.module, self.package, self.file]
        return {
            "__name__": "__main__", "folder": str(self.folder),
            **{way.__name__: way for way in ways},
        }  # fmt: skip

    def module(self, name: str, text: str) -> ModuleType:
        """Edit a module of the user's, and import or reload it."""
        return self._load(self.folder, name, text)

    def package(self, name: str, text: str, version: str = "") -> ModuleType:
        """Install a version of a package as pip does."""
        for beside in self.installed.glob(f"{name}-*.dist-info"):
            beside.rmdir()
        if version:
            (self.installed / f"{name}-{version}.dist-info").mkdir()
        sys.modules.pop(name, None)  # nobody reloads what is installed
        return self._load(self.installed, name, text)

    def file(self, name: str, text: str) -> None:
        """Write a file, always at the same time if the text is the same."""
        path = self.folder / name
        path.write_text(text)
        os.utime(path, (len(text) * YEAR, len(text) * YEAR))

    def _load(self, folder: Path, name: str, text: str) -> ModuleType:
        (folder / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        known = sys.modules.get(name)
        return importlib.import_module(name) if known is None else importlib.reload(known)


def parts_of(function: Any) -> tuple[str, dict[str, tuple[str, str]]]:
    """Return the digest of a function and what it consists of."""
    printer = Printer(is_bounded=False)
    taken = printer.take(function)
    assert not taken.lacks, taken.lacks
    assert not taken.itself, taken.itself
    return taken.digest, printer.parts(function)


def main(folder: str, first: str) -> None:
    """Write what is known before and after each edit."""
    sys.dont_write_bytecode = True
    notebook, found = Notebook(Path(folder)), {}
    for name, edit in edits().items():
        halves = {"before": edit.before, "after": edit.after}
        done = {}
        for half in sorted(halves, key=lambda each: each != first):
            sys.modules.pop("users_tools", None) if not done else None
            done[half] = parts_of(cell(halves[half], notebook.space())["f"])
        found[name] = [done["before"], done["after"]]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
