"""Makes the user's modules here what they are where the run was started.

A module that is imported here later is told at once; one that was imported is brought up to date,
as far as that can be done in place. Where it cannot, the process has to be renewed.
"""

from __future__ import annotations

import importlib
import marshal
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import FunctionType, ModuleType
from typing import Any

from ....strangers import described
from .modules import Changes, Told, stamp_of_loaded
from .plain import Copies, Node, equal, name_of
from .sources import Stamp, innermost, is_users, parts, read_text, stamp_of, users_modules

__all__ = ["Overlay"]


class Overlay:
    """What was told of the user's modules, and what of that has been done here."""

    def __init__(self) -> None:
        self._told: dict[str, Told] = {}
        self._versions: dict[str, Stamp | None] = {}  # which file was loaded here
        self._done: dict[str, bytes | None] = {}
        self._standing: dict[str, dict[str, Any]] = {}  # and what it was before tasks used it
        self._held: dict[int, Any] = {}  # what stands here for what can be changed there

    def before(self, spec: ModuleSpec) -> Callable[[ModuleType], None] | None:
        """Return who executes a module of the user's that is about to be imported."""
        if not is_users(spec):
            return None
        loader: Any = spec.loader

        def execute(module: ModuleType) -> None:
            name = module.__name__
            told = self._told.get(name)
            if told is not None and told.path != spec.origin:
                told = None
            self._done.pop(name, None)
            if told is not None and told.code is not None:
                self._execute(module, told)
            else:
                self._versions[name] = stamp_of(str(spec.origin))
                loader.exec_module(module)
            if told is not None:
                self._change(name, module, told)
            self._standing[name] = _standing(module)

        return execute

    def missing(self, name: str) -> ModuleSpec | None:
        """Return the spec of a module of the user's whose file is not there any more."""
        told = self._told.get(name)
        if told is None or told.code is None:
            return None
        folder, file = os.path.split(told.path)
        places = [folder] if file == "__init__.py" else None
        return spec_from_file_location(name, told.path, submodule_search_locations=places)

    def put(self, told: dict[str, Told], again: bool) -> bool:
        """Bring modules up to date; return whether that could be done.

        With `again`, a module that is not what it is elsewhere is executed again in its place, as a
        reload does. What others have taken from it stays what it was.
        """
        self._told = told
        loaded = dict(users_modules())
        old = [name for name, module in loaded.items() if not self._is_current(name, module)]
        if old and not again:
            return False
        taken = {name: _taken(module) for name, module in loaded.items()} if old else {}
        for _ in loaded:  # one may have taken something from one that has taken it from another
            for name in old:
                self._execute_again(name, loaded[name])
            old = [name for name in taken if old and self._is_stale(name, loaded[name], taken)]
        for name, module in loaded.items():
            if name in told:
                self._change(name, module, told[name])
            self._standing[name] = _standing(module)
        return True

    def _is_current(self, name: str, module: ModuleType) -> bool:
        """Tell whether what was loaded here is what was loaded elsewhere, or lies on the disk."""
        path = vars(module)["__spec__"].origin
        told = self._told.get(name)
        if name not in self._versions:  # it was imported before anything was told
            self._versions[name] = stamp_of_loaded(name, module)
        own = self._versions[name]
        if not self._is_untouched(name, module):
            return False
        if told is None:
            return own == stamp_of(path)
        is_same = path == told.path and own == told.stamp
        return is_same and self._goes_on(self._done.get(name), told.changes)

    def _is_stale(self, name: str, module: ModuleType, taken: dict[str, set[str]]) -> bool:
        """Tell whether a module has what another one had before it was executed again.

        Elsewhere it has what the other one has now, or that is among what was told.
        """
        told = self._told.get(name)
        if told is None:
            return False
        changes = None if told.changes is None else Changes(*pickle.loads(told.changes))
        own = taken[name] - (set() if changes is None else changes.objects.keys())
        return not own <= _taken(module) | (own - vars(module).keys())

    def _is_untouched(self, name: str, module: ModuleType) -> bool:
        """Tell whether tasks have set nothing in a module, but by the module's own functions."""
        now = _standing(module)
        before = self._standing.get(name, now)
        names = {
            each
            for each in before.keys() | now.keys()
            if before.get(each, before) is not now.get(each, before)
        }
        if not names:
            return True
        known = read_text(vars(module)["__spec__"].origin)
        text = None if known is None else known[1]
        return text is None or names <= set().union(*text.groups)

    def _execute_again(self, name: str, module: ModuleType) -> None:
        told = self._told.get(name)
        self._done.pop(name, None)
        if told is not None and told.code is not None:
            self._execute(module, told)
        else:
            importlib.reload(module)

    def _execute(self, module: ModuleType, told: Told) -> None:
        self._versions[module.__name__] = told.stamp
        assert told.code is not None
        exec(marshal.loads(told.code), vars(module))

    def _goes_on(self, before: bytes | None, now: bytes | None) -> bool:
        """Tell whether nothing that was changed is as it was in the source again."""
        if before is None or before == now:
            return True
        old = pickle.loads(before)
        new = Changes.none() if now is None else pickle.loads(now)
        return all(set(one) <= set(other) for one, other in zip(old, new, strict=True))

    def _change(self, name: str, module: ModuleType, told: Told) -> None:
        if told.changes is None or told.changes == self._done.get(name):
            return
        before = self._done.get(name)
        old = Changes.none() if before is None else Changes(*pickle.loads(before))
        self._done[name] = told.changes
        changes = Changes(*pickle.loads(told.changes))
        for path, (marshalled, defaults) in changes.codes.items():
            if old.codes.get(path) != (marshalled, defaults):
                with _leaving():
                    _put_code(module, path, marshal.loads(marshalled), pickle.loads(defaults))
        for path, (number, value) in changes.data.items():
            if path not in old.data or not equal(old.data[path], (number, value)):
                with _leaving():
                    self._put_data(module, path, number, value)
        for path, pickled in changes.objects.items():
            if old.objects.get(path) != pickled:
                with _leaving():
                    _put(module, path, _read(f"'{path}' of module '{name}'", pickled))
        for path, node in changes.drawn.items():
            if path not in old.drawn or not equal(old.drawn[path], node):
                with _leaving():
                    self._put_drawn(module, path, node)
        for path in changes.gone:
            vars(module).pop(path, None)

    def _put_drawn(self, module: ModuleType, path: str, node: Node) -> None:
        """Make what was drawn, as far as that can be done of what stands in its place."""
        holder, name = _holder(module, path)
        own = vars(holder).get(name)
        made = Copies(self._held).made(node, own)
        if made is not own:
            _put(module, path, made)

    def _put_data(self, module: ModuleType, path: str, number: int | None, value: Any) -> None:
        """Put plain data in place; what else refers to the object that is there sees it too."""
        holder, name = _holder(module, path)
        own = vars(holder).get(name)
        if number is None:
            if not equal(own, value):
                _put(module, path, value)
            return
        held: Any = self._held.get(number)
        if type(held) is not type(value):
            is_taken = any(own is other for other in self._held.values())
            held = own if type(own) is type(value) and not is_taken else value
            self._held[number] = held
        if held is not value and not equal(held, value):
            if isinstance(held, list):
                held[:] = value
            else:
                held.clear()
                held.update(value)
        if own is not held:
            _put(module, path, held)


_SET = frozenset({bool, bytes, complex, float, int, str, type(None), FunctionType, type})


def _standing(module: ModuleType) -> dict[str, Any]:
    """Return which functions, classes, numbers and texts stand in a module."""
    return {
        name: value
        for name, value in list(vars(module).items())
        if type(value) in _SET and not (name[:2] == name[-2:] == "__")
    }


def _taken(module: ModuleType) -> set[str]:
    """Return what stands in a module that an import finds in the module where it was written."""
    return {
        name
        for name, value in list(vars(module).items())
        if isinstance(value, FunctionType | type)
        and value.__module__ != module.__name__
        and name_of(value) is not None
    }


class Missing:
    """Stands for what could not travel; whoever needs it is told so.

    Examples
    --------
    >>> Missing("it is at home")()
    Traceback (most recent call last):
    ...
    RuntimeError: it is at home
    """

    def __init__(self, why: str) -> None:
        self.__why = why

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(self.__why)

    def __getattr__(self, name: str) -> Any:
        if name[:2] == name[-2:] == "__":  # what Python and pickle ask is no use of it
            raise AttributeError(name)
        raise RuntimeError(self.__why)

    __call__ = __getitem__ = __iter__ = __len__ = __enter__ = __contains__ = _refuse


def _read(name: str, pickled: bytes | str) -> Any:
    """Return what was put there, or what says why it is not here."""
    if isinstance(pickled, str):
        return Missing(pickled)
    try:
        return pickle.loads(pickled)
    except BaseException as error:  # reading runs code of the user's
        return Missing(f"{name} was set to what cannot be read in another process: "
                       f"{described(error)}")  # fmt: skip


class _leaving(suppress):
    """Leaves out what cannot be put there: the user's classes may refuse, or not be readable."""

    def __init__(self) -> None:
        super().__init__(BaseException)


def _holder(module: ModuleType, path: str) -> tuple[Any, str]:
    holder: Any = module
    *way, name = path.split(".")
    for part in way:
        holder = vars(holder)[part]
    return holder, name


def _put(module: ModuleType, path: str, value: Any) -> None:
    holder, name = _holder(module, path)
    setattr(holder, name, value)


def _put_code(module: ModuleType, path: str, code: Any, defaults: tuple[Any, Any]) -> None:
    """Give a function other code, in place; make one where there is none."""
    place = int(path[-1]) if path[-1:] in ("1", "2", "3") and not _has(module, path) else 0
    holder, name = _holder(module, path[:-1] if place else path)
    own = vars(holder).get(name)
    functions = [part for part in parts(own) if part is not None]
    function: Any = innermost(functions[place]) if place < len(functions) else None
    is_its_own = type(function) is FunctionType and function.__globals__ is vars(module)
    if is_its_own and len(function.__code__.co_freevars) == len(code.co_freevars):
        function.__code__ = code
        function.__defaults__, function.__kwdefaults__ = defaults
        return
    if not code.co_freevars and not place:
        made = FunctionType(code, vars(module), code.co_name, defaults[0])
        made.__kwdefaults__, made.__qualname__ = defaults[1], code.co_qualname
        setattr(holder, name, made)


def _has(module: ModuleType, path: str) -> bool:
    try:
        holder, name = _holder(module, path)
    except KeyError:
        return False
    return name in vars(holder)
