"""What a run finds in a store, and puts there."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Collection
from time import perf_counter_ns
from typing import Any

from ...formatting import short_time, size_text
from ...model.events import Entry, State
from ...model.flow import Flow
from ...model.refs import is_ref
from ...strangers import harmless
from ...values import is_once, kind_of
from ..rerun.buffers import Buffers
from ..rerun.contents.definitions import file_state
from ..rerun.fingerprint import Fingerprint, taken_apart
from ..rerun.resume import Prints
from ..runtime.interrupts import allow_interrupts
from ..scheduling.backend import Scheduling
from ..store.store import CannotKeep, CannotRead, Store
from ..store.store import Entry as Stored
from .compared import Compared, Comparisons
from .key import Key, as_state
from .keys import MOST_FETCHED, Keys, NoKey, asked, check
from .opening import let_go, store_for
from .parts import Parts, difference
from .remembered import note, recall_from

__all__ = ["RunCache", "cache_for"]


AT_ONCE = 250
"""Tasks, or items of a task, that are looked up together when the first of them is."""

MOST_TOLD = 1000
"""Tasks of a run of which it is written down what their functions were, and their results."""


class _Call:
    """What is known of a task, or of an item, whose turn has come.

    Attributes
    ----------
    task : int
        The slot of its task.
    name, item
        What that is called, and which item it is of; None if it is not mapped.
    key : Key or None
        That of a call that is to be made, until its result is kept.
    why : str
        What is said of it.
    saved : float or None
        The seconds that it has saved, if it was a hit.
    has_run : bool
        Whether it was none.
    """

    __slots__ = ("has_run", "item", "key", "name", "saved", "task", "why")

    def __init__(self, task: int, name: str, item: int | None) -> None:
        self.task, self.name, self.item = task, name, item
        self.key: Key | None = None
        self.why = ""
        self.saved: float | None = None
        self.has_run = False


class RunCache:
    """Looks results up when the turn of their tasks has come, and keeps those that were made.

    It is asked by the workers of a run, outside the scheduler's lock.

    Parameters
    ----------
    store : Store
        Where results lie; it is open.
    rerun : collection of str
        The tasks that run whatever there is.

    Attributes
    ----------
    prints : Prints
        The fingerprints of the run's plan, with nothing left out.
    compared : Comparisons
        What calls that ran were compared with; whoever holds it does not keep the cache alive.
    close : callable
        Lets go of the store, in which too much is no more than the limit then. It is called too
        when nobody holds the cache any more. What ends later is not kept.
    compared : Comparisons
        What calls that ran were compared with.
    """

    prints: Prints
    is_use = True
    """Whether looking something up counts as a use of it."""

    def __init__(self, store: Store, rerun: Collection[str] = ()) -> None:
        self._store, self._rerun = store, rerun
        self._use = _Use(store)
        self.close: Callable[[], None] = self._use.end  # which does not keep this alive
        self._at_end = weakref.finalize(self, self.close)
        self._calls: dict[int, _Call] = {}
        self._noted: set[str] = set()
        self._rows: dict[str, Any] = {}
        """What was read of the store, and not been asked for."""
        self._glanced: set[tuple[int, int]] = set()
        """Of which tasks or items that was, `AT_ONCE` each."""
        self._glancing = threading.Lock()
        self._sizes: dict[int, int] = {}
        """Bytes of the results of each task that are in the store, by its slot."""
        self.compared = Comparisons()
        self._functions: dict[tuple[str, str], tuple[Parts, Parts, str]] = {}
        """What functions consisted of and do, and what of it has changed, by their digests."""
        self._have_run: dict[str, bool] = {}
        """Whether anything is stored of a mapped task, as it was at its first miss."""

    def begin(self, scheduler: Scheduling) -> None:
        """Get ready for a run."""
        self._store.refresh()  # classes may have been defined again since the last one
        self._scheduler = scheduler
        self._keys = Keys(scheduler, self.prints)
        self._note = scheduler.run.record.note

    def recall(self, flow: Flow) -> None:
        """Recall what the tasks of a flow took in other processes, unless that was done."""
        recall_from(self._store, flow, is_once=True)

    def remember(self) -> None:
        """Write down that the run has ended, and what its tasks took."""
        run = self._scheduler.run
        names, flow = run.flow.tasks[:MOST_TOLD], run.flow
        functions = {
            flow.function_of(name): self.prints.functions[id(binding.task)].digest
            for name, binding in zip(names, run.plan.bindings, strict=False)
        }
        sizes = {names[task]: size for task, size in self._sizes.items() if task < len(names)}
        with self._use as is_open:
            if is_open:
                note(self._store, run, self.prints, {"sizes": sizes, "functions": functions})

    def part(self) -> None:
        """Let go of the run, which has ended."""
        self._rows = {}
        for known in (self._calls, self._noted, self._have_run, self._functions):
            known.clear()
        del self._scheduler, self._keys, self._note

    def find(self, slot: int) -> tuple[Any, Entry] | None:
        """Return the result of a call that was made before; None if it is to be made."""
        call = self._call(slot)
        if call.key is not None or call.why:  # it has failed, and is tried again
            return None
        with self._use as is_open:
            found: tuple[Any, Entry] | None = self._asked(self._find, slot) if is_open else None
        call.has_run = found is None
        return found

    def _call(self, slot: int) -> _Call:
        call = self._calls.get(slot)
        if call is None:
            scheduler = self._scheduler
            task = scheduler.owner(slot)
            item = None if task == slot else slot - scheduler.maps.where[task].first
            call = self._calls[slot] = _Call(task, scheduler.run.flow.tasks[task], item)
        return call

    def keep(self, slot: int, value: Any, entry: Entry) -> None:
        """Put a result that was made into the store."""
        with self._use as is_open:
            if is_open:
                self._asked(self._keep, slot, value, entry)

    def _asked(self, what: Callable[..., Any], slot: int, *details: Any) -> Any:
        """Look something up, or keep it, or say why that is not possible."""
        try:
            return allow_interrupts(what)(slot, *details)
        except (CannotKeep, NoKey) as why:
            self._say(slot, f"not cached: {harmless(str(why), 200)}")
            return None

    def ended(self, task: int, first: int, count: int) -> bool:
        """Say of a mapped task what its items have saved; return whether none of them has run."""
        calls = [self._calls[s] for s in range(first, first + count) if s in self._calls]
        saved = [call.saved for call in calls if call.saved is not None]
        have_run = any(call.has_run for call in calls)
        if saved:
            of = "" if len(saved) == count else f"{len(saved)} of {count} items "
            self._note(task, why=f"{of}cached: {short_time(sum(saved))} saved")
        else:
            self._note(task, why=next((call.why for call in calls if call.why), ""))
        return bool(saved) and not have_run

    def _find(self, slot: int) -> tuple[Any, Entry] | None:
        call, looked = self._calls[slot], self._keys.look(slot)
        stored = self._look_up(call, looked.text)
        reason = "it was named in rerun" if call.name in self._rerun else ""
        if stored is not None:
            reason = reason or _changed_file(stored)
            if not reason:
                try:
                    return self._hit(slot, call, stored, self._store.read(stored))
                except CannotRead as why:
                    reason = str(why)
        call.key = looked.told()
        if stored is None:
            changed = self._change(slot, call, call.key)
            reason = reason or changed
        self._keys.parts(slot)  # as they are before it runs, and may change them
        self._say(slot, reason and f"runs again: {reason}")
        return None

    def _look_up(self, call: _Call, key: str) -> Stored | None:
        """Look for the entry with a key, among those that were read together at first."""
        flow = self._scheduler.run.flow
        of, place = (-1, call.task) if call.item is None else (call.task, call.item)
        block = of, place // AT_ONCE
        if block not in self._glanced:
            with self._glancing:
                if block not in self._glanced:
                    start = place - place % AT_ONCE
                    tasks = flow.tasks[start : start + AT_ONCE] if of < 0 else [call.name]
                    items = None if of < 0 else range(start, start + AT_ONCE)
                    self._rows |= self._store.glance(flow.name, tasks, items)
                    self._glanced.add(block)
        return self._store.find(key, is_use=self.is_use, row=self._rows.pop(key, None))

    def _hit(self, slot: int, call: _Call, stored: Stored, value: Any) -> tuple[Any, Entry]:
        files = dict.fromkeys(stored.files)
        self._keys.note(slot, Fingerprint(stored.content, {}, files, {}, []))
        call.saved = stored.seconds
        self._add_size(call.task, stored.size)
        now, why = perf_counter_ns(), f"cached: {short_time(stored.seconds)} saved"
        return value, (slot, State.CACHED, now, why, stored.seconds, now)

    def _keep(self, slot: int, value: Any, entry: Entry) -> None:
        call = self._calls.get(slot)
        if call is None or call.key is None:  # the run has ended, or it is kept
            return
        key, call.key = call.key, None
        made, buffers = self._digest(slot, value)
        changed = [path for path, was in key.files.items() if file_state(path) != was]
        for path in changed:  # one that it has made, or that its result names, is its own doing
            if key.files[path] is not None and path not in made.files:
                raise CannotKeep(f"the file '{path}', which it uses, has changed meanwhile")
        if changed:
            key = self._keys.key(slot)
        self._note_function(slot, key.function)
        parts = {
            "function": key.function,
            "arguments": key.arguments,
            "files": key.files,
            "folder": key.folder,
        }
        kept = self._store.write(
            key.text, made.digest, value, seconds=(entry[2] - entry[3]) * 1e-9,
            flow=self._scheduler.run.flow.name, task=call.name, item=call.item, parts=parts,
            files={path: file_state(path) for path in made.files}, buffers=buffers,
        )  # fmt: skip
        self._add_size(call.task, kept.size)

    def _add_size(self, task: int, size: int) -> None:
        self._sizes[task] = self._sizes.get(task, 0) + size

    def _digest(self, slot: int, value: Any) -> tuple[Fingerprint, Buffers]:
        """Return what stands for a result that can be kept, and for its buffers."""
        if is_ref(value):
            if value.place and (value.nbytes or 0) > MOST_FETCHED:
                raise CannotKeep(
                    f"its result lies on a cluster and has {size_text(value.nbytes or 0)}"
                )
            value = asked(value.fetch)
        if is_once(value):
            raise CannotKeep(f"its result, {kind_of(value)}, can be read only once")
        made, buffers = asked(taken_apart, value)
        self._keys.note(slot, made)
        check(made, "its result")
        return made, buffers

    def _note_function(self, slot: int, digest: str) -> None:
        """Have the store know what a function consists of, as soon as a result of it is kept."""
        if digest not in self._noted:
            known = self._store.function(digest)
            self._store.note_function(digest, known or self._keys.parts(slot))
            self._noted.add(digest)

    def _change(self, slot: int, call: _Call, key: Key) -> str:
        """Return what has changed since the task ran last; an empty text if it has not run."""
        flow, name, item = self._scheduler.run.flow.name, call.name, call.item
        if item is not None:
            if name not in self._have_run:
                self._have_run[name] = self._store.has_run(flow, name)
            if not self._have_run[name]:
                return ""
        stored = self._store.latest(flow, name, item)
        if stored is None:
            return ""
        before, now, words = self._change_of_function(slot, key.function, stored)
        self.compared.add(slot, Compared(key, stored.parts, stored.made, before, now))
        return words or key.change(stored.parts)

    def _change_of_function(
        self, slot: int, function: str, stored: Stored
    ) -> tuple[Parts, Parts, str]:
        """Return what the function of a task consisted of and does, and what of it has changed."""
        then = stored.parts["function"]
        if then == function:
            return {}, {}, ""
        both = then, function
        if both not in self._functions:
            before, now = self._store.function(then) or {}, self._keys.parts(slot)
            words = before and difference(before, now)
            self._functions[both] = before, now, words or "its function has changed"
        return self._functions[both]

    def _say(self, slot: int, why: str) -> None:
        if why:
            call = self._calls[slot]
            call.why = f"{call.why}; {why}" if call.why else why
            self._note(slot, why=call.why)


def _changed_file(stored: Stored) -> str:
    """Return which file that a result names is not what it was when that was made."""
    for path, was in stored.files.items():
        now = file_state(path)
        if was is not None and now != as_state(was):
            gone = "is gone" if now is None else "has changed"
            return f"the file '{path}', which its result names, {gone}"
    return ""


class _Use:
    """That a run uses a store, until the run is over and nobody is in the middle of something."""

    def __init__(self, store: Store) -> None:
        self._store: Store | None = store
        self._lock = threading.RLock()  # reentrant: the garbage collector may end a use
        self._users = 0
        self._is_open = True

    def __enter__(self) -> bool:
        with self._lock:
            self._users += 1
            return self._is_open

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
        if not self._is_open:
            self.end()

    def end(self) -> None:
        """Let go of the store; who is in the middle of something does so instead."""
        with self._lock:
            self._is_open = False
            store = None if self._users else self._store
            if store is not None:
                self._store = None
        if store is not None:
            let_go(store)


def cache_for(cache: Any, rerun: Collection[str] = ()) -> RunCache | None:
    """Return the cache that an option of a run means; None if there is none, or none is usable."""
    store = store_for(cache)
    return None if store is None else RunCache(store, rerun)
