"""Where we are: in a notebook's kernel, in a shell in a terminal, or in a script."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["close_unused_pipes", "current_shell", "in_kernel", "is_prompt_shown", "say"]


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


def is_prompt_shown() -> bool:
    """Tell whether somebody may be typing at the prompt of a shell in a terminal.

    Examples
    --------
    >>> is_prompt_shown()
    False
    """
    prompt = getattr(getattr(current_shell(), "pt_app", None), "app", None)
    return prompt is not None and bool(prompt.is_running)


def say(text: str) -> None:
    """Print a text, with ``?`` for what the encoding of ``stdout`` lacks.

    Examples
    --------
    >>> say("load -> save")
    load -> save
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


def close_unused_pipes(*_: object) -> None:
    """Have the kernel close the pipes of threads that have ended.

    Each thread that writes or shows something costs it one, which it closes every ten seconds; with
    256 descriptors, that is too late for who runs cells quickly.

    Examples
    --------
    >>> close_unused_pipes()
    """
    thread = getattr(getattr(current_shell(), "kernel", None), "iopub_thread", None)
    loop, collect = getattr(thread, "io_loop", None), getattr(thread, "_event_pipe_gc", None)
    if loop is not None and collect is not None:
        loop.add_callback(collect)
