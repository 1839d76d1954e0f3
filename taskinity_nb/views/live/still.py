"""The picture of how a run has ended, that stays when the live graph has gone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..graph.verdicts import verdicts_of
from ..style.words import details_of

if TYPE_CHECKING:
    from ...model.run import Run
    from ..graph.picture import Picture

__all__ = ["made_small", "still_picture"]

TALLEST = 480
"""Pixels of the picture of a run that failed: the error is below it, and is to be seen."""


def still_picture(picture: Picture, run: Run) -> str:
    """Return the SVG of a run that has ended, as it stays.

    Examples
    --------
    >>> from taskinity_nb import run
    >>> from taskinity_nb.views.graph.picture import Picture
    >>> done = run("answer", namespace={"answer": lambda: 42}, executor="sequential")
    >>> 'data-task="answer" data-state="succeeded"' in still_picture(Picture(done.flow), done)
    True
    """
    states = {name: record.state for name, record in run.tasks.items()}
    drawn = picture.svg(states, details_of(run), run.critical_path, verdicts_of(run))
    return made_small(drawn) if any(state.is_failure for state in states.values()) else drawn


def made_small(drawn: str) -> str:
    """Return a picture no taller than `TALLEST`, drawn smaller if it is."""
    found = re.match(r"[^<]*(?:<[?!][^>]*>[^<]*)*<svg[^>]*>", drawn)
    height = found and re.search(r'\sheight="([\d.]+)([a-z]*)"', found[0])
    width = found and re.search(r'\swidth="([\d.]+)([a-z]*)"', found[0])
    if not found or not height or not width or "viewBox" not in found[0]:
        return drawn
    pixels = float(height[1]) * (4 / 3 if height[2] == "pt" else 1)
    if pixels <= TALLEST:
        return drawn
    head = found[0]
    for name, size in (("width", width), ("height", height)):
        smaller = f'{name}="{float(size[1]) * TALLEST / pixels:.0f}{size[2]}"'
        head = head.replace(size[0].strip(), smaller, 1)
    return head + drawn[len(found[0]) :]
