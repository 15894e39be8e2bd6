"""A small HTTP load generator: many connections, each sends its next request when it has its answer."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import numpy as np


@dataclass(slots=True)
class LoadResult:
    """What a load saw.

    Attributes:
        seconds: How long it ran.
        statuses: How many answers of each HTTP status.
        latencies_s: One a request, in the order of arrival.
    """

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)

    def per_second(self) -> float:
        """Return answered requests a second."""
        return len(self.latencies_s) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile of the latency in milliseconds."""
        return float(np.percentile(self.latencies_s, percent)) * 1_000

    def failures(self) -> int:
        """Return how many answers were not 2xx."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 300)


class _Connection(asyncio.Protocol):
    """One keep-alive connection in a closed loop."""

    def __init__(self, result: LoadResult, make_request: Callable[[], bytes], end_s: float) -> None:
        self._result = result
        self._make_request = make_request
        self._end_s = end_s
        self._buffer = b""
        self._sent_s = 0.0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport by inheritance.
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        head_end = buffer.find(b"\r\n\r\n")
        if head_end < 0 or len(buffer) < head_end + 4 + _content_length(buffer, head_end):
            self._buffer = buffer
            return
        self._buffer = b""
        now_s = time.perf_counter()
        self._result.latencies_s.append(now_s - self._sent_s)
        status = int(buffer[9:12])
        self._result.statuses[status] = self._result.statuses.get(status, 0) + 1
        if now_s >= self._end_s:
            assert self._transport is not None
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        request = self._make_request()
        self._sent_s = time.perf_counter()
        self._transport.write(request)


def _content_length(buffer: bytes, head_end: int) -> int:
    at = buffer.find(b"content-length:", 0, head_end)
    if at < 0:
        at = buffer.lower().find(b"content-length:", 0, head_end)
    return 0 if at < 0 else int(buffer[at + 15 : buffer.find(b"\r\n", at)])


async def load(host: str, port: int, makers: Sequence[Callable[[], bytes]], seconds: float) -> LoadResult:
    """Keep so many connections busy for some seconds.

    Args:
        host: Where to connect.
        port: TCP port.
        makers: For each connection what returns the bytes of its next whole HTTP/1.1 request; it is called when
            the answer to the former one has come.
        seconds: After which no new request is sent.
    """
    result = LoadResult()
    started_s = time.perf_counter()
    loop = asyncio.get_running_loop()
    opened = []
    for make_request in makers:
        _, connection = await loop.create_connection(
            partial(_Connection, result, make_request, started_s + seconds), host, port
        )
        opened.append(connection)
    await asyncio.gather(*(connection.done for connection in opened))
    result.seconds = time.perf_counter() - started_s
    return result


def http_post(path: str, host: str, body: bytes, token: str = "", more_headers: str = "") -> bytes:
    """Return a POST request with a JSON body."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}{more_headers}"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
