"""A gate that every attempt passes through, so that a verification finds nothing under way."""

import asyncio
from types import TracebackType


class Gate:
    """Open at first; whoever is inside when it closes is waited for."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._inside_count = 0

    def open(self) -> None:
        """Let attempts through."""
        self._open.set()

    async def close(self) -> None:
        """Let nobody in any more and wait until the last one is out."""
        self._open.clear()
        await self._empty.wait()

    async def __aenter__(self) -> None:
        await self._open.wait()
        self._inside_count += 1
        self._empty.clear()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside_count -= 1
        if self._inside_count == 0:
            self._empty.set()
