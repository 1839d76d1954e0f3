"""A run that goes on behind a prompt leaves alone what somebody types there."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest
from kernels import PATIENCE

BEGIN = [
    "import os, time, taskinity_nb",
    "from taskinity_nb import progress_bar, start",
    "%load_ext taskinity_nb",
    "a = lambda: [time.sleep(0.01) for _ in iter(lambda: os.path.exists(gate), True)]",
    "b = lambda a: print('printed by b')",
]


class Terminal:
    """An IPython in a terminal of its own."""

    def __init__(self, folder):
        self.ours, its = pty.openpty()
        environment = os.environ | {
            "COLUMNS": "200", "LINES": "24", "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1",
            "PYTHONIOENCODING": "utf-8", "IPYTHONDIR": str(folder),
        }  # fmt: skip
        options = ["--no-banner", "--no-confirm-exit", "--colors=NoColor"]
        command = [sys.executable, "-m", "IPython", *options]
        self.program = subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True
        )
        os.close(its)
        self.cells = 0
        self.until("In [1]:")

    def until(self, text):
        """Return what is written up to and with some text."""
        written, end = "", time.monotonic() + PATIENCE
        while text not in re.sub(r"\x1b\[[0-?]*[a-zA-Z]", "", written):
            assert time.monotonic() < end, written
            if select.select([self.ours], [], [], 0.1)[0]:
                written += os.read(self.ours, 65536).decode("utf-8", "replace")
        return written

    def type(self, text):
        os.write(self.ours, text.encode())

    def run(self, line):
        self.cells += 1
        self.type(line + "\r")
        return self.until(f"In [{self.cells + 1}]:")

    def close(self):
        self.program.kill()
        self.program.wait()
        os.close(self.ours)


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
