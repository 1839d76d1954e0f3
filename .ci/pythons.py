"""Prints the path of each Python that the classifiers name and that is found here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path


def found(version: str) -> Iterator[str]:
    """Yield where a Python of this version may be: on the path, or where pyenv keeps them."""
    command = shutil.which(f"python{version}")
    if command is not None:
        yield command
    kept = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    yield from map(str, sorted(kept.glob(f"{version}.*/bin/python{version}"), reverse=True))


def works(path: str) -> bool:
    """Tell whether it is more than a name: pyenv's is, for each version that it could have."""
    return not subprocess.run([path, "-c", ""], capture_output=True).returncode


project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
for version in re.findall(r"Python :: (\d+\.\d+)", "\n".join(project["classifiers"])):
    path = next(filter(works, found(version)), None)
    if path is not None:
        print(path)
