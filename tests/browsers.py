"""A real JupyterLab, Notebook 7 or Voilà in a real Chromium."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chromium import PATIENCE, Browser, open_page

__all__ = [
    "Page", "Place", "install_aside", "open_notebook", "open_voila", "serve", "write_notebook",
]  # fmt: skip

STATUS = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status"

CONNECTED = """
async () => {
  const { sessionContext } = window.jupyterapp.shell.currentWidget;
  await sessionContext.ready;
  await sessionContext.session.kernel.info;
}
"""
"""Waits until a kernel has answered: to run a cell before that opens a dialog."""

OPEN = """
path => window.jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' })
  .then(() => null)
"""

CLOSE = """
() => {
  window.jupyterapp.shell.currentWidget.dispose();
  for (const panel of document.querySelectorAll('.taskinity-flow-over')) panel.remove();
}
"""
"""Closes a notebook, with no question whether to save it, and what lies over it; not its kernel."""

LOST = 40_000
"""Milliseconds after which an answer is lost, if the kernel does nothing."""

HEARD = 1_000
"""Milliseconds after which a notebook has not heard that it is to run a cell."""

APPS = {"lab": ("jupyterlab", "LabApp"), "notebook": ("notebook", "JupyterNotebookApp")}
ADDRESSES = {
    "lab": "doc/tree/{}?reset",
    "notebook": "notebooks/{}",
    "voila": "voila/render/{}?",
}
IDLE = {
    "lab": ".jp-Notebook-ExecutionIndicator[data-status='idle']",
    "notebook": ".jp-NotebookKernelStatus:has-text('Idle'), [data-status='idle']",
}
"""What is there when the kernel is ready."""
ENDING = 20.0
"""Seconds that a server has to end in, with its kernels."""
SCREENSHOTS = Path(__file__).with_name("screenshots")
SHARE = Path(__file__).parents[1] / "share" / "jupyter"
"""Where the extension of the editor lies as it is now; an editable install has that of its day."""


def write_notebook(path: Path, cells: list[str]) -> Path:
    """Write a notebook of code cells."""
    made = [
        {"cell_type": "code", "id": f"cell-{i}", "metadata": {}, "execution_count": None,
         "outputs": [], "source": source}
        for i, source in enumerate(cells)
    ]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {
        "cells": made,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _command(app: str, folder: Path, port: int) -> list[str]:
    """Return what serves a folder in "lab", "notebook" or "voila"."""
    if app == "voila":
        return [
            sys.executable, "-m", "voila", str(folder), "--no-browser", f"--port={port}",
            "--Voila.ip=127.0.0.1",
        ]  # fmt: skip
    module, name = APPS[app]
    return [
        sys.executable, "-m", module, "--no-browser", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--allow-root",
        "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}",
        f"--{name}.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip


def install_aside(requirement: str, folder: Path) -> Path:
    """Install another version of a package into a folder, for `serve` to put in front."""
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target"]
    subprocess.run([*install, folder, requirement], check=True)
    return folder


@dataclass(frozen=True)
class Place:
    """A folder that is served: by what, and where."""

    folder: Path
    app: str
    server: str
    inside: str = ""

    def address(self, name: str) -> str:
        """Return where a notebook of the folder is opened."""
        path = f"{self.inside}{name}"
        return f"{self.server}/{ADDRESSES[self.app].format(path)}"

    @contextmanager
    def new_folder(self) -> Iterator[Place]:
        """Make a folder for notebooks inside; their kernels end with it."""
        folder = Path(tempfile.mkdtemp(dir=self.folder, prefix="place-"))
        made = replace(self, folder=folder, inside=f"{self.inside}{folder.name}/")
        try:
            yield made
        finally:
            made.end_kernels()

    def end_kernels(self) -> None:
        """End the kernels of all notebooks in the folder."""
        sessions = f"{self.server}/api/sessions"
        with urllib.request.urlopen(sessions, timeout=ENDING) as answer:
            known = json.load(answer)
        for session in known:
            if session["path"].startswith(self.inside):
                end = urllib.request.Request(f"{sessions}/{session['id']}", method="DELETE")
                urllib.request.urlopen(end, timeout=ENDING).close()


@contextmanager
def serve(folder: Path, app: str = "lab", *, aside: Path | None = None) -> Iterator[Place]:
    """Serve a folder in "lab", "notebook" or "voila".

    What lies in `aside` is imported instead of what is installed, by kernels too.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = _command(app, folder, port)
    extension = folder / ".settings" / "@jupyterlab" / "apputils-extension"
    extension.mkdir(parents=True)
    asks_nothing = '{"fetchNews": "false", "checkForUpdates": false}'
    (extension / "notification.jupyterlab-settings").write_text(asks_nothing, encoding="utf-8")
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / ".config"),
        "JUPYTER_PATH": str(SHARE),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".workspaces"),
        "PYTHONWARNINGS": "ignore",
    }
    if aside is not None:
        environment["PYTHONPATH"] = str(aside)
    log = (folder / "server.log").open("wb")
    server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + PATIENCE / 1e3
        while True:
            try:
                path = "voila/static/favicon.ico" if app == "voila" else "api"
                urllib.request.urlopen(f"{address}/{path}", timeout=5).close()
                break
            except urllib.error.HTTPError:
                break  # it answers
            except OSError:
                assert server.poll() is None, (folder / "server.log").read_text("utf-8")
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.1)
        yield Place(folder, app, address)
    finally:
        if Browser.kept is not None:
            with Browser.kept.going_on():
                Browser.kept.forget(address)
        server.terminate()
        try:
            server.wait(ENDING)
        except subprocess.TimeoutExpired:  # its loop is over, but a thread of AnyIO was not told
            server.kill()
            server.wait()
        log.close()


class Page:
    """A notebook that is open in a browser."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def use_theme(self, dark: bool) -> None:
        """Have everything be dark, or light."""
        theme = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        if self.page.evaluate("document.body.dataset.jpThemeName") != theme:  # or it takes a while
            self.page.evaluate(
                "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})",
                theme,
            )
        self.page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")  # it covers all

    def run_cell(self, number: int, *, wait: bool = True) -> None:
        """Run a cell, and wait until its prompt has a number."""
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        cell.locator(".cm-content").click()
        before = self.prompt(number)
        for _ in range(PATIENCE // HEARD):  # a notebook that is just opening may not hear it
            if self.prompt(number) != before:
                break
            # Not awaited: the command ends with the cell.
            self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")
            self._is_in_time(lambda: self._wait_for_other_prompt(number, before))
        if not wait:
            return
        if not self.has_run(number) and self.page.evaluate(STATUS) == "idle":
            # The answer to a request that came while the page connected has passed it by.
            self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")
        self.wait_for_prompt(number)

    def has_run(self, number: int) -> bool:
        """Tell whether a cell has run, once the patience for an answer that may be lost is over."""
        return self._is_in_time(lambda: self.wait_for_prompt(number, LOST))

    def _is_in_time(self, wait: Callable[[], None]) -> bool:
        from playwright.sync_api import TimeoutError as TooLate

        try:
            wait()
        except TooLate:
            return False
        return True

    def prompt(self, number: int) -> str:
        """Return what stands before a cell: ``[*]:`` while it runs."""
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        return cell.locator(".jp-InputPrompt").first.inner_text()

    def wait_for_prompt(self, number: int, patience: int = PATIENCE) -> None:
        """Wait until a cell has run."""
        self.page.wait_for_function(
            "n => /\\[\\d+\\]/.test(document.querySelectorAll('.jp-Notebook .jp-CodeCell')[n]"
            ".querySelector('.jp-InputPrompt').textContent)",
            arg=number,
            timeout=patience,
        )

    def _wait_for_other_prompt(self, number: int, before: str) -> None:
        """Wait for a moment until something else stands before a cell."""
        self.page.wait_for_function(
            "([n, before]) => document.querySelectorAll('.jp-Notebook .jp-CodeCell')[n]"
            ".querySelector('.jp-InputPrompt').innerText !== before",
            arg=[number, before],
            timeout=HEARD,
        )

    def output(self, number: int) -> Any:
        """Return the output area of a cell."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(number).locator(
            ".jp-OutputArea"
        ).first  # fmt: skip

    def violations(self, selector: str) -> list[str]:
        """Return what axe-core finds wrong with the accessibility of what is there, a line each."""
        from axe_playwright_python.sync_playwright import Axe

        options = {"resultTypes": ["violations"]}
        found = Axe().run(self.page, context=selector, options=options).response["violations"]
        return [
            f"{rule['id']}: {rule['help']}: {node['html']}: {node['failureSummary']}"
            for rule in found
            for node in rule["nodes"]
        ]

    def screenshot(self, name: str) -> Path:
        """Save what is seen."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=str(path))
        return path


@contextmanager
def open_notebook(
    place: Place, name: str, *, dark: bool = False, size: tuple[int, int] = (1100, 1700)
) -> Iterator[Page]:
    """Open a notebook in JupyterLab or in Notebook 7, its kernel ready."""
    with Browser.get() as browser, browser.page(place.server, dark, size, stays=True) as page:
        if page.url.startswith(place.server):  # it is JupyterLab, which is there already
            page.evaluate(OPEN, f"{place.inside}{name}")
        else:
            page.goto(place.address(name))
        page.wait_for_selector(".jp-Notebook .jp-CodeCell .cm-content")
        Page(page).use_theme(dark)
        page.wait_for_selector(IDLE[place.app], state="attached")
        page.evaluate(CONNECTED)
        yield Page(page)
        if place.app == "lab":
            page.evaluate(CLOSE)
        else:
            page.goto("about:blank")  # the next one finds the code compiled


@contextmanager
def open_voila(
    place: Place, name: str, *, dark: bool = False, size: tuple[int, int] = (1100, 1200)
) -> Iterator[Page]:
    """Open a notebook as an application in Voilà: it has run, and its widgets are there."""
    with open_page(dark=dark, size=size) as page:
        page.goto(place.address(name) + ("&theme=dark" if dark else ""))
        yield Page(page)
