"""The figure of a chart: it shows itself in a notebook, and pyplot does not know it.

In a notebook it has no paper, and inks that can be read on a white page and on a black one; what
is saved to a file is black on white.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba, to_rgba_array
from matplotlib.figure import Figure

from ..style.environment import current_shell
from ..style.palette import EDGE, INK
from .settings import default_settings

__all__ = [
    "PAPER",
    "WIDTH",
    "GanttAxes",
    "GanttFigure",
    "chart_bundle",
    "figure_of",
    "fitted_axes",
    "new_axes",
]

PAPER = "#ffffff"
WIDTH = 9.0
"""Inches."""
DPI = 144
"""Pixels an inch of the PNG; it is shown at 96."""
INKS = ("color", "edgecolor", "facecolor", "markeredgecolor", "markerfacecolor")
"""Properties of artists that may have the colour of ink."""


class GanttFigure(Figure):
    """A figure that shows itself in a notebook, and tells in words what it shows."""

    summary = ""

    def draw(self, renderer: Any) -> None:
        """Draw it under the settings that it was made under."""
        with default_settings():
            super().draw(renderer)

    def savefig(self, *args: Any, **options: Any) -> None:
        """Save it as any figure, under the settings that it was made under."""
        with default_settings():
            super().savefig(*args, **options)

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        buffer = io.BytesIO()
        with default_settings(), _on_any_page(self):
            self.savefig(
                buffer, format="png", dpi=DPI, facecolor="none", metadata={"Software": None}
            )
        width, height = (round(inches * 96) for inches in self.get_size_inches())
        return buffer.getvalue(), {"width": width, "height": height, "alt": repr(self)}

    def __repr__(self) -> str:
        return self.summary or super().__repr__()


class GanttAxes(Axes):
    """Axes that show their figure when they are a cell's value."""

    def _repr_png_(self) -> Any:
        figure = figure_of(self)
        return figure._repr_png_() if isinstance(figure, GanttFigure) else None

    def __repr__(self) -> str:
        figure = figure_of(self)
        return repr(figure) if isinstance(figure, GanttFigure) else super().__repr__()


def chart_bundle(ax: Axes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a notebook shows for a chart on a figure of its own, and is told of it."""
    figure = figure_of(ax)
    assert isinstance(figure, GanttFigure)
    png, facts = figure._repr_png_()
    bundle = {"image/png": b64encode(png).decode("ascii"), "text/plain": repr(figure)}
    return bundle, {"image/png": facts}


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes are in, also where they are in a part of it."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("these axes were removed from their figure")
    return figure


def new_axes(
    summary: str, height: float = 1.0, place: tuple[float, float, float, float] = (0, 0, 1, 1)
) -> Axes:
    """Return axes on a figure of their own, of which `summary` tells in words what it shows."""
    figure = _new_figure(summary, (WIDTH, height), None)
    return figure.add_axes(place, axes_class=GanttAxes, facecolor="none")


def fitted_axes(summary: str, size: tuple[float, float]) -> Axes:
    """Return axes on a figure of their own that make room for what is written around them."""
    figure = _new_figure(summary, size, "constrained")
    return figure.add_subplot(axes_class=GanttAxes, facecolor="none")


def _new_figure(summary: str, size: tuple[float, float], layout: Any) -> GanttFigure:
    _ask_them_first()
    figure = GanttFigure(figsize=size, dpi=100, facecolor=PAPER, layout=layout)
    FigureCanvasAgg(figure)
    figure.summary = summary
    return figure


def _ask_them_first() -> None:
    """Have IPython ask our figures how they look, and not what it was told of all figures.

    The first `plot` of a notebook tells it something of `Figure`, which counts for its subclasses
    too, and more than their own methods.
    """
    shell = current_shell()
    if shell is None or shell.display_formatter is None:
        return
    for kind, formatter in shell.display_formatter.formatters.items():
        for own in (GanttFigure, GanttAxes):
            if kind == "image/png":
                formatter.for_type(own, own._repr_png_)
            elif kind == "text/plain":
                formatter.for_type(own, lambda shown, printer, _: printer.text(repr(shown)))
            else:
                formatter.for_type(own, lambda _: None)


@contextmanager
def _on_any_page(figure: Figure) -> Iterator[None]:
    """Give what is written on the paper an ink that can be read on a black page as well."""
    before: list[tuple[Any, str, Any]] = []
    for artist in figure.findobj(lambda artist: getattr(artist, "is_on_paper", True)):
        for name in INKS:
            get = getattr(artist, f"get_{name}", None)
            if get is not None and _is_ink(get()):
                before.append((artist, name, get()))
    try:
        for artist, name, _ in before:
            artist.set(**{name: EDGE})
        yield
    finally:
        for artist, name, colour in before:
            artist.set(**{name: colour})


def _is_ink(colour: Any) -> bool:
    rows = to_rgba_array(colour)
    return len(rows) > 0 and bool((rows == to_rgba(INK)).all())
