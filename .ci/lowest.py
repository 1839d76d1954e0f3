"""Prints the lowest versions that pyproject.toml allows, as constraints for pip.

python .ci/lowest.py              # of what the package itself needs
python .ci/lowest.py lab dask     # and of these extras
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
REQUIREMENT = re.compile(r"([\w.-]+)(?:\[([\w,-]+)\])?(?:>=([\w.]+)(?:,<[\w.]+)?)?")


def lowest(project: dict[str, Any], requirements: list[str]) -> Iterator[str]:
    """Yield ``name==version`` for each requirement; one of the project itself stands for extras."""
    for requirement in requirements:
        parts = REQUIREMENT.fullmatch(requirement)
        if parts is None:
            raise SystemExit(
                f"{requirement!r}: a requirement is 'name>=version', maybe with ',<version'"
            )
        name, extras, version = parts.groups()
        if name == project["name"]:
            for extra in (extras or "").split(","):
                yield from lowest(project, project["optional-dependencies"][extra])
        elif version is None:
            raise SystemExit(f"{requirement!r} has no lower bound")
        else:
            yield f"{name}=={version}"


def main(extras: list[str]) -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    print(*dict.fromkeys(lowest(project, wanted)), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
