"""What a function brings along to another process that must not be the same in each of them.

Random generators get streams of their own there (`randomness`). An iterator or a counter cannot:
each process would have a copy that gives the same, so it is named instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import UnpicklableError
from ...strangers import described, is_interrupt
from ...values import is_once, kind_of
from ..remote.randomness import is_generator, owned_by, print_of
from .nested import Named, Nested
from .reach import Found, is_standard, reach

__all__ = ["Packed", "pack_function"]


class Packed(NamedTuple):
    """A function as it was shipped, and whether its calls are told the name of their stream."""

    content: Any
    draws: bool


def pack_function(
    name: str,
    function: Callable[..., Any],
    call: Callable[..., Any],
    leading: tuple[Any, ...],
    nested: Nested,
    ship: Callable[..., Any],
    dumps: Callable[..., bytes],
    remote: Callable[[str], Any],
) -> Packed:
    """Ship a call that begins with `leading`, and tell whether it draws.

    `function` is what of it is the user's, and `name` what the task is called; `remote` returns a
    module of `remote` under the name that it has where the bytes are read.

    Raises
    ------
    UnpicklableError
        If the function uses what can be read only once.
    """
    there = remote("randomness")
    met = list(reach(function))
    for found in met:
        if is_once(found.value) and not is_standard(found.value):
            raise _alike(name, found)
    named = nested.named_by(met)
    streams: list[tuple[Any, Any]] = []  # generators, and what stands for them there

    def note(value: Any) -> None:
        if is_generator(value) and not any(value is known for known, _ in streams):
            streams.append((value, value))

    if named is None:
        content = ship((call, leading), note=note)
    else:
        met += named.met
        while True:
            streams.clear()
            whole = remote("notebook").InNotebook(named.names, named.lost), (call, *leading)
            try:
                content = ship(whole, note=note)
                break
            except BaseException as error:
                if is_interrupt(error) or not _leave_out(named, dumps):
                    raise
        call, leading = whole
    for way, value, module in met:
        is_of_module = is_generator(value) and module not in ("", "__main__")
        if is_of_module and not any(value is known for known, _ in streams):
            streams.append((value, there.OfModule(module, way[-1])))
    owned = {id(part) for known, _ in streams for part in owned_by(known)}
    streams = [pair for pair in streams if id(pair[0]) not in owned]
    if not streams:
        return Packed(content, False)
    data = dumps((call, leading, [stand_in for _, stand_in in streams]))
    drawing = there.Drawing(data, [print_of(known) for known, _ in streams])
    return Packed(ship((drawing, ())), True)


def _leave_out(named: Named, dumps: Callable[..., bytes]) -> bool:
    """Leave out what texts name and what cannot be pickled; return whether there is any."""
    before = len(named.names)
    for name, value in list(named.names.items()):
        try:
            dumps(value)
        except BaseException as error:
            if is_interrupt(error):
                raise
            named.lose(name, described(error))
    return len(named.names) < before


def _alike(name: str, found: Found) -> UnpicklableError:
    way = f" ({' → '.join(found.way)})" if len(found.way) > 2 else ""
    return UnpicklableError(
        f"task '{name}': its function cannot be sent to another process: it uses "
        f"'{found.way[-1]}'{way}, {kind_of(found.value)}, of which each process would have a copy "
        "that gives the same",
        remedy="pass what it gives as an argument, from an input or from a task of its own, "
        'or run with executor="threads"',
    )
