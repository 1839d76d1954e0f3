"""The explorer in the browser: one anywidget with its own inputs, and two charts drawn as SVG.

The inputs are those of HTML, because each has a label, obeys the keyboard, and is the same in
JupyterLab, in Notebook and in Voilà; a slider of ipywidgets has no name that a screen reader could
tell, and a matplotlib chart takes over a tenth of a second. What is set arrives as a message; what
is shown is state, so that a reloaded page is right again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import traitlets

from ...model.events import State
from ..graph.svg import glyph
from ..live.widget import Widget
from ..style.palette import EDGE, INK, LOOKS

__all__ = ["ExplorerWidget"]

_STATIC = Path(__file__).parent / "static"


class ExplorerWidget(Widget):
    """What a browser needs to show the explorer."""

    _esm = _STATIC / "explorer.js"
    _css = _STATIC / "explorer.css"

    title = traitlets.Unicode().tag(sync=True)
    names: traitlets.List[str] = traitlets.List().tag(sync=True)
    """What to call each task."""
    executors: traitlets.List[str] = traitlets.List().tag(sync=True)
    """The names of the executors that can be chosen."""
    sliders: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    """The inputs that can be set: name, least, most, whether whole, kind."""
    most = traitlets.Int().tag(sync=True)
    """The largest number of workers."""
    steps: traitlets.List[int] = traitlets.List().tag(sync=True)
    """The numbers of workers at which the slider stops."""
    looks = traitlets.Dict().tag(sync=True)
    """How bars look: `states` in the order of `State`, and the colours of all."""

    settings = traitlets.Dict().tag(sync=True)
    """What is set: `workers`, `executor`, `values`; and how many workers that `counts`."""
    answered = traitlets.Dict().tag(sync=True)
    """The view and the number of the last message that this state is the answer to."""
    shown = traitlets.Dict().tag(sync=True)
    """Of the Gantt chart: seconds, rows and words."""
    predicted = traitlets.Bytes().tag(sync=True)
    """The bars that are predicted (see `encoding`)."""
    measured = traitlets.Bytes().tag(sync=True)
    """The bars that lie over them; empty if these settings have not run."""
    curve = traitlets.Dict().tag(sync=True)
    """Of the curve: `points`, `knee`, and what was `measured`."""
    going = traitlets.Enum(("no", "yes", "cancelling"), "no").tag(sync=True)
    """Whether a run is going on."""
    status = traitlets.Unicode().tag(sync=True)
    """What goes on, or how the last run ended."""
    problem = traitlets.Unicode().tag(sync=True)
    """What went wrong, in words."""
    picture = traitlets.Enum(("no", "nothing", "yes"), "no").tag(sync=True)
    """Whether a picture can be left below: there is no place for it, or nothing to draw."""

    def __init__(self, hear: Callable[[dict[str, Any]], None], **traits: Any) -> None:
        looks = {
            "ink": INK,
            "edge": EDGE,
            "states": [
                {"word": state.words, "sign": glyph(LOOKS[state].sign), "fill": LOOKS[state].fill}
                for state in State
            ],
        }
        super().__init__(looks=looks, **traits)
        for action in ("set", "run", "cancel", "picture"):
            self.answer(action, hear)
