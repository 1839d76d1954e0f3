"""A table of texts, as HTML and as plain text; what comes from users is escaped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape
from typing import NamedTuple

from ...formatting import LONGEST_TEXT, elided
from ..style.palette import EDGE

__all__ = ["LONGEST_CELL", "Table", "bar"]

LONGEST_NAME = 60
LONGEST_CELL = 40
"""Characters of a cell; of what is longer, the middle is left out, and HTML has it in a `title`."""


_EIGHTHS = "▏▎▍▌▋▊▉"


class Table(NamedTuple):
    """A table with a line above it, which may begin with a name, and lines below it.

    Attributes
    ----------
    name, facts : str
        What stands above it.
    head, rows : sequences
        Texts; without rows there is only the line above. A last column without a heading is for
        sentences: they are not cut, and in HTML they wrap.
    numbers : collection of int, optional
        The columns that end flush; by default all but the first.
    notes : sequence of str
        What stands below it.
    signs : sequence of str, optional
        For each row HTML that stands before its first text.
    faint : sequence of int
        For each row, how many letters of its second text are there for those who look twice, or
        are spaces that set it in.
    bars : collection of int, optional
        The columns whose texts are bars (see `bar`), which are not read aloud.

    Examples
    --------
    >>> table = Table("a < b", "2 runs", ["", "median"], [["a", "9 ms"], ["long", "10 ms"]])
    >>> print(table.text())
    a < b: 2 runs
          median
    a       9 ms
    long   10 ms
    >>> table.html()[:52]
    '<div><div><strong>a &lt; b</strong>: 2 runs</div><di'
    """

    name: str
    facts: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Collection[int] | None = None
    notes: Sequence[str] = ()
    signs: Sequence[str] | None = None
    faint: Sequence[int] = ()
    bars: Collection[int] = ()

    @property
    def _flush(self) -> Collection[int]:
        return range(1, len(self.head)) if self.numbers is None else self.numbers

    def _cut(self, row: Sequence[str]) -> list[str]:
        last = len(row) - 1
        return [
            cell if place == last and not self.head[place] else elided(cell, LONGEST_CELL)
            for place, cell in enumerate(row)
        ]

    def text(self) -> str:
        """Return it as plain text in columns."""
        name = elided(self.name, LONGEST_NAME)
        caption = f"{name}: {self.facts}" if name else self.facts
        lines = [self.head, *map(self._cut, self.rows)] if self.rows else []
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
        """Return it as HTML, which scrolls where the page is too narrow.

        How it looks is said once. Where a ``<style>`` is removed, because a notebook is not
        trusted, it looks like any other table there.
        """

        def content(place: int, shown: str, faint: int) -> str:
            return _box(shown) if place in self.bars else _faded(shown, faint)

        def line(row: Sequence[str], sign: str, faint: int) -> str:
            cells = (
                f"<td{_title(whole) if shown != whole else ''}>{sign if not place else ''}"
                f"{content(place, shown, faint if place == 1 and shown == whole else 0)}</td>"
                for place, (whole, shown) in enumerate(zip(row, self._cut(row), strict=True))
            )
            return f"<tr>{''.join(cells)}</tr>"

        signs = self.signs or [""] * len(self.rows)
        lines = "".join(map(line, self.rows, signs, self.faint or [0] * len(self.rows)))
        head = "".join(f"<th>{escape(name)}</th>" for name in self.head)
        short = elided(self.name, LONGEST_NAME)
        title = _title(self.name) if short != self.name else ""
        name = f"<strong{title}>{escape(short)}</strong>: " if self.name else ""
        table = (
            f'<div style="overflow-x: auto"><table class="{self._kind}">'
            f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
        )
        below = "".join(f"<div>{escape(note)}</div>" for note in self.notes)
        above = f"<div>{name}{escape(self.facts)}</div>"
        if not self.rows:
            return f"<div>{above}{below}</div>"
        return f"<div>{above}{table}{below}{self._style()}</div>"

    @property
    def _kind(self) -> str:
        """Return a class for tables of such columns: a page has the styles of all its tables."""
        wraps = ["wraps"] if self._has_sentences else []
        return "-".join(["taskinity-nb", *map(str, self._flush), *wraps])

    @property
    def _has_sentences(self) -> bool:
        return not self.head[-1] and any(row[-1] for row in self.rows)

    def _style(self) -> str:
        table = f"table.{self._kind}.{self._kind}"  # twice: to outdo what JupyterLab says of cells
        flush = ", ".join(f"{table} tr > :nth-child({place + 1})" for place in self._flush)
        rules = [
            f"{table} {{border-collapse: collapse; margin: 4px 0}}",
            f"{table} tr > * {{border-bottom: 1px solid {EDGE}; padding: 2px 10px; "
            "text-align: left; vertical-align: top; white-space: nowrap}",
            f"{table} td > span {{border-radius: 3px; padding: 0 5px}}",
        ]
        if flush:
            rules.append(f"{flush} {{text-align: right}}")
        if self._has_sentences:
            rules.append(
                f"{table} tr > :last-child {{white-space: normal; overflow-wrap: anywhere; "
                "min-width: 16em; max-width: 60em}"
            )
        return f"<style>{' '.join(rules)}</style>"


def bar(share: float, length: int = 12) -> str:
    """Write a share of one as a bar of so many letters at most; any share that is not 0 is seen.

    Examples
    --------
    >>> bar(1.0), bar(0.55), bar(0.0001), bar(0.0)
    ('████████████', '██████▋', '▏', '')
    """
    eighths = max(round(share * length * 8), 1 if share > 0 else 0)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest - 1] if rest else "")


def _box(text: str) -> str:
    """Return a bar as HTML, with no seams between its letters."""
    if not text:
        return ""
    rest = _EIGHTHS.find(text[-1]) + 1
    width = len(text) - 1 + rest / 8 if rest else len(text)
    return (
        f'<i aria-hidden="true" style="display: inline-block; width: {0.6 * width:.2f}em; '
        'height: 0.7em; background: currentColor; opacity: 0.6"></i>'
    )


def _faded(text: str, letters: int) -> str:
    """Return a text as HTML, so many letters of it faint."""
    shown = escape(text[:letters]).replace(" ", "&nbsp;")
    faint = f'<i style="font-style: normal; opacity: 0.7">{shown}</i>'
    return f"{faint if letters else ''}{escape(text[letters:])}"


def _title(whole: str) -> str:
    return f' title="{escape(whole[:LONGEST_TEXT])}"'
