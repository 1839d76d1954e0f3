"""Opens a fan of a picture that is shown, and folds it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import FlowError
from ..graph.picture import Picture

if TYPE_CHECKING:
    from ...model.flow import Flow

__all__ = ["picture_traits", "turned"]


def turned(
    picture: Picture | None, flow: Flow, labels: Mapping[str, str] | None, node: object
) -> Picture | None:
    """Return a flow's picture with a fan opened, or folded again if it is open.

    Return None if the picture has no such fan, or if it were too large with that one open.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> names = [f"work_{i}" for i in range(24)]
    >>> flow = Flow("Fan", tasks=names, functions=dict.fromkeys(names, "work"))
    >>> opened = turned(Picture(flow), flow, None, "work_0")
    >>> picture_traits(opened)["opened"]
    {'work_0': 'work × 24'}
    """
    folding = None if picture is None else picture.folding
    if folding is None or not isinstance(node, str):
        return None
    if node not in folding.labels and node not in folding.opened:
        return None
    opened = folding.opened.keys() ^ {node}
    try:
        made = Picture(flow, labels, details=True, opened=opened)
    except FlowError:
        return None
    is_so = made.folding is not None and made.folding.opened.keys() == opened
    return made if is_so else None


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
