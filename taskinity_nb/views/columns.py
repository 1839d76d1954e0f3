"""A table of texts, as HTML and as plain text; what comes from users is escaped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from .palette import EDGE

__all__ = ["columns_to_html", "columns_to_text", "titled"]


def columns_to_text(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int] | None = None
) -> list[str]:
    """Return the lines of a table; the columns `numbers`, by default all but the first, end flush.

    Examples
    --------
    >>> print("\\n".join(columns_to_text(["", "median"], [["a", "9 ms"], ["long", "10 ms"]])))
          median
    a       9 ms
    long   10 ms
    """
    right = range(1, len(head)) if numbers is None else numbers
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]


def columns_to_html(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Collection[int] | None = None,
    signs: Sequence[str] | None = None,
) -> str:
    """Return a table, likewise; `signs` is HTML that stands before the first text of each row.

    Styles stand in the elements, because a ``<style>`` is removed where a notebook is not trusted.

    Examples
    --------
    >>> ">a &lt; b</td>" in columns_to_html(["", "median"], [["a < b", "9 ms"]])
    True
    """
    right = range(1, len(head)) if numbers is None else numbers
    styles = [
        f"border-bottom: 1px solid {EDGE}; padding: 2px 10px; vertical-align: top; "
        f"text-align: {'right' if place in right else 'left'}; "
        f"white-space: {'nowrap' if name else 'normal'}"
        for place, name in enumerate(head)
    ]

    def line(row: Sequence[str], tag: str, sign: str = "") -> str:
        cells = (
            f'<{tag} style="{style}">{sign if not place else ""}{escape(cell)}</{tag}>'
            for place, (cell, style) in enumerate(zip(row, styles, strict=True))
        )
        return f"<tr>{''.join(cells)}</tr>"

    lines = (
        line(row, "td", sign) for row, sign in zip(rows, signs or [""] * len(rows), strict=True)
    )
    return (
        '<table style="border-collapse: collapse; margin: 4px 0">'
        f"<thead>{line(head, 'th')}</thead><tbody>{''.join(lines)}</tbody></table>"
    )


def titled(name: str, facts: str, table: str, notes: Sequence[str] = ()) -> str:
    """Return a table with a line above it, which begins with a name, and lines below it.

    Examples
    --------
    >>> titled("sums", "2 cores", "<table></table>", ["a < b"])
    '<div><div><strong>sums</strong>: 2 cores</div><table></table><div>a &lt; b</div></div>'
    """
    below = "".join(f"<div>{escape(note)}</div>" for note in notes)
    return f"<div><div><strong>{escape(name)}</strong>: {escape(facts)}</div>{table}{below}</div>"
