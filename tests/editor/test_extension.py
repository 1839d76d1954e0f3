"""The files of the extension, as a browser is sent them."""

from __future__ import annotations

import json
import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "share" / "jupyter" / "labextensions" / "taskinity-nb"
FILES = {path.name: path.read_text("utf-8") for path in (FOLDER / "static").iterdir()}


def test_all_that_is_sent_is_shown_as_text():
    for name, text in FILES.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\b|Function\(", text), (
            name
        )


def test_it_reaches_for_nothing_but_its_own_files():
    entry = json.loads((FOLDER / "package.json").read_text("utf-8"))["jupyterlab"]["_build"]["load"]
    reached, found = set(), [Path(entry).name]
    while found:
        name = found.pop()
        reached.add(name)
        assert "://" not in FILES[name] and "fetch(" not in FILES[name], name
        found += set(re.findall(r'(?:from|import) "\./([\w.]+)"', FILES[name])) - reached
        found += set(re.findall(r'new URL\("([\w.]+)", here\)', FILES[name])) - reached
    assert reached == set(FILES)
