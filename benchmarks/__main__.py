"""Run all benchmarks, each in a process of its own: ``python benchmarks [--write]``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = (
    "overhead", "metg", "processes", "workflows", "explorer", "clusters", "live", "honesty",
    "cache", "limits", "memory",
)  # fmt: skip


def main() -> None:
    """Run them one after the other; `--workflows FOLDER` goes to those that take it."""
    arguments = sys.argv[1:]
    folder: list[str] = []
    if "--workflows" in arguments:
        place = arguments.index("--workflows")
        folder = arguments[place : place + 2]
        del arguments[place : place + 2]
    for script in SCRIPTS:
        path = Path(__file__).with_name(f"{script}.py")
        extra = folder if script in ("workflows", "limits") else []
        print(f"## {script}", flush=True)
        subprocess.run([sys.executable, path, *arguments, *extra], check=True)


if __name__ == "__main__":
    main()
