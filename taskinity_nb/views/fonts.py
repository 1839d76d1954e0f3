"""Which font can write a text in a chart: DejaVu, which matplotlib carries, or an installed one."""

from __future__ import annotations

from functools import cache

from matplotlib import font_manager

from ..formatting import printable

__all__ = ["DEJAVU", "typeset"]

DEJAVU = "DejaVu Sans"

WIDE = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Noto Sans KR",
    "Source Han Sans", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback",
    "Microsoft YaHei", "SimHei", "Yu Gothic", "Meiryo", "Malgun Gothic", "PingFang SC",
    "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS", "Unifont",
)  # fmt: skip
"""Fonts of the usual systems that hold what DejaVu lacks."""


def typeset(text: str) -> tuple[str, list[str]]:
    """Return a text and the fonts to write it with.

    A character that no font holds becomes a box, because matplotlib warns of each one.

    Examples
    --------
    >>> typeset("größe")
    ('größe', ['DejaVu Sans'])
    """
    text = printable(text)
    missing = {ord(c) for c in text} - _characters(DEJAVU)
    if not missing:
        return text, [DEJAVU]
    families = [DEJAVU]
    for family in _installed():
        held = missing & _characters(family)
        if held:
            families.append(family)
            missing -= held
        if not missing:
            break
    return "".join("□" if ord(c) in missing else c for c in text), families


@cache
def _installed() -> tuple[str, ...]:
    known = set(font_manager.get_font_names())
    return tuple(family for family in WIDE if family in known)


@cache
def _characters(family: str) -> frozenset[int]:
    path = font_manager.findfont(family)
    return frozenset(font_manager.get_font(path).get_charmap())
