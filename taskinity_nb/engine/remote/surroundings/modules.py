"""The user's modules as they are loaded here, and in what they differ from their sources.

A notebook edits modules, reloads them or does not, and sets what is in them. Elsewhere a module is
imported from its file, so what counts here and is not in the file has to be told: the source that
was loaded, if the file is another one by now, and what was changed since.
"""

from __future__ import annotations

import marshal
import pickle
import sys
import threading
from collections.abc import Callable
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple

from ....strangers import described, is_interrupt, type_name
from ..process.forks import after_fork
from .plain import Drawing, Node, Seen, StaysHere, equal, is_plain
from .sources import (
    Stamp,
    Text,
    innermost,
    parts,
    read_compiled,
    read_text,
    stamp_of,
    users_modules,
)

__all__ = [
    "Changes",
    "Told",
    "stamp_of_loaded",
    "taken_modules",
    "users_modules",
]


class Told(NamedTuple):
    """A module of the user's as it is elsewhere.

    Attributes
    ----------
    path : str
        Where its file is.
    stamp : tuple or None
        That of the file which was loaded.
    code : bytes or None
        The marshalled code of what was loaded, if there is something else by now.
    changes : bytes or None
        A pickled `Changes`, if there are any.
    """

    path: str
    stamp: Stamp | None
    code: bytes | None
    changes: bytes | None


class Changes(NamedTuple):
    """In what a module differs from its source, by names such as ``"RATE"`` or ``"Model.fit"``.

    Attributes
    ----------
    data : dict of str to (int or None, object)
        Plain values; of those that can be changed, a number that is the same for the same object.
    codes : dict of str to (bytes, bytes)
        The code of functions, and their pickled defaults.
    objects : dict of str to bytes or str
        Anything else that was put there, pickled; or what is said of it, if it cannot be.
    gone : list of str
        What was deleted.
    drawn : dict of str to tuple
        Objects whose state is plain data, as a `Drawing` tells them.
    """

    data: dict[str, tuple[int | None, Any]]
    codes: dict[str, tuple[bytes, bytes]]
    objects: dict[str, bytes | str]
    gone: list[str]
    drawn: dict[str, Node]

    @classmethod
    def none(cls) -> Changes:
        return cls({}, {}, {}, [], {})


class _Loaded:
    """A module as it was loaded here."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.names: dict[str, Any] = vars(module)
        self.spec = self.names["__spec__"]
        self.path: str = self.spec.origin
        self.stamp: Stamp | None = None
        self.text: Text | None = None
        self.is_right = False  # whether the text is what was loaded, as far as its functions tell
        self._same: dict[int, Any] = {}  # code that is as the text has it
        self._first: dict[str, bytes] = {}  # objects of which not all can be told
        self._seen = Seen()
        self._packed: bytes | None = None
        self.read()
        self._look_for_what_was_loaded()

    def _look_for_what_was_loaded(self) -> None:
        """Take what was compiled last for what was loaded, if the file is another one by now."""
        found = read_compiled(self.spec.cached)
        if found is None:
            return
        (then, size), text = found
        if self.stamp is None or (then, size) != (self.stamp[0] // 10**9 * 10**9, self.stamp[1]):
            self._take((then, size), text)
            if not self.is_right:
                self.read()

    def read(self) -> None:
        """Take the file for what was loaded."""
        self._take(*(read_text(self.path) or (None, None)))

    def _take(self, stamp: Stamp | None, text: Text | None) -> None:
        self.stamp, self.text = stamp, text
        self._first.clear()
        self._same.clear()
        self._seen = Seen()
        changes = self._changes(_no_pickle)
        known = set() if self.text is None else self.text.codes.keys()
        self.is_right = self.text is not None and not known & changes.codes.keys()

    def was_changed(self) -> bool:
        """Tell whether it is not as it was when it was told last, as far as that was kept."""
        return self._seen.is_known and not self._seen.is_unchanged(self.names)

    def look_again(self) -> None:
        """Forget what was told last."""
        self._seen = Seen()

    def told(self, dumps: Callable[[Any], bytes]) -> Told:
        now = stamp_of(self.path)
        if now != self.stamp and not self.is_right:
            self.read()
        code = None
        if now != self.stamp and self.text is not None:
            code = marshal.dumps(self.text.code)
        if not self._seen.is_known:
            self._seen = Seen()
            changes = self._changes(dumps)
            self._packed = pickle.dumps(tuple(changes), 5) if any(changes) else None
            # What a pickle holds may change without a trace.
            self._seen.keep(self.names, is_known=not (changes.objects or changes.codes))
        return Told(self.path, self.stamp, code, self._packed)

    def _changes(self, dumps: Callable[[Any], bytes]) -> Changes:
        changes = Changes.none()
        if self.text is not None:
            self._compare_all(self.names, "", dumps, changes)
            for group in self.text.groups:
                written = group & self.names.keys()
                if any(_is_state(self.names[name], name in changes.drawn) for name in written):
                    for name in group:
                        changes.data.pop(name, None)
                        changes.objects.pop(name, None)
                        changes.drawn.pop(name, None)
            changes.gone.extend(
                name
                for name in (*self.text.constants, *self.text.defined)
                if "." not in name and name not in self.names
            )
        return changes

    def _compare_all(
        self, names: Any, prefix: str, dumps: Callable[[Any], bytes], changes: Changes
    ) -> None:
        for name, value in list(names.items()):
            if type(name) is str and not (name[:2] == name[-2:] == "__"):
                try:
                    self._compare(prefix + name, value, dumps, changes)
                except BaseException as error:  # what is looked at may be anything of the user's
                    if is_interrupt(error):
                        raise

    def _compare(
        self, name: str, value: Any, dumps: Callable[[Any], bytes], changes: Changes
    ) -> None:
        assert self.text is not None
        kind = type(value)
        if issubclass(kind, type):
            if value.__module__ == self.module.__name__ and value.__qualname__ == name:
                self._seen.classes.append(value)
                self._compare_all(vars(value), f"{name}.", dumps, changes)
                return
            is_own = name not in self.text.defined and not _is_foreign(value)
        elif is_plain(value):
            constants = self.text.constants
            if kind in (dict, list, set, tuple, frozenset):
                self._seen.containers.append(value)
            if not (name in constants and equal(constants[name], value)) and (
                "._" not in name or name in constants
            ):
                number = id(value) if kind in (dict, list, set) else None
                changes.data[name] = number, value
            return
        else:
            functions = [part for part in parts(value) if part is not None]
            if self._is_object(name, value):
                self._compare_object(name, value, dumps, changes)
                return
            is_own = name not in self.text.defined and name not in self.text.constants
            for part, suffix in zip(functions, ("", *"123"), strict=False):
                function = innermost(part)
                if type(function) is not FunctionType:
                    continue
                self._seen.functions.append(function)
                if function.__globals__ is not self.names:
                    is_own = is_own and not _is_foreign(function)
                    continue
                code = function.__code__
                is_other = code.co_qualname != name and code.co_qualname in self.text.codes
                is_own = is_own or name not in self.text.defined or not is_other
                is_here = code.co_filename == self.path or name in self.text.defined
                if is_own and is_here and not self._is_same(code):
                    defaults = function.__defaults__, function.__kwdefaults__
                    changes.codes[name + suffix] = marshal.dumps(code), dumps(defaults)
        if not is_own:
            changes.objects[name] = self._pickled(name, value, dumps)

    def _is_object(self, name: str, value: Any) -> bool:
        """Tell whether something is no function, no part of a class, and nothing of a library's."""
        assert self.text is not None
        if issubclass(type(value), _NO_OBJECTS) or type(innermost(value)) is FunctionType:
            return False
        return name not in self.text.constants and name not in self.text.defined

    def _compare_object(
        self, name: str, value: Any, dumps: Callable[[Any], bytes], changes: Changes
    ) -> None:
        """Tell of an object whose state is plain, and of any other one that is another by now."""
        if "._" in name:
            return
        if type(value).__module__ == "__main__":  # no source has put it there
            changes.objects[name] = self._pickled(name, value, dumps)
            return
        drawing = Drawing(self._stays)
        try:
            node = drawing.of(value)
        except StaysHere:
            return
        self._seen.objects.append(value)
        drawn = marshal.dumps(node, 2)
        is_changed = self._first.setdefault(name, drawn) != drawn
        if drawing.is_whole:
            changes.drawn[name] = node
        elif is_changed:
            pickled = self._pickled(name, value, dumps)
            if isinstance(pickled, bytes):  # what cannot travel is what it is in each process
                changes.objects[name] = pickled

    def _stays(self, cls: type, name: str, value: Any) -> bool:
        """Tell whether functions of a module fill an attribute, so that each process has its own.

        A list may be filled by what is imported; in others there may be anything.
        """
        if type(value) not in (dict, list, set) or (type(value) is not list and is_plain(value)):
            return False
        homes = {self.module.__name__, *(each.__module__ for each in cls.__mro__)}
        texts = [_loaded[home].text for home in homes if home in _loaded] + [self.text]
        return any(text is not None and name in text.filled for text in texts)

    def _pickled(self, name: str, value: Any, dumps: Callable[[Any], bytes]) -> bytes | str:
        try:
            return dumps(value)
        except BaseException as error:  # pickling runs code of the user's
            if is_interrupt(error):
                raise
            return (
                f"'{name}' of module '{self.module.__name__}' was set to a {type_name(value)}, "
                f"which cannot be sent to another process: {described(error)}"
            )

    def _is_same(self, code: Any) -> bool:
        """Tell whether code is as the source has it."""
        assert self.text is not None
        if id(code) in self._same:
            return True
        if code not in self.text.codes.get(code.co_qualname, ()):
            return False
        self._same[id(code)] = code
        return True


_NO_OBJECTS = (
    BuiltinFunctionType, ClassMethodDescriptorType, GetSetDescriptorType, MemberDescriptorType,
    MethodDescriptorType, ModuleType, WrapperDescriptorType, classmethod, property, staticmethod,
)  # fmt: skip


def _no_pickle(value: Any) -> bytes:
    return b""


def _is_state(value: Any, is_drawn: bool) -> bool:
    """Tell whether a value that a module's own functions write means something in one process."""
    if is_drawn:
        return type(value) in (dict, set)  # of other objects
    return type(value) is list or not is_plain(value)


def _is_foreign(value: Any) -> bool:
    """Tell whether an import elsewhere does not put a function or class where it stands here.

    It is the notebook's, or that of a user's module which has another one by that name by now.
    """
    home = sys.modules.get(value.__module__)
    if home is None or home.__name__ == "__main__":
        return True
    if home.__name__ not in _loaded:
        return False
    if type(value) is FunctionType and value.__globals__ is not vars(home):
        return "<locals>" not in value.__qualname__
    found: Any = home
    for part in value.__qualname__.split("."):
        found = None if found is None else vars(found).get(part)
    return type(found) is type(value) and innermost(found) is not value


_lock = threading.RLock()
"""Held while modules are looked at; reentrant, since pickling runs code of the user's."""


@after_fork
def _forked() -> None:
    global _lock
    _lock = threading.RLock()  # another thread may have held it


_loaded: dict[str, _Loaded] = {}


def taken_modules(dumps: Callable[[Any], bytes]) -> dict[str, Told]:
    """Return what is to be known elsewhere of the user's modules, by their names.

    Examples
    --------
    >>> isinstance(taken_modules(pickle.dumps), dict)
    True
    """
    with _lock:
        return _taken(dumps)


def _taken(dumps: Callable[[Any], bytes]) -> dict[str, Told]:
    names, is_news = set(), False
    for name, module in users_modules():
        loaded = _loaded.get(name)
        spec = vars(module).get("__spec__")
        if loaded is None or loaded.module is not module or loaded.spec is not spec:
            _loaded[name], is_news = _Loaded(module), True
        names.add(name)
    for name in _loaded.keys() - names:
        del _loaded[name]
    if is_news or any(loaded.was_changed() for loaded in _loaded.values()):
        for loaded in _loaded.values():  # each may have taken something from another
            loaded.look_again()
    return {name: loaded.told(dumps) for name, loaded in _loaded.items()}


def stamp_of_loaded(name: str, module: ModuleType) -> Stamp | None:
    """Return the stamp of the file from which a module was loaded, as far as that is known.

    In a process that was forked it is, from the one that it comes from.
    """
    known = _loaded.get(name)
    spec = vars(module)["__spec__"]
    if known is not None and known.module is module and known.spec is spec:
        return known.stamp
    return stamp_of(spec.origin)
