"""A table of texts, as HTML and as plain text; what comes from users is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .palette import EDGE

__all__ = ["columns_to_html", "columns_to_text"]


def columns_to_text(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Return the lines of a table, of which the first `left` columns are words, not numbers.

    Examples
    --------
    >>> print("\\n".join(columns_to_text(["", "median"], [["a", "9 ms"], ["long", "10 ms"]])))
          median
    a       9 ms
    long   10 ms
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]


def columns_to_html(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return a table, of which the first `left` columns are words, not numbers.

    Styles stand in the elements, because a ``<style>`` is removed where a notebook is not trusted.

    Examples
    --------
    >>> ">a &lt; b</td>" in columns_to_html(["", "median"], [["a < b", "9 ms"]])
    True
    """
    line = f"border-bottom: 1px solid {EDGE}; padding: 2px 10px"

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f'<{tag} style="{line}; text-align: {"left" if place < left else "right"}">'
            f"{escape(cell)}</{tag}>"
            for place, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return (
        '<table style="border-collapse: collapse; margin: 4px 0">'
        f"<thead><tr>{cells(head, 'th')}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
