"""What the fork server imports last: from here on it can see to interrupts itself.

It is started with them blocked, since one would end it while it imports the modules before this.
They must not stay blocked, because a user's own processes may come from the same server.
"""

from __future__ import annotations

import signal

__all__ = ["handler"]

handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # this forgets the one that has come
signal.signal(signal.SIGINT, handler)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
