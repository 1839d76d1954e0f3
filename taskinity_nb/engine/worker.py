"""A worker process: opens one envelope after the other until its pipe is closed."""

from __future__ import annotations

import pickle
import signal
import threading
from multiprocessing.connection import Connection

from .envelope import open_envelope

__all__ = ["GREETING", "IDLE_SECONDS", "serve"]

GREETING = b"ready"
"""What a worker says first, so that one that could not start is told from one that died at work."""

IDLE_SECONDS = 300.0
"""A worker that has had nothing to do for so long ends."""


def serve(pipe: Connection) -> None:
    """Answer envelopes until the other end is closed, or nothing has come for `IDLE_SECONDS`.

    A message is a pickled ``(key of the function, its bytes or None, bytes of the arguments)``; a
    function's bytes are sent once. An empty message makes the worker forget its functions.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
    functions: dict[int, bytes] = {}
    try:
        pipe.send_bytes(GREETING)
        while pipe.poll(IDLE_SECONDS):
            message = pipe.recv_bytes()
            if not message:
                functions.clear()
                continue
            key, function, arguments = pickle.loads(message)
            if function is not None:
                functions[key] = function
            answer = open_envelope(functions[key], arguments)
            pipe.send_bytes(pickle.dumps(answer))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone, or has no more use for this process
