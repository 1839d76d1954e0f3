"""Previews of users' objects: bounded in size and time, and made through IPython's formatters.

What is shown of an object is made by code of the user's, so it may raise, be huge or never end. It
is made in a thread of its own that nobody waits for longer than a limit, and cut before it is sent.
"""

from __future__ import annotations

import ctypes
import re
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ...errors import NoResultError, described
from ...formatting import LONGEST_TEXT, clean, counted, cut

__all__ = ["preview"]

Preview = dict[str, str]
"""``kind`` ("text", "image", "html", "note", "missing") and ``data``; ``type`` says of what."""

LARGEST_HTML = 200_000
LARGEST_IMAGE = 1_500_000
"""Characters as they are sent; of more nothing is shown, since a half of it would be broken."""

WIDEST_FIGURE = 720
"""Pixels."""

PATIENCE = 2.0
"""Seconds."""

_PLAIN_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


class _Enough(BaseException):
    """Ends a text that is long enough; no ``except Exception`` of a repr catches it."""


class _Page:
    """Takes a text until it is full."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text[: LONGEST_TEXT + 1]
        if len(self.text) > LONGEST_TEXT:
            raise _Enough


def preview(get: Callable[[], Any], patience: float = PATIENCE) -> Preview:
    """Return what can be shown of an object: a picture, else HTML, else text.

    After so many seconds of `patience` nothing is shown. What is at work on it, be it to load the
    object, then gets an exception, which ends a loop in Python. A loop in C goes on in its thread,
    beside everything else; if it also keeps the interpreter's lock, nothing in this process gets a
    turn before it ends. HTML is as the object made it: it is to be shown where nothing in it can
    run.

    Examples
    --------
    >>> preview(lambda: [1, "two"])
    {'kind': 'text', 'data': "[1, 'two']", 'type': 'list of 2'}
    >>> preview(lambda: 1 / 0)
    {'kind': 'note', 'data': 'it cannot be shown: ZeroDivisionError: division by zero'}
    """
    made: list[Preview] = []
    at_its_end = threading.Lock()

    def work() -> None:
        with suppress(_Enough):  # it may come at any moment, if only once
            preview = _tried(get)
            with at_its_end:
                made.append(preview)

    thread = threading.Thread(target=work, name="preview", daemon=True)
    thread.start()
    thread.join(patience)
    with at_its_end:  # it cannot end now, and leave its number to another thread, which gets it
        if made:
            return made[0]
        stop = ctypes.pythonapi.PyThreadState_SetAsyncExc
        stop(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Enough))
    return _note(f"it cannot be shown: its repr has not ended in {patience:g} s")


def _tried(get: Callable[[], Any]) -> Preview:
    try:
        return _shown(get())
    except NoResultError as error:
        return {"kind": "missing", "data": clean(error.message)}
    except BaseException as error:
        return _note(f"it cannot be shown: {described(error)}")


def _note(text: str) -> Preview:
    return {"kind": "note", "data": clean(text)}


def _shown(value: Any) -> Preview:
    kind = _type_of(value)
    if type(value) in (str, bytes, bytearray):
        data = repr(value[:LONGEST_TEXT])
        return {"kind": "text", "data": cut(data, len(value) > LONGEST_TEXT), "type": kind}
    failure = ""
    for make in (_image, _html):
        try:
            found = make(value)
        except Exception as error:
            failure = failure or f"{described(error)}"
            continue
        if found is not None:
            return {**found, "type": kind}
    try:
        text = {"kind": "text", "data": _text(value), "type": kind}
    except Exception as error:
        failure = described(error)
        text = {"kind": "note", "data": "", "type": kind}
    if failure:
        text["data"] = f"{text['data']}\n(its repr raised {clean(failure)})".lstrip()
    return text


def _type_of(value: Any) -> str:
    """Say what an object is, and how large.

    Examples
    --------
    >>> _type_of("text"), _type_of({1, 2}), _type_of(None)
    ('str of 4 characters', 'set of 2', 'NoneType')
    """
    kind = type(value)
    name = clean(kind.__qualname__)
    if kind in (str, bytes, bytearray):
        return f"{name} of {counted(len(value), 'character' if kind is str else 'byte')}"
    if kind in (list, tuple, dict, set, frozenset):
        return f"{name} of {len(value):,}"
    try:
        shape = value.shape
    except Exception:
        return name
    if isinstance(shape, tuple) and all(isinstance(side, int) for side in shape) and shape:
        return f"{name}, {' × '.join(f'{side:,}' for side in shape[:8])}"
    return name


def _image(value: Any) -> Preview | None:
    """Return the picture that an object makes of itself."""
    for mime in ("image/png", "image/jpeg", "image/svg+xml"):
        data = _formatted(mime, value)
        if data is None and mime == "image/png":
            data = _drawn(value)
        if data is None:
            continue
        if isinstance(data, str):
            plain = mime != "image/svg+xml" and _PLAIN_BASE64.fullmatch(data)
            encoded = data if plain else b64encode(clean(data).encode()).decode("ascii")
        else:
            encoded = b64encode(data).decode("ascii")
        if len(encoded) > LARGEST_IMAGE:
            return _note(f"a picture of {len(encoded) * 3 // 4:,} bytes is too large to show here")
        return {"kind": "image", "data": f"data:{mime};base64,{encoded}"}
    return None


def _drawn(value: Any) -> bytes | None:
    """Draw a matplotlib figure that no formatter was registered for."""
    matplotlib = sys.modules.get("matplotlib.figure")
    if matplotlib is None or not isinstance(value, matplotlib.Figure):
        return None
    from IPython.core.pylabtools import print_figure

    dpi = min(value.dpi, WIDEST_FIGURE / max(value.get_figwidth(), 0.1))
    drawn: bytes | None = print_figure(value, "png", dpi=dpi)
    return drawn


def _html(value: Any) -> Preview | None:
    data = _formatted("text/html", value)
    if not isinstance(data, str) or len(data) > LARGEST_HTML:
        return None
    return {"kind": "html", "data": clean(data)}


def _formatted(mime: str, value: Any) -> Any:
    """Return what IPython's formatter makes of an object; what that raises is raised."""
    from IPython.utils.dir2 import get_real_method

    formatter = _formatters()[mime]
    try:
        make = formatter.lookup(value)
    except KeyError:
        method = get_real_method(value, formatter.print_method)
        made = None if method is None else method()
    else:
        made = make(value)
    return made[0] if isinstance(made, tuple) else made  # some return metadata beside it


def _text(value: Any) -> str:
    from IPython.lib.pretty import RepresentationPrinter

    formatter, page = _formatters()["text/plain"], _Page()
    printers = formatter.type_printers | dict.fromkeys((str, bytes, bytearray), _write)
    printer = RepresentationPrinter(
        page, max_width=88, max_seq_length=200,
        singleton_pprinters=formatter.singleton_printers,
        type_pprinters=printers,
        deferred_pprinters=formatter.deferred_printers,
    )  # fmt: skip
    try:
        printer.pretty(value)
        printer.flush()
    except _Enough:
        pass
    return cut(page.text)


def _write(value: Any, printer: Any, _: bool) -> None:
    """Write the beginning of a text in a collection: no repr of one is stopped before its end."""
    is_long = type(value) in (str, bytes, bytearray) and len(value) > LONGEST_TEXT
    printer.text(repr(value[: LONGEST_TEXT + 1] if is_long else value))


def _formatters() -> Any:
    from IPython import get_ipython
    from IPython.core.formatters import DisplayFormatter

    shell = get_ipython()
    return (DisplayFormatter() if shell is None else shell.display_formatter).formatters
