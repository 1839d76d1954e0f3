"""How wide texts are in a graph, the same on each machine.

They are measured by the one font that matplotlib carries, whatever fonts a machine has. What that
font lacks, a browser writes with another one; there the width is a rule of thumb, rather too wide.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["FONT", "font_file", "width"]

FONT = "DejaVu Sans"
"""The font of all labels."""

UNITS = 2048
"""Of the font, in the height of a line; at this size widths are whole numbers."""

AVERAGE, WIDE, EMOJI = 0.6, 1.0, 1.3
"""Widths in the height of a line: where there is no font, of Chinese, and of small pictures."""

FIRST_EMOJI = 0x1F000


@cache
def font_file() -> Path | None:
    """Return the file that the font is in, without importing matplotlib."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    return path if path.exists() else None


def width(text: str, size: float) -> float:
    """Return how wide a text is, in points.

    Examples
    --------
    >>> round(width("load", 10), 1), width("日本", 10)
    (21.4, 20.0)
    """
    return size * sum(map(_width, text))


@cache
def _width(character: str) -> float:
    """Return the width of a character, in the height of a line."""
    code = ord(character)
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return EMOJI if code >= FIRST_EMOJI else WIDE
    font = _font()
    measured = AVERAGE if font is None else float(font.getlength(character)) / UNITS
    # Of these scripts the font has only few, and some letters are wider than its empty box.
    return max(measured, 0.8) if 0x0700 <= code < 0x1D00 or code >= 0x10000 else measured


@cache
def _font() -> Any:
    path = font_file()
    if path is None:
        return None
    from PIL import ImageFont

    return ImageFont.truetype(path, UNITS, layout_engine=ImageFont.Layout.BASIC)
