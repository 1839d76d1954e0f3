"""The pages for users are true: examples run, pictures show the texts, links lead somewhere.

``UPDATE_GOLDEN=1`` draws the pictures anew.
"""

from __future__ import annotations

import doctest
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from taskinity_nb import parse_dsl

DOCS = Path(__file__).parent.parent / "docs"
PAGES = ("language.md", "howto.md", "cache.md", "start.md", "runs.md", "coming_from.md")
MADE = {"changelog.md", "contributing.md"}
"""Pages that the build of the site copies."""

LINKED = [
    path
    for path in sorted(DOCS.glob("*.md"))
    if path.name not in MADE and "](" in path.read_text(encoding="utf-8")
]
BLOCK = re.compile(r"^```(text|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PICTURED = re.compile(
    r"^```text\n([^`]*?)^```\n\n!\[[^\]]+\]\((language/\w+\.svg)\)$", re.MULTILINE
)
PICTURES = {
    name: text for text, name in PICTURED.findall((DOCS / PAGES[0]).read_text(encoding="utf-8"))
}


@pytest.fixture
def names(monkeypatch):
    """The names of a notebook, in which the examples run."""
    notebook = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", notebook)
    return vars(notebook)


OF_OTHERS = pytest.mark.leaves("threads", "environment", reason="joblib, Dask and pipefunc do so")


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=OF_OTHERS if page.startswith("coming") else ()) for page in PAGES],
)
def test_the_examples_run(page, names):
    """One after the other, as in a notebook; `text` is the text above an example."""
    source = (DOCS / page).read_text(encoding="utf-8")
    runner = doctest.DocTestRunner()
    for block in BLOCK.finditer(source):
        kind, text = block.groups()
        if kind == "text":
            names["text"] = text
            continue
        line = source.count("\n", 0, block.start(2))
        test = doctest.DocTestParser().get_doctest(text, names, page, str(DOCS / page), line)
        test.globs = names  # in place of its copy, so that the next one goes on with them
        assert not runner.run(test, clear_globs=False).failed


def told(svg):
    """Return the texts and the arrows of a picture, wherever Graphviz has put them."""
    parts = list(ElementTree.fromstring(svg).iter())
    texts = sorted(part.text for part in parts if part.text and part.text.strip())
    return texts, {(part.get("data-source"), part.get("data-target")) for part in parts}


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_show_the_texts(name, tmp_path):
    flow = parse_dsl(PICTURES[name])
    if os.environ.get("UPDATE_GOLDEN"):
        flow.save(DOCS / name)
    flow.save(tmp_path / "now.svg")
    saved = (DOCS / name).read_text(encoding="utf-8")
    assert told(saved) == told((tmp_path / "now.svg").read_text(encoding="utf-8"))


def test_each_picture_is_on_the_page():
    assert {f"language/{path.name}" for path in (DOCS / "language").iterdir()} == set(PICTURES)
    assert len(PICTURES) > 15


def anchors(page):
    """Return what the headings of a page are called in links."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{path.name}" for path in LINKED)])
def test_the_links_lead_somewhere(name):
    page = DOCS.parent / name
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    assert links
    for link in links:
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
