"""Where we are: in a notebook's kernel, in a shell in a terminal, or in a script; and who looks."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = [
    "close_unused_pipes", "current_request", "current_shell", "has_kernel", "in_kernel", "in_voila",
    "is_captured", "is_prompt_shown", "nobody_looks", "say",
]  # fmt: skip

CONSOLE = re.compile(r"\b(jupyter[-_ ](console|qtconsole)|qtconsole|spyder)\b", re.IGNORECASE)
"""What the command that starts a console has in it."""


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
    """Tell whether somebody can see a picture that changes: not in a script, nor in a terminal.

    A console that talks to a kernel is a terminal too.

    Examples
    --------
    >>> in_kernel()
    False
    """
    return has_kernel() and not _of_console(os.getpid())


def has_kernel() -> bool:
    """Tell whether pictures are shown at all, if only once each, as a console does.

    Examples
    --------
    >>> has_kernel()
    False
    """
    return getattr(current_shell(), "kernel", None) is not None


@cache
def _of_console(process: int) -> bool:
    """Tell whether a console started this kernel: it shows each output once, and no update."""
    try:
        import psutil  # which the kernel depends on

        command = psutil.Process(process).parent().cmdline()
    except Exception:  # nobody is there any more, or nobody may ask
        return False
    return CONSOLE.search(" ".join(command[:3])) is not None


def current_request() -> dict[str, Any]:
    """Return the message that asked for what is being done: for the cell, or for a callback.

    Examples
    --------
    >>> current_request()
    {}
    """
    asked: Any = getattr(current_shell(), "get_parent", dict)()
    return asked if isinstance(asked, dict) else {}


def in_voila() -> bool:
    """Tell whether the notebook is an application in Voilà: an output is shown there once.

    Examples
    --------
    >>> in_voila()
    False
    """
    return "voila" in os.environ.get("SERVER_SOFTWARE", "").lower()


def nobody_looks() -> bool:
    """Tell whether a program executes the notebook, such as nbclient or papermill: nobody answers.

    Examples
    --------
    >>> nobody_looks()
    False
    """
    return current_request().get("content", {}).get("allow_stdin") is False and not in_voila()


def is_captured() -> bool:
    """Tell whether what is shown now is kept for later, as ``%%capture`` does.

    Examples
    --------
    >>> is_captured()
    False
    """
    publishers = sys.modules.get("IPython.core.displaypub")
    publisher = getattr(current_shell(), "display_pub", None)
    return publishers is not None and isinstance(publisher, publishers.CapturingDisplayPublisher)


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
