"""Where we are: in a notebook's kernel, in a shell in a terminal, or in a script."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["current_shell", "in_kernel", "say"]


def current_shell() -> InteractiveShell | None:
    """Return the IPython that runs here, if one does; it is not imported for that.

    Examples
    --------
    >>> current_shell() is None
    True
    """
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def in_kernel() -> bool:
    """Tell whether somebody can see a picture: not in a script, nor in a terminal.

    Examples
    --------
    >>> in_kernel()
    False
    """
    return getattr(current_shell(), "kernel", None) is not None


def say(text: str) -> None:
    """Print a text, with ``?`` for what the encoding of ``stdout`` lacks.

    Examples
    --------
    >>> say("load -> save")
    load -> save
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))
