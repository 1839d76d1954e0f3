"""Graphviz itself: DOT text in, a picture out.

The library inside the ``pygraphviz`` wheel does it within this process: nothing to install, and ten
times faster than a process on small graphs. Where that wheel is missing, a ``dot`` process does it.
Both layouts use the fonts that matplotlib carries, so that the wheel's is the same on each machine.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

from ...engine.transport.ownership import new_file
from ...engine.transport.workspace import WorkDir
from ...errors import FlowError

__all__ = ["FONT", "render"]

FONT = "DejaVu Sans"
"""The font of all labels; matplotlib carries it."""

_lock = threading.Lock()
_has_drawn = False


def render(source: str, format: Literal["svg", "png", "dot"], *, placed: bool = False) -> bytes:
    """Lay out a graph and draw it.

    ``"dot"`` is the same graph with positions. Where nodes and edges have positions already
    (`placed`), these are kept.

    Raises
    ------
    FlowError
        If Graphviz is missing, or refuses the text.

    Examples
    --------
    >>> render("digraph { a -> b }", "svg").startswith(b"<?xml")
    True
    """
    try:
        import pygraphviz
    except ImportError:
        return _by_process(source, format, placed)
    with _lock, _first_draw(source):
        try:
            graph = pygraphviz.AGraph(string=source)
            if not placed:
                # Not by draw(prog=...), which prints a warning for more than 1,000 nodes.
                graph.layout(prog="dot")
                if format == "dot":
                    return str(graph.to_string()).encode()
            graph.has_layout = True
            drawn: bytes = graph.draw(format=format)
        except ValueError as error:
            raise FlowError(f"Graphviz could not draw the flow: {error}") from error
    return drawn


def _by_process(source: str, format: str, placed: bool) -> bytes:
    import graphviz

    engine, keep = ("neato", 2) if placed else ("dot", None)
    try:
        drawn: bytes = graphviz.pipe(engine, format, source.encode(), neato_no_op=keep, quiet=True)
        return drawn
    except graphviz.ExecutableNotFound:
        raise FlowError(
            "Graphviz is missing, so the flow cannot be drawn",
            remedy="install the wheel that holds it, 'pip install pygraphviz', or Graphviz itself "
            "so that 'dot' is on the PATH",
        ) from None
    except graphviz.CalledProcessError as error:
        raise FlowError(f"Graphviz could not draw the flow: {error}") from error


@contextlib.contextmanager
def _first_draw(source: str) -> Iterator[None]:
    """Choose the fonts of this process, and keep fontconfig's complaints out of the output.

    Fontconfig reads its configuration once, at the first draw, so that goes right after it. The
    wheel's fontconfig is older than that of many systems, and says so on file descriptor 2, which a
    notebook shows under the cell.
    """
    global _has_drawn
    if _has_drawn:
        yield
        return
    _has_drawn = True
    with _without_fontconfig_warnings(), _configured(source):
        yield


@contextlib.contextmanager
def _configured(source: str) -> Iterator[None]:
    """Name our configuration to fontconfig, unless the user has one or no folder takes it."""
    if "FONTCONFIG_FILE" in os.environ:
        yield
        return
    with closing(WorkDir()) as workdir:
        for folder in workdir.folders:
            with contextlib.suppress(OSError), new_file(folder) as file:
                file.write(_configuration(source))
                os.environ["FONTCONFIG_FILE"] = str(file.name)
                break
        try:
            yield
        finally:
            os.environ.pop("FONTCONFIG_FILE", None)


_BEYOND_DEJAVU = re.compile("[\u0700-\u1cff\u2e80-\uffff\U00010000-\U0010ffff]")


def _configuration(source: str) -> bytes:
    """Return a fontconfig file; it names the system's fonts, slow to read, only where needed."""
    lines = []
    spec = importlib.util.find_spec("matplotlib")
    if spec is not None and spec.origin is not None:
        carried = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
        lines.append(f"<dir>{escape(str(carried))}</dir>")
    if not lines or _BEYOND_DEJAVU.search(source):
        windows = str(Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts")
        places = ["/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts"]
        places += ["/Library/Fonts", *([windows] if os.name == "nt" else [])]
        lines += [f"<dir>{escape(place)}</dir>" for place in places]
        lines.append('<dir prefix="xdg">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir>')
        # Matplotlib's font of last resort has a box for each character: it would win.
        lines.append("<selectfont><rejectfont><glob>*/LastResort*</glob></rejectfont></selectfont>")
    # A cache would be read by nobody: where there can be none, fontconfig goes without.
    lines.append(f"<cachedir>{escape(os.path.join(os.devnull, 'none'))}</cachedir>")
    lines.append("<config><rescan><int>0</int></rescan></config>")
    return "\n".join(["<?xml version='1.0'?>", "<fontconfig>", *lines, "</fontconfig>"]).encode()


@contextlib.contextmanager
def _without_fontconfig_warnings() -> Iterator[None]:
    """Hold back what is written to file descriptor 2, then pass on all but those warnings."""
    try:
        real = os.dup(2)
    except OSError:  # nothing is open there
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            held.seek(0)
            others = [line for line in held if not line.startswith(b"Fontconfig")]
            if others:
                os.write(real, b"".join(others))
            os.close(real)
