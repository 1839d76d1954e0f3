"""What a task displays elsewhere appears in the cell that has started the run.

A worker has no shell of IPython. There, objects are made into texts and pictures by IPython's own
formatters, and what comes of that is sent and published here. IPython is imported by nobody but the
task that displays something.
"""

from __future__ import annotations

import builtins
import pickle
import sys
import uuid
from collections.abc import Callable
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

from ....strangers import described

__all__ = ["Displays", "publish", "taken_displays"]

FUNCTIONS = "IPython.core.display_functions"
INLINE = "matplotlib_inline.backend_inline"
FIGURES = ("figure_formats", "print_figure_kwargs", "close_figures")
"""What is said of figures by ``%config InlineBackend``."""

WhenImported = Callable[[str, Callable[[Any], object]], object]


def taken_displays() -> dict[str, Any] | None:
    """Return how things are displayed here, or None if there is no shell that displays them.

    Examples
    --------
    >>> taken_displays() is None or "types" in taken_displays()
    True
    """
    home: Any = sys.modules.get("IPython.core.interactiveshell")
    if home is None or not home.InteractiveShell.initialized():
        return None
    formatter = home.InteractiveShell.instance().display_formatter
    config: Any = getattr(sys.modules.get("matplotlib_inline.config"), "InlineBackend", None)
    figures = None
    if config is not None and config.initialized():
        figures = {name: getattr(config.instance(), name) for name in FIGURES}
    drawing: Any = sys.modules.get("matplotlib")
    is_on = INLINE not in sys.modules or drawing.is_interactive()  # it switches that on itself
    return {"types": list(formatter.active_types), "figures": figures, "is_interactive": is_on}


def publish(packed: bytes) -> None:
    """Publish here what was displayed elsewhere."""
    function, content = pickle.loads(packed)
    getattr(import_module(FUNCTIONS), function)(**content)


class Displays:
    """Stands in a worker for what displays things in a shell; `send` takes what `publish` wants.

    Where nobody takes it, things are printed, as IPython does where there is no shell.
    """

    def __init__(self, send: Callable[[bytes], object] | None) -> None:
        self._send = send
        self._settings: dict[str, Any] = {}
        self._formatter: Any = None

    def put(self, settings: dict[str, Any] | None, when_imported: WhenImported) -> None:
        """Have things displayed as `taken_displays` says; figures that were left are gone."""
        if self._send is not None and "matplotlib.pyplot" in sys.modules:
            import_module("matplotlib.pyplot").close("all")
        if settings is None:
            return
        if self._send is None:
            vars(builtins)["display"] = lambda *objects, **options: print(*objects)
            return
        if settings != self._settings:
            self._settings, self._formatter = settings, None
        vars(builtins)["display"] = self.display
        when_imported(FUNCTIONS, self._replace)
        when_imported(INLINE, self._set_inline)

    def _replace(self, functions: ModuleType) -> None:
        """Take the place of IPython's own functions, of which others may have a hold already."""
        for own in (self.display, self.publish_display_data, self.clear_output):
            old = getattr(functions, own.__name__, None)
            for name in (FUNCTIONS, "IPython.core.display", "IPython.display", "IPython"):
                module = sys.modules.get(name)
                if module is not None and vars(module).get(own.__name__, own) is old:
                    setattr(module, own.__name__, own)

    def _set_inline(self, inline: Any) -> None:
        """Have figures drawn as the shell draws them."""
        for name, value in (self._settings["figures"] or {}).items():
            setattr(inline.InlineBackend.instance(), name, value)
        import_module("matplotlib").interactive(self._settings["is_interactive"])
        self._formatter = None

    def display(
        self,
        *objects: Any,
        include: Any = None,
        exclude: Any = None,
        metadata: dict[str, Any] | None = None,
        transient: Any = None,
        display_id: Any = None,
        raw: bool = False,
        clear: bool = False,
        **more: Any,
    ) -> Any:
        """Display objects; all is as IPython says of its own function."""
        transient = dict(transient or {})
        if display_id:
            display_id = uuid.uuid4().hex if display_id is True else display_id
            transient["display_id"] = display_id
            if not objects:
                objects, raw = ({},), True
        if more.get("update") and "display_id" not in transient:
            raise TypeError("display_id required for update_display")
        if clear:
            self.clear_output(wait=True)
        for each in objects:
            data, told = each, dict(metadata or {})
            if not raw:
                data, own = self._formats().format(each, include=include, exclude=exclude)
                told = _merged(own, told)
            if data or raw:
                self.publish_display_data(data, told, transient=transient, **more)
        if display_id:
            return import_module(FUNCTIONS).DisplayHandle(display_id)
        return None

    def publish_display_data(
        self, data: Any, metadata: Any = None, *, transient: Any = None, **more: Any
    ) -> None:
        """Send what is to be published."""
        content = {"data": data, "metadata": metadata, "transient": transient, **more}
        self._out(pickle.dumps(("publish_display_data", content)))

    def clear_output(self, wait: bool = False) -> None:
        """Have what was shown taken away."""
        self._out(pickle.dumps(("clear_output", {"wait": wait})))

    def _out(self, packed: bytes) -> None:
        assert self._send is not None
        self._send(packed)

    def flush(self) -> None:
        """Show the figures that a task has drawn and not shown, as the end of a cell does."""
        inline: Any = sys.modules.get(INLINE)
        if inline is None or not self._settings:
            return
        try:
            inline.flush_figures()
        except BaseException as error:  # to draw a figure may run code of the user's
            print(f"a figure cannot be shown: {described(error)}", file=sys.stderr)

    def _formats(self) -> Any:
        if self._formatter is None:
            formatters: Any = import_module("IPython.core.formatters")
            made = formatters.DisplayFormatter()
            made.active_types = self._settings["types"]
            inline: Any = sys.modules.get(INLINE)
            if inline is not None:
                config = inline.InlineBackend.instance()
                shell = SimpleNamespace(display_formatter=made)
                inline.select_figure_formats(
                    shell, config.figure_formats, **config.print_figure_kwargs
                )
            self._formatter = made
        return self._formatter


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return one mapping with another laid over it, also where mappings lie in mappings."""
    result = dict(one)
    for name, value in other.items():
        own: Any = result.get(name)
        both = isinstance(own, dict) and isinstance(value, dict)
        result[name] = _merged(own, value) if both else value
    return result
