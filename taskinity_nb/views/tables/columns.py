"""A table of texts, as HTML and as plain text; what comes from users is escaped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape
from typing import NamedTuple

from ..style.palette import EDGE

__all__ = ["Table"]


class Table(NamedTuple):
    """A table with a line above it, which may begin with a name, and lines below it.

    Attributes
    ----------
    name, facts : str
        What stands above it.
    head, rows : sequences
        Texts; without rows there is only the line above.
    numbers : collection of int, optional
        The columns that end flush; by default all but the first.
    notes : sequence of str
        What stands below it.
    signs : sequence of str, optional
        For each row HTML that stands before its first text.

    Examples
    --------
    >>> table = Table("a < b", "2 runs", ["", "median"], [["a", "9 ms"], ["long", "10 ms"]])
    >>> print(table.text())
    a < b: 2 runs
          median
    a       9 ms
    long   10 ms
    >>> table.html()[:52]
    '<div><div><strong>a &lt; b</strong>: 2 runs</div><ta'
    """

    name: str
    facts: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Collection[int] | None = None
    notes: Sequence[str] = ()
    signs: Sequence[str] | None = None

    @property
    def _flush(self) -> Collection[int]:
        return range(1, len(self.head)) if self.numbers is None else self.numbers

    def text(self) -> str:
        """Return it as plain text in columns."""
        caption = f"{self.name}: {self.facts}" if self.name else self.facts
        lines = [self.head, *self.rows] if self.rows else []
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = (
            "  ".join(
                cell.rjust(width) if place in self._flush else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )
        return "\n".join([caption, *table, *self.notes])

    def html(self) -> str:
        """Return it as HTML.

        Styles stand in the elements, because a ``<style>`` is removed where a notebook is not
        trusted.
        """
        styles = [
            f"border-bottom: 1px solid {EDGE}; padding: 2px 10px; vertical-align: top; "
            f"text-align: {'right' if place in self._flush else 'left'}; "
            f"white-space: {'nowrap' if name else 'normal'}"
            for place, name in enumerate(self.head)
        ]

        def line(row: Sequence[str], tag: str, sign: str = "") -> str:
            cells = (
                f'<{tag} style="{style}">{sign if not place else ""}{escape(cell)}</{tag}>'
                for place, (cell, style) in enumerate(zip(row, styles, strict=True))
            )
            return f"<tr>{''.join(cells)}</tr>"

        signs = self.signs or [""] * len(self.rows)
        lines = (line(row, "td", sign) for row, sign in zip(self.rows, signs, strict=True))
        name = f"<strong>{escape(self.name)}</strong>: " if self.name else ""
        table = (
            '<table style="border-collapse: collapse; margin: 4px 0">'
            f"<thead>{line(self.head, 'th')}</thead><tbody>{''.join(lines)}</tbody></table>"
        )
        below = "".join(f"<div>{escape(note)}</div>" for note in self.notes)
        above = f"<div>{name}{escape(self.facts)}</div>"
        return f"<div>{above}{table if self.rows else ''}{below}</div>"
