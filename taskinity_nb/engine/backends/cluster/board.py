"""The actor of Ray at which messages are pinned: of the workers, and for them."""

from __future__ import annotations

from typing import Any

__all__ = ["ray_board"]

MOST_WORKERS = 100_000
"""How many may wait at the board at once; Ray's own limit is 1,000."""


def ray_board(ray: Any, name: str) -> Any:
    """Put up a board under a name in a namespace of the same name."""

    class Board:
        def __init__(self) -> None:
            import asyncio

            self._messages: list[bytes] = []
            self._came = asyncio.Event()
            self._names: list[Any] = []
            self._products: dict[Any, Any] = {}
            self._more = asyncio.Event()

        async def pin(self, message: bytes) -> None:
            if message:
                self._messages.append(message)
                self._came.set()

        async def take(self) -> list[bytes]:
            await self._came.wait()
            self._came.clear()
            messages, self._messages = self._messages, []
            return messages

        # Of tasks that are withdrawn: their names, and what stands for their products.

        async def withdraw(self, products: list[tuple[Any, Any]]) -> None:
            import asyncio

            known = list(self._products.values())
            done, _ = ray.wait(known, num_returns=len(known) or 1, timeout=0, fetch_local=False)
            for name in [name for name, product in self._products.items() if product in done]:
                del self._products[name]  # it had ended before, and would be kept for nothing
            self._names += [name for name, _ in products]
            self._products |= products
            self._more.set()
            self._more = asyncio.Event()

        async def withdrawn(self, known: int, waits: bool) -> list[Any]:
            if waits and known >= len(self._names):
                await self._more.wait()
            return self._names[known:]

        async def end(self, name: Any) -> None:
            if name in self._products:
                ray.cancel(self._products.pop(name), force=True, recursive=False)

    options = {"name": name, "namespace": name, "num_cpus": 0, "max_concurrency": MOST_WORKERS}
    return ray.remote(Board).options(**options).remote()
