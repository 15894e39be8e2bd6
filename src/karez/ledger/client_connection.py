"""One connection of a caller to the bookkeeper, with the requests that wait for an answer on it."""

import asyncio
from typing import cast

from karez.core.outcomes import Unavailable
from karez.ledger import wire
from karez.ledger.wire import Frame, FrameReader, FrameWriter, Kind, MalformedFrame


class ClientConnection(asyncio.Protocol):
    """Sends requests and hands each its answer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._writer: FrameWriter | None = None
        self._reader = FrameReader()
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._next_request = 0
        self.is_lost = False

    def ask(self, kind: Kind, payload: bytes) -> asyncio.Future[Frame]:
        """Send one request and return its answer to come."""
        if len(payload) > wire.PAYLOAD_SIZE_MAX_BYTES:
            raise ValueError(f"a request of {len(payload)} bytes is larger than the bookkeeper takes")
        assert self._writer is not None
        request = self._next_request
        self._next_request = (request + 1) & 0xFFFF_FFFF
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[request] = future
        self._writer.write(kind, request, payload)
        return future

    def close(self) -> None:
        """End the connection."""
        self.is_lost = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport by inheritance.
        self._transport = cast(asyncio.Transport, transport)
        self._writer = FrameWriter(self._transport)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                future = self._waiting.pop(frame.request, None)
                if future is not None and not future.done():
                    future.set_result(frame)
        except MalformedFrame:
            self.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_lost = True
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(
                    Unavailable(
                        "outcome_unknown",
                        "The bookkeeper went away before it answered; repeat the request with the same id to"
                        " learn its outcome.",
                        retry_after_s=1,
                    )
                )
