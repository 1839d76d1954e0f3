"""Texts and objects that do harm wherever they are not treated as data."""

from __future__ import annotations

import time

__all__ = ["HUGE", "MARKUP", "Endless", "Evil", "Raises", "hostile_error"]

MARKUP = (
    "<script>window.pwned=1</script><img src=x onerror='window.pwned=2'>"
    "</svg></text>]]>\"'&lt;b&gt;&#60;i&#62;&amp;nbsp; {0} %s $x$ \\N "
    "\x1b[31mred\x1b[2J\x07\x00\u202e"
)
HUGE = "<b>&" * 2_500_000
"""Ten megabytes."""


class Raises:
    """Cannot be shown in any way."""

    def __repr__(self) -> str:
        raise RuntimeError(MARKUP)

    __str__ = __format__ = __repr__  # type: ignore[assignment]
    _repr_html_ = _repr_mimebundle_ = __repr__


class Endless:
    """Takes longer to be shown than anybody waits."""

    def __repr__(self) -> str:
        while True:
            time.sleep(0.01)

    __str__ = __repr__


class Evil:
    """Is shown as markup."""

    def __repr__(self) -> str:
        return MARKUP

    def _repr_html_(self) -> str:
        return MARKUP


def hostile_error(name: str = MARKUP, text: object = MARKUP) -> Exception:
    """Return an exception whose type is called like that."""
    kind = type(name.replace("\x00", ""), (ValueError,), {"__module__": "a<b>c"})
    error: Exception = kind(text)
    error.add_note(MARKUP)
    return error
