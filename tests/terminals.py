"""An IPython in a terminal, and what stands there."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time

from kernels import PATIENCE

__all__ = ["Terminal"]


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

    def run(self, line, prompt=None):
        """Type a line; return what is written until the next prompt is there."""
        self.cells += 1
        self.type(line + "\r")
        return self.until(prompt or f"In [{self.cells + 1}]:")

    def close(self):
        self.program.kill()
        self.program.wait()
        os.close(self.ours)
