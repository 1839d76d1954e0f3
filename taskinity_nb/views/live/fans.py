"""Opens a fan or a box of a picture that is shown, and folds it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import FlowError
from ..graph.picture import Picture

if TYPE_CHECKING:
    from ...model.flow import Flow

__all__ = ["picture_traits", "turned"]


def turned(
    picture: Picture | None,
    flow: Flow,
    labels: Mapping[str, str] | None,
    node: object,
    close: bool | None = None,
) -> Picture | None:
    """Return a flow's picture with a fan or a box opened, or folded again if it is open.

    `close` says which of both, of a box, where what is clicked may not be what was drawn last.
    Return None if the picture has no such node, or if it were too large with that one open.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> names = [f"work_{i}" for i in range(24)]
    >>> flow = Flow("Fan", tasks=names, functions=dict.fromkeys(names, "work"))
    >>> opened = turned(Picture(flow), flow, None, "work_0")
    >>> picture_traits(opened)["opened"]
    {'work_0': 'work × 24'}
    """
    if picture is None or not isinstance(node, str):
        return None
    folding, closed = picture.folding, picture.closed
    opened = set() if folding is None else set(folding.opened)
    if node in picture.boxes:
        is_open = node not in closed if close is None else close
        closed = closed | {node} if is_open else closed - {node}
    elif folding is not None and (node in folding.labels or node in folding.opened):
        opened ^= {node}
    else:
        return None
    try:
        made = Picture(flow, labels, details=True, opened=opened, closed=closed)
    except FlowError:
        return None
    now = set() if made.folding is None else set(made.folding.opened)
    return made if made.closed == closed and (node in picture.boxes or now == opened) else None


def picture_traits(picture: Picture | None) -> dict[str, Any]:
    """Return the traits of a `GraphWidget` that tell the picture, and what of it can be opened."""
    if picture is None:
        return {"svg": "", "folded": [], "opened": {}}
    folding = picture.folding
    return {
        "svg": picture.svg(),
        "folded": [] if folding is None else list(folding.labels),
        "opened": {} if folding is None else dict(folding.opened),
    }
