"""A run that goes on behind a prompt leaves alone what somebody types there."""

from __future__ import annotations

import pytest
from terminals import Terminal

BEGIN = [
    "import os, time, taskinity_nb",
    "from taskinity_nb import progress_bar, start",
    "%load_ext taskinity_nb",
    "a = lambda: [time.sleep(0.01) for _ in iter(lambda: os.path.exists(gate), True)]",
    "b = lambda a: print('printed by b')",
]


@pytest.fixture(scope="module")
def terminal(tmp_path_factory):
    terminal = Terminal(tmp_path_factory.mktemp("ipython"))
    for line in BEGIN:
        terminal.run(line)
    yield terminal
    terminal.close()


MAGIC = "get_ipython().run_cell_magic('flow', '--background --no-gantt -o r', 'a -> b')"
START = "r = start('a -> b', observers=[progress_bar])"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "end"),
    [
        (MAGIC, "flow: 2 tasks, 2 succeeded"),
        (START, "flow: 2 succeeded in "),
        (f"{START}; time.sleep(0.5)", "flow: 2 succeeded in "),  # the bar is there, and goes
    ],
)
def test_what_is_typed_stays(terminal, tmp_path, line, end):
    gate = tmp_path / "gate"
    terminal.run(f"gate = {str(gate)!r}")
    shown = terminal.run(line)
    assert ("0 of 2 tasks" in shown) == ("sleep" in line)
    terminal.type("word = 'typed by")
    terminal.until("typed by")
    gate.touch()
    written = terminal.until(end)
    assert "printed by b" in written
    assert "%|" not in written
    terminal.run(" me'")
    assert "'typed by me', True" in terminal.run("print((word, r.done))")
