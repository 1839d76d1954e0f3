"""Recognises what belongs to a cluster without importing the library that it comes from."""

from __future__ import annotations

__all__ = ["is_dask_client"]


def is_dask_client(executor: object) -> bool:
    """Tell whether something is a client of Dask.

    Examples
    --------
    >>> is_dask_client("dask")
    False
    """
    kinds = [f"{kind.__module__}.{kind.__name__}" for kind in type(executor).__mro__]
    return "distributed.client.Client" in kinds
