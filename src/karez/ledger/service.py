"""The bookkeeper as a process of its own: many callers on a Unix socket, one group commit at a time.

While one group is being committed in a thread, the next one gathers. The queue is bounded by transfers and by
bytes; beyond that a caller is told at once to come back, so memory never grows without end. If a commit fails
with an unknown outcome the process ends: callers see the connection close and retry with the same ids, and the
next bookkeeper recovers from the database.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np

from karez.core.clock import Clock
from karez.core.outcomes import Unavailable
from karez.ledger import wire
from karez.ledger.bookkeeper import Bookkeeper, Deferral
from karez.ledger.group import Submission, SubmissionOutcome, TransferOutcome, TransferSubmission
from karez.ledger.wire import Frame, FrameReader, Kind, MalformedFrame, Trouble

GROUP_TRANSFERS_MAX = 16_384
QUEUE_TRANSFERS_MAX = 131_072
QUEUE_BYTES_MAX = 64 * 1024 * 1024
_IDLE_COMMIT_S = 1.0

_log = logging.getLogger(__name__)

Respond = Callable[[Kind, bytes], None]


class _Waiting:
    """One submission in the queue."""

    __slots__ = ("respond", "size_bytes", "submission", "weight")

    def __init__(self, submission: Submission, size_bytes: int, respond: Respond) -> None:
        self.submission = submission
        self.size_bytes = size_bytes
        self.respond = respond
        # An operation costs about as much as this many plain transfers.
        transfers = submission.transfers
        self.weight = len(transfers) if isinstance(submission, TransferSubmission) else 8 + len(transfers)


class BookService:
    """Takes frames, queues submissions, commits them in groups and answers.

    Args:
        book: The bookkeeper, used from one thread at a time.
    """

    def __init__(self, book: Bookkeeper) -> None:
        self._book = book
        self._queue: deque[_Waiting] = deque()
        self._queued_weight = 0
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self.figures = {"groups": 0, "transfers": 0, "operations": 0, "busy": 0}

    async def run(self) -> None:
        """Commit groups until ``stop``; raises whatever leaves an outcome unknown."""
        loop = asyncio.get_running_loop()
        while not (self._stopping and not self._queue):
            if not self._queue:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _IDLE_COMMIT_S)
            group = self._take_group()
            submissions = [waiting.submission for waiting in group]
            try:
                outcomes = await loop.run_in_executor(None, self._book.commit, submissions)
            except Unavailable as trouble:
                _log.error("%s", trouble)
                payload = _trouble(trouble)
                for waiting in group:
                    waiting.respond(Kind.UNAVAILABLE, payload)
                continue
            self._answer(group, outcomes)
        await loop.run_in_executor(None, self._book.write_slices)

    def stop(self) -> None:
        """Finish what is queued, then let ``run`` return."""
        self._stopping = True
        self._wake.set()

    def take(self, frame: Frame, respond: Respond) -> None:
        """Serve one frame, or queue it."""
        if frame.kind == Kind.TRANSFERS:
            self._enqueue(wire.unpack_transfers(frame.payload), len(frame.payload), respond)
        elif frame.kind == Kind.OPERATION:
            self._enqueue(wire.decode_operation(frame.payload), len(frame.payload), respond)
        elif frame.kind == Kind.BALANCES:
            respond(Kind.TOTALS, self._totals(frame.payload))
        elif frame.kind == Kind.STATISTICS:
            figures = {**self.figures, "accounts": len(self._book.columns), "queued": self._queued_weight}
            respond(Kind.FIGURES, wire.encode({**figures, "epoch": self._book.epoch}))
        else:
            raise MalformedFrame(f"kind {frame.kind} is not a request")

    def _enqueue(self, submission: Submission, size_bytes: int, respond: Respond) -> None:
        full = self._queued_weight > QUEUE_TRANSFERS_MAX or self._queued_bytes > QUEUE_BYTES_MAX
        if full or self._stopping:
            self.figures["busy"] += 1
            respond(Kind.UNAVAILABLE, _BUSY)
            return
        waiting = _Waiting(submission, size_bytes, respond)
        self._queue.append(waiting)
        self._queued_weight += waiting.weight
        self._queued_bytes += size_bytes
        self._wake.set()

    def _take_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        weight = 0
        while self._queue and (not group or weight + self._queue[0].weight <= GROUP_TRANSFERS_MAX):
            waiting = self._queue.popleft()
            weight += waiting.weight
            self._queued_bytes -= waiting.size_bytes
            group.append(waiting)
        self._queued_weight -= weight
        return group

    def _answer(self, group: list[_Waiting], outcomes: list[SubmissionOutcome | Deferral]) -> None:
        self.figures["groups"] += bool(group)
        for waiting, outcome in zip(reversed(group), reversed(outcomes), strict=True):
            if isinstance(outcome, TransferOutcome):
                self.figures["transfers"] += len(outcome.status)
                waiting.respond(Kind.STATUSES, wire.pack_statuses(outcome))
            elif isinstance(outcome, Deferral):
                self._queue.appendleft(waiting)
                self._queued_weight += waiting.weight
                self._queued_bytes += waiting.size_bytes
            else:
                self.figures["operations"] += 1
                waiting.respond(Kind.OUTCOME, wire.encode(outcome))

    def _totals(self, payload: bytes) -> bytes:
        columns = self._book.columns
        slots = columns.index.find(*wire.unpack_ids(payload))
        found = slots >= 0
        totals = np.where(found, columns.totals[:, slots], -1)
        return np.ascontiguousarray(totals, "<i8").tobytes()


def _trouble(trouble: Unavailable) -> bytes:
    return wire.encode(Trouble(trouble.code, trouble.sentence, trouble.retry_after_s))


_BUSY = wire.encode(
    Trouble("bookkeeper_busy", "The book has more work than it can queue; repeat the request shortly.", 0.2)
)


async def serve(
    conninfo: str, socket_path: Path, clock: Clock, ready: Callable[[], None] = lambda: None
) -> None:
    """Be the bookkeeper until SIGTERM or SIGINT.

    Args:
        conninfo: libpq connection string of the bookkeeper's login role.
        socket_path: Where to listen; its directory must be private.
        clock: Where timestamps come from.
        ready: Called once callers can connect.
    """
    with Bookkeeper(conninfo, clock) as book:
        service = BookService(book)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, service.stop)
        socket_path.unlink(missing_ok=True)
        server = await loop.create_unix_server(lambda: _Caller(service), str(socket_path))
        os.chmod(socket_path, 0o600)
        ready()
        try:
            await service.run()
        finally:
            server.close()


class _Caller(asyncio.Protocol):
    """One connection to the bookkeeper."""

    def __init__(self, service: BookService) -> None:
        self._service = service
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport by inheritance.
        self._transport = cast(asyncio.Transport, transport)
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        try:
            for frame in self._reader.feed(data):
                self._service.take(frame, self._responder(frame.request))
        except (MalformedFrame, ValueError):
            # Also what msgspec raises. A caller that does not speak the protocol must not stop the book.
            self._transport.close()

    def _responder(self, request: int) -> Respond:
        transport = self._transport
        assert transport is not None

        def respond(kind: Kind, payload: bytes) -> None:
            if not transport.is_closing():
                transport.write(wire.pack(kind, request, payload))

        return respond
