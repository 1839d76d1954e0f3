"""The module in which the user's program or notebook runs."""

from __future__ import annotations

import sys

__all__ = ["give_spec"]


def give_spec() -> None:
    """Give ``__main__`` what each module has, and `multiprocessing` asks for.

    ``%reset`` takes it away from a notebook.

    Examples
    --------
    >>> give_spec()
    >>> hasattr(sys.modules["__main__"], "__spec__")
    True
    """
    vars(sys.modules["__main__"]).setdefault("__spec__", None)
