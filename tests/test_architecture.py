"""The map of the code is true: `docs/architecture.md` and its picture.

``UPDATE_GOLDEN=1`` makes both anew.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_house import PACKAGE, arrows, room

from taskinity_nb import Flow, parse_dsl, to_dsl

pytestmark = pytest.mark.xdist_group("test_house")  # both read all modules, once

DOCS = PACKAGE.parent / "docs"
MAP = DOCS / "architecture.md"
PICTURE = DOCS / "rooms.svg"
BLOCK = re.compile(r"(?<=^```\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)


def rooms() -> Flow:
    """Return the rooms as a flow: what imports comes before what it imports."""
    below: dict[str, set[str]] = {}
    for module, targets in arrows().items():
        _, own = room(module)
        below.setdefault(own, set())
        below[own] |= {room(target)[1] for target in targets} - {own}

    @cache  # many ways lead to the rooms at the bottom
    def all_below(name):
        return below[name].union(*map(all_below, below[name]))

    def called(name):
        return "taskinity_nb" if name == "__init__" else name.replace(".", "_")

    return Flow(
        "Rooms",
        [
            (called(name), called(other))
            for name in sorted(below)
            for other in sorted(below[name])
            if not any(other in all_below(between) for between in below[name] - {other})
        ],
    )


def told(svg):
    """Return the texts and the arrows of a picture, wherever Graphviz has put them."""
    parts = list(ElementTree.fromstring(svg).iter())
    texts = sorted(part.text for part in parts if part.text and part.text.strip())
    return texts, {(part.get("data-source"), part.get("data-target")) for part in parts}


def test_the_map_has_the_rooms_that_there_are():
    flow = rooms()
    drawn = flow._repr_mimebundle_()[0]["image/svg+xml"]
    if os.environ.get("UPDATE_GOLDEN"):
        text = MAP.read_text(encoding="utf-8")
        MAP.write_text(
            BLOCK.sub(lambda _: to_dsl(flow).strip() + "\n", text, count=1), encoding="utf-8"
        )
        PICTURE.write_text(drawn, encoding="utf-8")
    (text,) = BLOCK.findall(MAP.read_text(encoding="utf-8"))
    assert parse_dsl(text) == flow
    assert told(PICTURE.read_text(encoding="utf-8")) == told(drawn)


def test_the_files_that_it_names_exist():
    text = MAP.read_text(encoding="utf-8")
    table = text.partition("| question | file |")[2].partition("\n## ")[0]
    assert table.count("\n| …") >= 15
    folder = Path()
    for name in re.findall(r"`([\w./-]+(?:\.py|\.js|/))`", text):
        beside = name.startswith(("tests/", "share/"))
        path = PACKAGE.parent / name if beside else PACKAGE / name
        if not path.exists():  # beside the one that was named before
            path = folder / name
        assert path.exists(), name
        folder = path if path.is_dir() else path.parent
