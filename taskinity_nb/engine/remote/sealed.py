"""A value that a cluster carries from process to process without reading it.

Reading runs code of the value's own class, and Dask reads what arrives in the thread of its event
loop: what is raised there breaks the worker, or the client. And a class of the notebook is another
one where the cluster reads it in its own way (see `identity`). So a value travels as bytes, and is
read by the task that takes it, or by who asks for it. Where it was made it is the object itself.

This module travels to the cluster, like all of `remote`.
"""

from __future__ import annotations

import pickle
import threading
from typing import Any

from ...strangers import described
from ...values import is_once
from .pickling.pickler import PLAIN, dumps

__all__ = ["Sealed", "packed", "sealed", "unsealed"]


class Sealed:
    """A value, or the bytes that it travels as.

    Where it was made the value is known; elsewhere it is read from what is `packed`, bytes and
    buffers, when it is asked for. Dask asks for its size, `nbytes`.

    Examples
    --------
    >>> travelled = pickle.loads(pickle.dumps(Sealed({"a": [1]}, 10)))
    >>> travelled.open(), travelled.open() is travelled.open()
    ({'a': [1]}, True)
    """

    __slots__ = ("_lock", "_nbytes", "_packed", "_value")

    def __init__(self, value: Any, nbytes: int, packed: tuple[bytes, list[Any]] | None = None):
        self._value = value
        self._nbytes = nbytes
        self._packed = packed
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """How large it is."""
        return self._nbytes

    def open(self) -> Any:
        """Return the value; what reading it raises comes through."""
        with self._lock:
            if self._packed is not None:
                data, buffers = self._packed
                value = pickle.loads(data, buffers=buffers)
                if is_once(value):  # who asks again is to read it from its beginning
                    return value
                self._value, self._packed = value, None
            return self._value

    def parts(self) -> tuple[bytes, list[Any]]:
        """Return the bytes that it travels as, and its buffers; nothing is raised."""
        with self._lock:
            if self._packed is not None:
                return self._packed
            try:
                return _pickled(self._value)
            except BaseException as error:  # who reads it is told; this is Dask's own thread
                return pickle.dumps(_Unwritten(described(error))), []

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self._nbytes

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        data, buffers = self.parts()
        if protocol < 5:
            buffers = [
                bytes(one) if memoryview(one).readonly else bytearray(one) for one in buffers
            ]
        else:  # these are not copied where the cluster keeps them apart
            buffers = [pickle.PickleBuffer(one) for one in buffers]
        return _arrived, (self._nbytes, data, *buffers)

    def frames(self) -> tuple[dict[str, Any], list[Any]]:
        """Return what Dask sends, without a copy of it: a header, and buffers."""
        data, buffers = self.parts()
        writable = tuple(not memoryview(one).readonly for one in buffers)
        return {"nbytes": self._nbytes, "writable": writable}, [data, *buffers]

    @staticmethod
    def of_frames(header: dict[str, Any], frames: list[Any]) -> Sealed:
        """Return what has arrived."""
        data, *buffers = [memoryview(frame) for frame in frames]
        for place, is_writable in enumerate(header["writable"]):
            if is_writable and buffers[place].readonly:
                buffers[place] = memoryview(bytearray(buffers[place]))
            elif not is_writable:
                buffers[place] = buffers[place].toreadonly()
        return _arrived(header["nbytes"], data, *buffers)


def teach_dask() -> None:
    """Have Dask send what is sealed in parts; by itself it would copy them into one pickle."""
    import distributed.protocol as protocol

    known: Any = protocol
    known.dask_serialize.register(Sealed, Sealed.frames)
    known.dask_deserialize.register(Sealed, Sealed.of_frames)


class _Unwritten:
    """Stands for a value that could be weighed, and not be pickled a moment later."""

    def __init__(self, why: str) -> None:
        self._why = why

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse, (self._why,)


def _refuse(why: str) -> None:
    raise RuntimeError(f"it could not be sent: {why}")


def _pickled(value: Any) -> tuple[bytes, list[Any]]:
    buffers: list[Any] = []

    def stays(buffer: pickle.PickleBuffer) -> bool:
        try:
            buffers.append(buffer.raw())
        except BufferError:  # it is not contiguous; the pickler knows what to say of that
            return True
        return False

    return dumps(value, stays), buffers


def _arrived(nbytes: int, data: Any, *buffers: Any) -> Sealed:
    return Sealed(None, nbytes, (bytes(data), list(buffers)))


def sealed(value: Any, nbytes: int) -> Any:
    """Return what stands for a value on a cluster: itself, if reading it runs nobody's code.

    Examples
    --------
    >>> sealed(5, 30), type(sealed([5], 30)).__name__
    (5, 'Sealed')
    """
    if type(value) in PLAIN:
        return value
    return packed(value, nbytes) if is_once(value) else Sealed(value, nbytes)


def packed(value: Any, nbytes: int) -> Any:
    """Return what stands for a value on a cluster, with nothing left to be called on its way.

    Examples
    --------
    >>> unsealed(packed([5], 30)), packed(5, 30)
    ([5], 5)
    """
    return value if type(value) in PLAIN else Sealed(None, nbytes, _pickled(value))


def unsealed(value: Any) -> Any:
    """Return a value as it was before it was `sealed`.

    Examples
    --------
    >>> unsealed(sealed([5], 30)), unsealed(5)
    ([5], 5)
    """
    return value.open() if type(value) is Sealed else value
