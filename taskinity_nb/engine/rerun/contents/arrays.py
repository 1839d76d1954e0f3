"""What stands for arrays and tables: their content, however it lies in memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..buffers import Buffers, bulk
from .budget import Budget
from .code import hashed

__all__ = ["Describe", "arrays"]

COLUMN = 800
"""What looking at a column of a table costs, as `Budget` counts it."""

ARRAY = 300
"""Likewise, at an array."""


Describe = Callable[[Any, Callable[[Any], bytes], Budget, Buffers], bytes]


def arrays() -> dict[int, Describe]:
    """Return how arrays and tables are described, by the id of their type, as far as there are any.

    Examples
    --------
    >>> import numpy
    >>> id(numpy.ndarray) in arrays(), id(list) in arrays()
    (True, False)
    """
    known: list[tuple[str, str, Describe]] = [
        ("numpy", "ndarray", _array),
        ("pandas", "DataFrame", _table),
    ]
    kinds = [(getattr(sys.modules.get(name), kind, None), way) for name, kind, way in known]
    return {id(kind): way for kind, way in kinds if kind is not None}


def _array(array: Any, describe: Callable[[Any], bytes], budget: Budget, buffers: Buffers) -> bytes:
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    budget.spend(ARRAY, array)
    kind = hashed("array", describe(array.dtype), array.shape, is_fortran)
    if array.dtype.hasobject:
        budget.check(array.nbytes)
        budget.spend(array.nbytes, array)
        return hashed(kind, describe(array.reshape(-1).tolist()))
    budget.spend_buffer(array.nbytes)
    if not array.nbytes:
        return kind
    row = array.ravel(order="F" if is_fortran else "C")
    is_copy = not (is_fortran or array.flags.c_contiguous)
    return hashed(kind, (bulk if is_copy else buffers.digest)(row.view("u1")))


def _table(table: Any, describe: Callable[[Any], bytes], budget: Budget, _: Buffers) -> bytes:
    """Describe a table by its columns: reading may put these together in memory."""
    budget.spend(COLUMN * len(table.columns), table)
    columns = [describe(table.iloc[:, place].array) for place in range(len(table.columns))]
    labels = [describe(each) for each in (table.columns, table.index, table.attrs)]
    return hashed("table", labels, columns, table.flags.allows_duplicate_labels)
