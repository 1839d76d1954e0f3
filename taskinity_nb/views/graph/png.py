"""The PNG of a graph: its SVG, rasterised."""

from __future__ import annotations

import math
import unicodedata

from ...errors import FlowError
from .text_width import FONT, font_file

__all__ = ["PIXELS_PER_POINT", "rasterise"]

PIXELS_PER_POINT = 2.0
"""As many as in the charts; a screen shows a point as a pixel and a third."""

LONGEST_SIDE, MOST_PIXELS = 4000, 1_600_000
"""A larger picture has fewer pixels a point: a million of them take a tenth of a second."""


def rasterise(svg: str, width: float, height: float) -> bytes:
    """Return an SVG as a transparent PNG, smaller if it were huge.

    Parameters
    ----------
    svg : str
        What is drawn.
    width, height : float
        How large its view box is, in points.

    Raises
    ------
    FlowError
        If it cannot be drawn.
    """
    import resvg_py

    longest, area = max(width, height, 1.0), max(width * height, 1.0)
    scale = min(PIXELS_PER_POINT, LONGEST_SIDE / longest, math.sqrt(MOST_PIXELS / area))
    font = font_file()
    try:
        drawn: bytes = resvg_py.svg_to_bytes(
            svg_string=svg,
            width=max(1, round(width * scale)),
            height=max(1, round(height * scale)),
            dpi=96.0,
            font_files=[] if font is None else [str(font)],
            font_family=FONT,
            sans_serif_family=FONT,
            # To read those of the system takes longer than to draw; few graphs need them.
            skip_system_fonts=font is not None and not _needs_other_fonts(svg),
        )
    except Exception as error:
        raise FlowError(f"the picture cannot be drawn as PNG: {error}") from error
    return drawn


def _needs_other_fonts(text: str) -> bool:
    """Tell whether there is a script in a text that our own font may lack."""
    return not text.isascii() and any(
        0x0700 <= ord(each) < 0x1D00 or ord(each) >= 0x10000
        or unicodedata.east_asian_width(each) in "WF"
        for each in text
    )  # fmt: skip
