"""A page that needs nothing else, for what a command has run."""

from __future__ import annotations

from html import escape
from pathlib import Path

__all__ = ["write_page"]

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
pre {{ font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; }}
pre {{ padding: .6rem .8rem; margin: .4rem 0; }}
.input_area pre, .highlight pre {{ background: #8881; border-left: 3px solid #8888; }}
.prompt, .anchor-link {{ display: none; }}
img, svg {{ max-width: 100%; height: auto; }}
.output_png img {{ background: white; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .15rem .7rem; }}
.ansi-bold {{ font-weight: bold; }}
.ansi-red-fg {{ color: #d33; }}
.ansi-green-fg {{ color: #2a2; }}
{style}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def write_page(path: Path, title: str, body: str, style: str = "") -> None:
    """Write a page; its title is text, its body is HTML that is safe."""
    page = PAGE.format(title=escape(title), body=body, style=style)
    path.write_text(page, encoding="utf-8")
