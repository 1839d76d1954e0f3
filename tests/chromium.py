"""The Chromium in which pages are opened: one for many tests, if it is kept."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

__all__ = ["CHROMIUM", "PATIENCE", "Browser", "keep_browser", "open_page"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--no-first-run",
]  # fmt: skip

PATIENCE = 90_000
"""Milliseconds that anything may take."""

if CHROMIUM is None and os.environ.get("TASKINITY_NB_BROWSER") != "required":
    pytest.skip("there is no Chromium", allow_module_level=True)


class Browser:
    """A Chromium that is kept for many pages: to begin it, and to load JupyterLab, takes seconds.

    Each server has a context of its own, and one page in it that goes from notebook to notebook, if
    it is one with notebooks. What a test that fails has opened is not used again.
    """

    kept: ClassVar[Browser | None] = None

    def __init__(self, chromium: Any) -> None:
        self.chromium = chromium
        self.contexts: dict[str, Any] = {}
        self.loop: Any = asyncio._get_running_loop()

    @classmethod
    @contextmanager
    def get(cls) -> Iterator[Browser]:
        """Return the one that is kept, or one for now."""
        if cls.kept is None:
            with cls.begin() as browser, browser.going_on():
                yield browser
        else:
            with cls.kept.going_on():
                yield cls.kept

    @classmethod
    @contextmanager
    def begin(cls) -> Iterator[Browser]:
        """Begin one; end it."""
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            made = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            browser = cls(made)
            with ThreadPoolExecutor(1) as writer:
                writer.submit(int).result()  # its thread is there before a test begins
                browser.loop.set_default_executor(writer)
                asyncio._set_running_loop(None)
                try:
                    yield browser
                finally:
                    asyncio._set_running_loop(browser.loop)
                    made.close()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Have its event loop be the one that runs in this thread: meanwhile, and not before.

        The loop stops in the midst of its work whenever it has nothing to do, and whatever else
        needs a loop would find that one is running.
        """
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self.loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(before)

    @contextmanager
    def page(self, server: str, dark: bool, size: tuple[int, int], stays: bool) -> Iterator[Any]:
        """Open a page for a server, or the one that stays there, if it is to stay."""
        if server not in self.contexts:
            self.contexts[server] = self.chromium.new_context()
        context = self.contexts[server]
        try:
            page = context.pages[0] if stays and context.pages else context.new_page()
            page.set_default_timeout(PATIENCE)
            page.emulate_media(color_scheme="dark" if dark else "light")
            page.set_viewport_size({"width": size[0], "height": size[1]})
            yield page
            if not stays:
                page.close()
        except BaseException:
            self.forget(server)
            raise

    def forget(self, server: str) -> None:
        """Close all pages of a server."""
        if (context := self.contexts.pop(server, None)) is not None:
            context.close()


@contextmanager
def keep_browser() -> Iterator[None]:
    """Keep a browser for all pages that are opened meanwhile."""
    with Browser.begin() as Browser.kept:
        try:
            yield
        finally:
            Browser.kept = None


@contextmanager
def open_page(*, dark: bool = False, size: tuple[int, int] = (1100, 1200)) -> Iterator[Any]:
    """Open an empty page, which shares nothing with others."""
    with Browser.get() as browser:
        try:
            with browser.page("", dark, size, stays=False) as page:
                yield page
        finally:
            browser.forget("")
