"""What is made for the site while it is built: pages, links, and the picture that moves."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

HERE = ROOT / "docs"

ELSEWHERE = {
    "": {
        "../notebooks/": "tutorials/",
        "../README.md": "index.md",
        "../CONTRIBUTING.md": "contributing.md",
        "../CHANGELOG.md": "changelog.md",
        "../LICENSE": "https://www.apache.org/licenses/LICENSE-2.0",
    },
    "contributing": {"README.md": "index.md", "docs/": ""},
    "tutorials/": {"../docs/": "../", "../README.md": "../index.md"},
}
"""Where on the site lies what pages of a clone lead to, by the beginnings of their names."""


def make_pages() -> None:
    """Put beside the pages what lies elsewhere in a clone, and record the picture that moves."""
    from moving import write_moving_picture

    shutil.copy(ROOT / "CONTRIBUTING.md", HERE / "contributing.md")
    shutil.copy(ROOT / "CHANGELOG.md", HERE / "changelog.md")
    tutorials = HERE / "tutorials"
    shutil.rmtree(tutorials, ignore_errors=True)
    shutil.copytree(
        ROOT / "notebooks", tutorials, ignore=shutil.ignore_patterns(".*", "execute.py", "*.txt")
    )
    write_moving_picture(HERE / "_static" / "moving.svg")


def lead_to_the_site(app: Any, name: str, source: list[str]) -> None:
    """Have links of a page, which are those of a clone, lead to pages of the site."""
    for beginning, links in ELSEWHERE.items():
        if name.startswith(beginning):
            for there, here in links.items():
                source[0] = re.sub(rf"\]\({re.escape(there)}", f"]({here}", source[0])


def setup(app: Any) -> dict[str, Any]:
    """Have Sphinx call what is here."""
    make_pages()
    app.connect("source-read", lead_to_the_site)
    return {"parallel_read_safe": True}
