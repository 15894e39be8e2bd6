"""How other processes reach the bookkeeper.

Single transfers that arrive in the same turn of the event loop travel as one frame, so a web process with
many small requests costs the bookkeeper little more than one with a few large ones.
"""

import asyncio
from pathlib import Path
from typing import cast
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from karez.core.outcomes import Unavailable
from karez.ledger import wire
from karez.ledger.group import TransferOutcome, TransferSubmission
from karez.ledger.model import TRANSFER_DTYPE, Balance, Status
from karez.ledger.operations import Operation, Outcome
from karez.ledger.wire import Frame, FrameReader, Kind, MalformedFrame

_LOW_64 = 2**64 - 1


class BookClient:
    """One connection to the bookkeeper, shared by all requests of a process; it reconnects by itself.

    Args:
        socket_path: Where the bookkeeper listens.
    """

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()
        self._sending: set[asyncio.Future[None]] = set()
        self._singles: list[tuple[bytes, int, asyncio.Future[tuple[Status, int]]]] = []

    async def submit(self, operation: Operation) -> Outcome:
        """Have one operation carried out.

        Rejections: ``Unavailable``: ``bookkeeper_busy``, ``bookkeeper_unreachable`` (nothing has happened),
        ``outcome_unknown`` (repeat with the same id).
        """
        frame = await self._ask(Kind.OPERATION, wire.encode(operation))
        return wire.decode_outcome(frame.payload)

    async def transfers(
        self, transfers: NDArray[np.void], institution: int, chain_end: NDArray[np.bool_] | None = None
    ) -> TransferOutcome:
        """Have a batch of ``TRANSFER_DTYPE`` carried out, each with a status of its own.

        Args:
            transfers: The batch, in order.
            institution: Who asks; 0 means Karez itself.
            chain_end: Where a chain may not go on; by default at the end only.
        """
        count = len(transfers)
        if chain_end is None:
            chain_end = np.arange(count) == count - 1
        submission = TransferSubmission(transfers, np.full(count, institution, np.int32), chain_end)
        frame = await self._ask(Kind.TRANSFERS, wire.pack_transfers(submission))
        return wire.unpack_statuses(frame.payload)

    async def transfer(self, record: bytes, institution: int) -> tuple[Status, int]:
        """Have one transfer carried out, in company of the others that arrive at the same time.

        Args:
            record: One ``TRANSFER_DTYPE`` as bytes.
            institution: Who asks.

        Returns:
            Its status and its timestamp in nanoseconds.
        """
        if len(record) != TRANSFER_DTYPE.itemsize:
            raise ValueError(f"a transfer has {TRANSFER_DTYPE.itemsize} bytes, not {len(record)}")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Status, int]] = loop.create_future()
        if not self._singles:
            loop.call_soon(self._start_singles)
        self._singles.append((record, institution, future))
        return await future

    async def balances(self, ids: list[UUID]) -> list[Balance | None]:
        """Return the committed totals of up to 8,192 accounts, ``None`` for those that do not exist."""
        if len(ids) > wire.BALANCES_MAX:
            raise ValueError(f"balances are asked for {wire.BALANCES_MAX} accounts at the most")
        halves = (
            np.array([id_.int >> 64 for id_ in ids], np.uint64),
            np.array([id_.int & _LOW_64 for id_ in ids], np.uint64),
        )
        frame = await self._ask(Kind.BALANCES, wire.pack_ids(*halves))
        totals = np.frombuffer(frame.payload, "<i8").reshape(4, -1)
        return [_balance(column) for column in totals.T.tolist()]

    async def statistics(self) -> dict[str, int]:
        """Return the bookkeeper's counters."""
        return wire.decode_figures((await self._ask(Kind.STATISTICS, b"")).payload)

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()

    def _start_singles(self) -> None:
        # The loop keeps only weak references to tasks.
        task = asyncio.ensure_future(self._send_singles())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_singles(self) -> None:
        singles, self._singles = self._singles, []
        count = len(singles)
        submission = TransferSubmission(
            np.frombuffer(b"".join([single[0] for single in singles]), TRANSFER_DTYPE),
            np.array([single[1] for single in singles], np.int32),
            np.ones(count, bool),
        )
        try:
            frame = await self._ask(Kind.TRANSFERS, wire.pack_transfers(submission))
        except Exception as trouble:
            for _, _, future in singles:
                if not future.done():
                    future.set_exception(trouble)
            return
        outcome = wire.unpack_statuses(frame.payload)
        for number, ((_, _, future), status) in enumerate(zip(singles, outcome.status.tolist(), strict=True)):
            if not future.done():
                future.set_result((Status(status), outcome.first_timestamp_ns + number))

    async def _ask(self, kind: Kind, payload: bytes) -> Frame:
        connection = self._connection
        if connection is None or connection.is_lost:
            connection = await self._connect()
        frame = await connection.ask(kind, payload)
        if frame.kind == Kind.UNAVAILABLE:
            trouble = wire.decode_trouble(frame.payload)
            raise Unavailable(trouble.code, trouble.sentence, trouble.retry_after_s)
        return frame

    async def _connect(self) -> "_Connection":
        async with self._connecting:
            if self._connection is None or self._connection.is_lost:
                loop = asyncio.get_running_loop()
                try:
                    _, self._connection = await loop.create_unix_connection(
                        _Connection, str(self._socket_path)
                    )
                except OSError as error:
                    raise Unavailable(
                        "bookkeeper_unreachable",
                        "The bookkeeper is not running just now; nothing has happened, repeat the request"
                        " shortly.",
                        retry_after_s=1,
                    ) from error
            return self._connection


class _Connection(asyncio.Protocol):
    """One connection with the requests that wait for an answer on it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._next_request = 0
        self.is_lost = False

    async def ask(self, kind: Kind, payload: bytes) -> Frame:
        """Send one request and wait for its answer."""
        if len(payload) > wire.PAYLOAD_SIZE_MAX_BYTES:
            raise ValueError(f"a request of {len(payload)} bytes is larger than the bookkeeper takes")
        assert self._transport is not None
        request = self._next_request
        self._next_request = (request + 1) & 0xFFFF_FFFF
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[request] = future
        self._transport.write(wire.pack(kind, request, payload))
        return await future

    def close(self) -> None:
        """End the connection."""
        self.is_lost = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport by inheritance.
        self._transport = cast(asyncio.Transport, transport)

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


def _balance(totals: list[int]) -> Balance | None:
    if totals[0] < 0:
        return None
    return Balance(
        debits_pending=totals[0], debits_posted=totals[1], credits_pending=totals[2], credits_posted=totals[3]
    )
