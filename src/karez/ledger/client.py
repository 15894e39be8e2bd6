"""How other processes reach the bookkeeper.

Single transfers that arrive in the same turn of the event loop travel as one frame, so a web process with
many small requests costs the bookkeeper little more than one with a few large ones.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from karez.core.outcomes import Unavailable
from karez.ledger import wire
from karez.ledger.client_connection import ClientConnection
from karez.ledger.group import TransferOutcome, TransferSubmission
from karez.ledger.model import TRANSFER_DTYPE, Balance, Status
from karez.ledger.operations import Operation, Outcome
from karez.ledger.wire import Frame, Kind

_LOW_64 = 2**64 - 1


class BookClient:
    """One connection to the bookkeeper, shared by all requests of a process; it reconnects by itself.

    Args:
        socket_path: Where the bookkeeper listens.
    """

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path
        self._connection: ClientConnection | None = None
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

    async def submit_many(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Have operations carried out that stand for themselves, sent together.

        Args:
            operations: In any number; each is accepted or refused by itself.

        Returns:
            Their outcomes, in order.

        Rejections: as of ``submit``, if one of them meets it; then repeat all of them with the same ids.
        """
        if not operations:
            return []
        connection = await self._connected()
        asked = [connection.ask(Kind.OPERATION, wire.encode(operation)) for operation in operations]
        return [wire.decode_outcome(_answered(frame).payload) for frame in await _all(asked)]

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
        return _answered(await (await self._connected()).ask(kind, payload))

    async def _connected(self) -> ClientConnection:
        connection = self._connection
        if connection is None or connection.is_lost:
            connection = await self._connect()
        return connection

    async def _connect(self) -> ClientConnection:
        async with self._connecting:
            if self._connection is None or self._connection.is_lost:
                loop = asyncio.get_running_loop()
                try:
                    _, self._connection = await loop.create_unix_connection(
                        ClientConnection, str(self._socket_path)
                    )
                except OSError as error:
                    raise Unavailable(
                        "bookkeeper_unreachable",
                        "The bookkeeper is not running just now; nothing has happened, repeat the request"
                        " shortly.",
                        retry_after_s=1,
                    ) from error
            return self._connection


async def _all(asked: list[asyncio.Future[Frame]]) -> list[Frame]:
    """Wait for one answer after another, which spares a callback for each."""
    try:
        return [await future for future in asked]
    except BaseException:
        for future in asked:
            # Whoever is told of the first trouble does not ask for the others.
            if not future.cancel() and not future.cancelled():
                future.exception()
        raise


def _answered(frame: Frame) -> Frame:
    """Return an answer, unless it tells that there is none."""
    if frame.kind == Kind.UNAVAILABLE:
        trouble = wire.decode_trouble(frame.payload)
        raise Unavailable(trouble.code, trouble.sentence, trouble.retry_after_s)
    return frame


def _balance(totals: list[int]) -> Balance | None:
    if totals[0] < 0:
        return None
    return Balance(
        debits_pending=totals[0], debits_posted=totals[1], credits_pending=totals[2], credits_posted=totals[3]
    )
