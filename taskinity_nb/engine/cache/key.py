"""The key of one call: what it is made of, and what of that another one was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...model.forms.origin import Origin
from ..rerun.contents.plain import shown

__all__ = ["Key", "Look", "Passed", "as_state"]


class Key(NamedTuple):
    """The key of a call, and what it is made of.

    Attributes
    ----------
    text : str
        Equal only if all else is.
    function : str
        The digest of the function.
    arguments : dict of str to (str, str, str)
        For each parameter, the digest of what it gets, where that comes from, and how it reads.
    files : dict of str to (int, int) or None
        For each path in them, the size and time of the file there.
    folder : str
        The working directory, if a relative path leads from there to something that is no file.
    """

    text: str
    function: str
    arguments: dict[str, tuple[str, str, str]]
    files: dict[str, tuple[int, int] | None]
    folder: str

    def change(self, then: Mapping[str, Any]) -> str:
        """Say in which of its arguments or files it differs from an earlier one."""
        before = then["arguments"]
        if list(before) != list(self.arguments):
            return "its arguments come from elsewhere"
        for name, (digest, source, text) in self.arguments.items():
            was, source_then, text_then = before[name]
            if was == digest:
                continue
            if source != source_then:
                return f"'{name}' comes from elsewhere"
            if source.startswith("'"):
                return f"{source} gave another result"
            named = source if source in ("its item", "its arguments") else f"{source}'{name}'"
            if text and text_then and text != text_then:
                return f"{named} was {text_then} and is {text}"
            return f"{named} has changed"
        for path, state in self.files.items():
            if path in then["files"] and state != as_state(then["files"][path]):
                return f"the file '{path}', which it uses, has changed"
        if self.folder != then.get("folder", ""):
            return "the working directory is another, from which a path leads on"
        return ""


class Passed(NamedTuple):
    """An argument of a call: how it is passed, its name, and where it comes from."""

    way: str
    name: str
    origin: Origin | None


class Look(NamedTuple):
    """The key of a call, of which it was not told yet what it is made of.

    Attributes
    ----------
    text, function, files, folder
        As those of a `Key`.
    passed : list of (Passed, str, object)
        The arguments, with their digests and values.
    """

    text: str
    function: str
    passed: list[tuple[Passed, str, Any]]
    files: dict[str, tuple[int, int] | None]
    folder: str

    def told(self) -> Key:
        """Return the key, with what it is made of in words; that is for calls that run."""
        found: dict[str, tuple[str, str, str]] = {}
        for (_, name, origin), digest, value in self.passed:
            if name in found:  # of ``*args``
                name = f"{name} {len(found) + 1}"
            found[name] = digest, _told(origin), shown(value)
        return Key(self.text, self.function, found, self.files, self.folder)


def as_state(stored: Any) -> tuple[int, int] | None:
    """Return the state of a file as it was stored, where a tuple has become a list."""
    return None if stored is None else (stored[0], stored[1])


def _told(origin: Origin | None) -> str:
    """Say where an argument comes from, as a reason names it."""
    if origin is None:
        return "its arguments"
    if origin.is_of_item:
        return "its item"
    if origin.kind == "result":
        part = "" if origin.key is None else f".{origin.key}"
        return f"'{origin.label or origin.name + part}'"
    kind = "input" if origin.kind == "inputs" else origin.kind
    return f"its {kind} "
