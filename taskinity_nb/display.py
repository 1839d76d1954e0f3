"""How an object shows itself: it asks the renderer that was put in.

Runs, flows and comparisons lie far below the pictures of them. So that no import leads upward, the
methods by which they show themselves ask `renderer`; `taskinity_nb` puts in the one that draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol, cast

from .errors import FlowError, plain_lines, show_errors_with

__all__ = ["Exported", "Plain", "Progress", "Renderer", "Shown", "renderer", "set_renderer"]


class Progress(Protocol):
    """Tells how far something is, between its parts."""

    def before(self, number: int, place: int) -> None:
        """Tell that in a round the case at a place is next."""


class Renderer(Protocol):
    """What makes something to look at; each function tells by the type of what it is given how."""

    def mimebundle(self, shown: Any) -> tuple[dict[str, Any], dict[str, Any]]: ...
    def html(self, shown: Any) -> str | None: ...
    def text(self, shown: Any) -> str: ...
    def show(self, shown: Any) -> None: ...
    def traceback(self, error: BaseException) -> list[str]: ...
    def plot(self, shown: Any, ax: Any) -> Any: ...
    def inspect(self, shown: Any, part: str | None) -> Any: ...
    def export(self, shown: Any, form: str, *options: Any) -> Any: ...
    def progress(
        self, name: str, labels: Sequence[str], repeats: int
    ) -> AbstractContextManager[Progress]: ...


class Plain:
    """Shows what can be shown without drawing: the `repr` alone.

    Examples
    --------
    >>> Plain().mimebundle(1), Plain().traceback(FlowError("no task", remedy="write one"))
    (({'text/plain': '1'}, {}), ['FlowError: no task', 'write one'])
    >>> Plain().plot(1, None)
    Traceback (most recent call last):
    taskinity_nb.errors.FlowError: nothing that draws was imported
    write 'import taskinity_nb' first
    """

    def mimebundle(self, shown: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"text/plain": repr(shown)}, {}

    def html(self, shown: Any) -> str | None:
        return None

    def text(self, shown: Any) -> str:
        return object.__repr__(shown)

    def show(self, shown: Any) -> None:
        raise NotImplementedError  # by which IPython knows to ask for its texts

    def traceback(self, error: BaseException) -> list[str]:
        return plain_lines(error)

    def progress(self, *_: object) -> AbstractContextManager[Progress]:
        return nullcontext(_Silent())

    def _missing(self, *_: object) -> Any:
        raise FlowError(
            "nothing that draws was imported", remedy="write 'import taskinity_nb' first"
        )

    plot = inspect = export = _missing


class _Silent:
    def before(self, number: int, place: int) -> None:
        pass


_load: Callable[[], Renderer] = Plain


def renderer() -> Renderer:
    """Return what objects are shown with."""
    return _load()


class Shown:
    """What shows itself as text, and in a notebook as HTML."""

    __slots__ = ()

    def __repr__(self) -> str:
        return renderer().text(self)

    def _repr_html_(self) -> str | None:
        return renderer().html(self)


class Exported:
    """What shows itself as a whole or in part, and gives what it knows to other programs."""

    def to_frame(self) -> Any:
        """Return the record as a ``pandas.DataFrame``, where pandas is installed.

        Returns
        -------
        pandas.DataFrame
            A row for each task, followed by one for each item if it is mapped: ``task``, its
            ``flow``, ``item``, ``state``, ``worker``; in seconds since the run's start ``ready``,
            ``submitted``, ``started``, ``finished``, ``received``; in seconds ``wait`` (from ready
            to started), ``compute`` (from started to finished), ``transfer`` (from submitted to
            started and from finished to received, less the time in which its worker was at others
            of the batch), ``cpu``, ``waited`` (for a core), ``saved`` (by the cache);
            ``attempts``.

        Raises
        ------
        FlowError
            If pandas is not installed.
        """
        return renderer().export(self, "frame")

    def to_chrome_trace(self, path: str | Path) -> Path:
        """Write the record for a trace viewer: https://ui.perfetto.dev or ``chrome://tracing``.

        A row is a worker, a bar a task or an item, an arrow what a task waited for.

        Parameters
        ----------
        path : str or Path
            A JSON file in the Trace Event Format; an existing one is replaced.

        Returns
        -------
        Path
            The file.
        """
        return cast(Path, renderer().export(self, "trace", path))

    def inspect(self, task: str | None = None) -> Any:
        """Return a widget: the graph, and beside it what a task did, was given and returned.

        Parameters
        ----------
        task : str, optional
            The task to show at first; a click on another one shows that.
        """
        return renderer().inspect(self, task)

    def _repr_html_(self) -> str | None:
        return renderer().html(self)

    def _ipython_display_(self) -> None:
        renderer().show(self)


def set_renderer(load: Callable[[], Renderer]) -> None:
    """Have objects shown with what `load` returns; it is called when the first one is shown."""
    global _load
    _load = load
    show_errors_with(lambda error: renderer().traceback(error))
