"""Advice as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from ...formatting import printable
from ..style.palette import EDGE

if TYPE_CHECKING:
    from ...analysis.advice.evidence import Advice

__all__ = ["advice_to_html", "advice_to_text"]


def advice_to_text(advice: Advice) -> str:
    """Return a piece of advice as three lines: what is the matter, the evidence, the remedy."""
    lines = (
        advice.sentence,
        f"    Evidence: {advice.evidence}.",
        f"    Remedy: {advice.remedy}.",
    )
    return "\n".join(map(printable, lines))


def advice_to_html(advices: Sequence[Advice]) -> str:
    """Return some advice as HTML; what comes from users is escaped.

    Examples
    --------
    >>> from taskinity_nb.analysis.advice.evidence import Advice
    >>> "a &lt; b" in advice_to_html([Advice("kind", "Is a < b?", "a", "b")])
    True
    """
    style = f"border-left: 3px solid {EDGE}; padding: 1px 10px; margin: 6px 0"
    return "<div>" + "".join(
        f'<div style="{style}">'
        f"<div><strong>{_safe(advice.sentence)}</strong></div>"
        f"<div>Evidence: {_safe(advice.evidence)}.</div>"
        f"<div>Remedy: {_safe(advice.remedy)}.</div></div>"
        for advice in advices
    ) + "</div>"  # fmt: skip


def _safe(text: str) -> str:
    return escape(printable(text))
