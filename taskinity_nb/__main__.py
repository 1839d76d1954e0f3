"""``python -m taskinity_nb``: what can be done from a shell; ``--help`` tells it."""

from __future__ import annotations

from .shell.commands import main

__all__ = ["main"]

if __name__ == "__main__":
    raise SystemExit(main())
