"""What the extension makes of cells that are written, in JupyterLab and in Notebook 7."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from browsers import open_notebook, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PICTURE = Path(__file__).parents[2] / "docs" / "editor.png"
GOLDEN = Path(__file__).parents[1] / "golden" / "roles.json"
CELLS = json.loads(GOLDEN.read_text("utf-8"))
LINE = "%flow Report --workers 3 depth=2"
PYTHON = f"for name in input('?'): print(map)\n{LINE}\ntext = '''\n{LINE}\n'''"

VARIABLE = {
    "magic": "meta", "option": "attribute", "keyword": "keyword", "definition": "def",
    "name": "", "key": "property", "parameter": "attribute", "string": "string", "number": "number",
    "atom": "atom", "arrow": "operator", "operator": "operator", "mark": "punctuation",
    "comment": "comment", "wrong": "",
}  # fmt: skip
"""Which of a theme's colours each role has; some have that of plain text."""

FUNCTIONS = """%load_ext taskinity_nb
import threading
go = threading.Event()
def load(path="numbers.csv"):
    "Read <b>numbers</b>."
def clean(load): pass"""
MISSPELT = """%%flow --workers 2
flow Report:
    load -> later(depth=3) as deep  # is not written yet
    input rows, factor = 2.5
    description: "What the day has brought"
    load -> claen"""
LAST = 5
"""Its last line."""
RUNNING = "go.wait(60)"
WRONG = ".jp-Notebook .jp-CodeCell:nth-child(2) .taskinity-error"
UNKNOWN = WRONG.replace("error", "unknown")
TOOLTIP = ".taskinity-tooltip"

COLOURS = """
([cell, variables]) => {
  const content = document.querySelectorAll('.jp-Notebook .jp-CodeCell .cm-content')[cell];
  const probe = content.appendChild(document.createElement('span'));
  const known = Object.fromEntries(variables.map((name) => {
    probe.style.color = name ? `var(--jp-mirror-editor-${name}-color)` : 'inherit';
    return [name, getComputedStyle(probe).color];
  }));
  probe.remove();
  const lines = [...content.querySelectorAll('.cm-line')].map((line) => {
    const found = [];
    const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode()); ) {
      const { color } = getComputedStyle(node.parentElement);
      found.push(...[...node.data].map((sign) => [sign, color]));
    }
    return found;
  });
  return { known, lines };
}
"""
"""The colours of a theme, and that of each sign of a cell."""


SAVED = "() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells"


@pytest.fixture(scope="module", params=["lab", "notebook"])
def place(request):
    with request.getfixturevalue(f"kept_{request.param}").new_folder() as place:
        cells = ["\n".join(line for line, _ in cell) for cell in CELLS]
        write_notebook(place.folder / "colours.ipynb", [*cells, PYTHON])
        write_notebook(place.folder / "checks.ipynb", [FUNCTIONS, MISSPELT, RUNNING])
        yield place


def colours(lab, cell):
    """Return the names of the colours of each sign, and the signs, line by line."""
    found = lab.page.evaluate(COLOURS, [cell, sorted(set(VARIABLE.values()))])
    assert len(set(found["known"].values())) > 7
    return found["known"], found["lines"]


def wanted(line, pieces, known):
    """Return a line's signs with the colours that its pieces should have; blanks have none."""
    signs = [[sign, known[""]] for sign in line]
    behind = 0
    for role, _, piece in (piece.partition(" ") for piece in pieces):
        start = line.index(piece, behind)
        behind = start + len(piece)
        for sign in signs[start:behind]:
            sign[1] = known[VARIABLE[role]]
    return [each for each in signs if each[0].strip()]


def rules(lab, cell):
    """Return which rules of accessibility the text of a cell breaks."""
    lab.page.evaluate(
        "n => { for (const [i, each] of document.querySelectorAll('.jp-CodeCell').entries())"
        " each.classList.toggle('looked-at', i === n); }",
        cell,
    )
    return {line.partition(":")[0] for line in lab.violations(".looked-at .cm-content")}


@pytest.mark.parametrize(
    ("place", "dark"), [("lab", False), ("notebook", True)], indirect=["place"]
)
def test_cells_are_coloured_as_the_golden_list_says(place, dark):
    with open_notebook(place, "colours.ipynb", dark=dark, size=(1100, 2600)) as lab:
        lab.page.wait_for_function(
            "n => document.querySelectorAll('.jp-Notebook .jp-CodeCell .cm-content').length === n",
            arg=len(CELLS) + 1,
        )
        for number, cell in enumerate(CELLS):
            known, lines = colours(lab, number)
            for signs, (line, pieces) in zip(lines, cell, strict=True):
                shown = [each for each in signs if each[0].strip()]
                assert shown == wanted(line, pieces, known), line
        known, lines = colours(lab, len(CELLS))
        assert lines[0][0] == ["f", known["keyword"]]  # Python as ever
        pieces = ["magic %flow", "option --workers", "number 3", "parameter depth", "number 2"]
        assert [each for each in lines[1] if each[0].strip()] == wanted(LINE, pieces, known)
        assert {colour for _, colour in lines[3]} == {known["string"]}  # it is within a text
        lab.screenshot(f"editor-{place.app}")
        kept = json.loads((place.folder / "colours.ipynb").read_text("utf-8"))["cells"]
        for cell in (saved := lab.page.evaluate(SAVED)):
            cell["metadata"].pop("trusted")  # Jupyter's own
        assert saved == kept  # nothing of it is saved
        # While it is written, a cell becomes a flow, and Python again.
        content = lab.page.locator(".jp-Notebook .jp-CodeCell .cm-content").last
        content.click()
        lab.page.keyboard.press("Control+Home")
        lab.page.keyboard.type("%%flow\n")
        assert colours(lab, len(CELLS))[1][1][0] == ["f", known[""]]
        lab.page.keyboard.press("Control+Home")
        lab.page.keyboard.press("Delete")
        assert colours(lab, len(CELLS))[1][1][0] == ["f", known["keyword"]]
        assert rules(lab, 1) <= rules(lab, len(CELLS))  # of Jupyter's own


def wait_for_text(lab, selector, text):
    lab.page.locator(selector, has_text=text).first.wait_for()


@pytest.mark.parametrize(
    ("place", "dark"), [("lab", True), ("notebook", False)], indirect=["place"]
)
def test_what_the_kernel_says_of_a_cell(place, dark):
    problems = []
    with open_notebook(place, "checks.ipynb", dark=dark, size=(1100, 900)) as lab:
        lab.page.on("pageerror", lambda error: problems.append(str(error)))
        flow = lab.page.locator(".jp-Notebook .jp-CodeCell .cm-content").nth(1)
        wait_for_text(lab, ".jp-Notebook .jp-CodeCell .cm-content", "claen")
        assert lab.page.locator(WRONG).count() == 0  # nothing is loaded
        lab.run_cell(0)
        wait_for_text(lab, WRONG, "claen")
        wait_for_text(lab, UNKNOWN, "later")
        lab.page.locator(WRONG).hover()
        wait_for_text(lab, TOOLTIP, "did you mean 'clean'?")
        assert lab.violations(TOOLTIP) == []
        assert rules(lab, 1) <= rules(lab, 0)
        lab.screenshot(f"editor-{place.app}-error")
        if os.environ.get("TAKE_PICTURES") and not dark:
            picture = lab.page.locator(".jp-Notebook .jp-CodeCell").nth(1).bounding_box()
            lab.page.screenshot(path=PICTURE, clip=picture | {"width": 600})
        lab.page.mouse.move(2, 2)
        # What a name stands for is text, whatever is written there.
        box = flow.locator(".cm-line").nth(LAST).bounding_box()
        lab.page.mouse.move(box["x"] + 45, box["y"] + box["height"] / 2)
        wait_for_text(lab, TOOLTIP, "Read <b>numbers</b>.")
        assert "load(path='numbers.csv')" in lab.page.locator(TOOLTIP).inner_text()
        lab.screenshot(f"editor-{place.app}-name")
        lab.page.mouse.move(2, 2)
        # It goes when it is mended; and while a cell runs, too, the kernel says what is wrong.
        lab.run_cell(2, wait=False)
        lab.page.wait_for_selector(".jp-InputPrompt:text('[*]')")
        flow.click()
        lab.page.keyboard.press("Control+End")
        lab.page.keyboard.type(" => 1")
        wait_for_text(lab, WRONG, "=>")
        for _ in range(5):
            lab.page.keyboard.press("Backspace")
        wait_for_text(lab, WRONG, "claen")
        for _ in range(4):
            lab.page.keyboard.press("Backspace")
        lab.page.keyboard.type("lean")
        lab.page.wait_for_selector(WRONG, state="detached")
        wait_for_text(lab, UNKNOWN, "later")
        # Where it is defined.
        lab.page.mouse.move(2, 2)
        lab.page.keyboard.down("Control")
        lab.page.mouse.click(box["x"] + 45, box["y"] + box["height"] / 2)
        lab.page.keyboard.up("Control")
        lab.page.wait_for_function(
            "() => document.querySelector('.jp-CodeCell .cm-content') === document.activeElement"
        )
        assert lab.page.evaluate("document.getSelection().anchorNode.textContent") == "def"
        # Another kernel knows nothing.
        lab.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )
        lab.page.wait_for_selector(UNKNOWN, state="detached")
    assert problems == []
