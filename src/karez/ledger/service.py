"""The bookkeeper as a process of its own: many callers on a Unix socket, one group commit at a time.

While one group is being committed in a thread, the next one gathers. The queue is bounded by transfers and by
bytes; beyond that a caller is told at once to come back, so memory never grows without end. If a commit fails
with an unknown outcome the process ends: callers see the connection close and retry with the same ids, and the
next bookkeeper recovers from the database.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec
import numpy as np

from karez.core.clock import Clock
from karez.core.outcomes import Unavailable
from karez.ledger import wire
from karez.ledger.bookkeeper import Bookkeeper, Deferral
from karez.ledger.group import Submission, SubmissionOutcome, TransferOutcome
from karez.ledger.waiting_line import Respond, Waiting, WaitingLine
from karez.ledger.wire import Frame, FrameReader, FrameWriter, Kind, MalformedFrame, Trouble

_IDLE_COMMIT_S = 1.0
_OBJECTS_PER_COLLECTION = 50_000

_log = logging.getLogger(__name__)


class BookService:
    """Takes frames, queues submissions, commits them in groups and answers.

    Args:
        book: The bookkeeper, used from one thread at a time.
    """

    def __init__(self, book: Bookkeeper) -> None:
        self._book = book
        self._line = WaitingLine()
        self._is_committing = False
        self._questions: list[tuple[bytes, Respond]] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self.figures = {"groups": 0, "transfers": 0, "operations": 0, "busy": 0}

    async def run(self) -> None:
        """Commit groups until ``stop``; raises whatever leaves an outcome unknown."""
        while not (self._stopping and not self._line):
            if not self._line:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _IDLE_COMMIT_S)
            group = self._line.take_group()
            try:
                outcomes = await self._commit([waiting.submission for waiting in group])
            except Unavailable as trouble:
                _log.error("%s", trouble)
                payload = wire.encode(Trouble(trouble.code, trouble.sentence, trouble.retry_after_s))
                for waiting in group:
                    waiting.respond(Kind.UNAVAILABLE, payload)
            else:
                self._answer(group, outcomes)
            self._answer_questions()
        await asyncio.get_running_loop().run_in_executor(None, self._book.write_slices)

    def stop(self) -> None:
        """Finish what is queued, then let ``run`` return."""
        self._stopping = True
        self._wake.set()

    def take(self, frame: Frame, respond: Respond) -> None:
        """Serve one frame, or queue it."""
        if frame.kind == Kind.TRANSFERS:
            self._enqueue(wire.unpack_transfers(frame.payload), len(frame.payload), respond)
        elif frame.kind == Kind.OPERATION:
            self._take_operation(frame.payload, respond)
        elif frame.kind == Kind.BALANCES:
            if len(frame.payload) > 16 * wire.BALANCES_MAX:
                raise MalformedFrame(f"balances of more than {wire.BALANCES_MAX} accounts")
            self._questions.append((frame.payload, respond))
            # During a commit the totals are those of transfers that may yet fail.
            if not self._is_committing:
                self._answer_questions()
        elif frame.kind == Kind.STATISTICS:
            figures = {**self.figures, "accounts": len(self._book.columns), "queued": self._line.weight}
            respond(Kind.FIGURES, wire.encode({**figures, "epoch": self._book.epoch}))
        else:
            raise MalformedFrame(f"kind {frame.kind} is not a request")

    async def _commit(self, submissions: list[Submission]) -> list[SubmissionOutcome | Deferral]:
        self._is_committing = True
        try:
            return await asyncio.get_running_loop().run_in_executor(None, self._book.commit, submissions)
        finally:
            self._is_committing = False

    def _take_operation(self, payload: bytes, respond: Respond) -> None:
        try:
            operation = wire.decode_operation(payload)
        except msgspec.DecodeError as error:
            sentence = f"The bookkeeper cannot read this operation ({error}); both sides must be one version."
            respond(Kind.UNAVAILABLE, wire.encode(Trouble("operation_malformed", sentence)))
        else:
            self._enqueue(operation, len(payload), respond)

    def _enqueue(self, submission: Submission, size_bytes: int, respond: Respond) -> None:
        if self._line.is_full or self._stopping:
            self.figures["busy"] += 1
            respond(Kind.UNAVAILABLE, _BUSY)
            return
        self._line.add(Waiting(submission, size_bytes, respond))
        self._wake.set()

    def _answer(self, group: list[Waiting], outcomes: list[SubmissionOutcome | Deferral]) -> None:
        self.figures["groups"] += bool(group)
        deferred = []
        for waiting, outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, TransferOutcome):
                self.figures["transfers"] += len(outcome.status)
                waiting.respond(Kind.STATUSES, wire.pack_statuses(outcome))
            elif isinstance(outcome, Deferral):
                deferred.append(waiting)
            else:
                self.figures["operations"] += 1
                waiting.respond(Kind.OUTCOME, wire.encode(outcome))
        self._line.defer(deferred)

    def _answer_questions(self) -> None:
        questions, self._questions = self._questions, []
        columns = self._book.columns
        for payload, respond in questions:
            slots = columns.index.find(*wire.unpack_ids(payload))
            totals = np.where(slots >= 0, columns.totals[:, slots], -1)
            respond(Kind.TOTALS, np.ascontiguousarray(totals, "<i8").tobytes())


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
        # What is loaded now stays, and what is queued lives on for a moment: to look through it finds nothing.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS_PER_COLLECTION)
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
        self._writer: FrameWriter | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport by inheritance.
        self._transport = cast(asyncio.Transport, transport)
        self._writer = FrameWriter(self._transport)
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)

    def pause_writing(self) -> None:
        """A caller that does not read its answers may not ask any more."""
        assert self._transport is not None
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        assert self._transport is not None
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        try:
            for frame in self._reader.feed(data):
                self._service.take(frame, self._responder(frame.request))
        except (MalformedFrame, ValueError):
            # Also what msgspec raises. A caller that does not speak the protocol must not stop the book.
            self._transport.close()

    def _responder(self, request: int) -> Respond:
        writer = self._writer
        assert writer is not None

        def respond(kind: Kind, payload: bytes) -> None:
            writer.write(kind, request, payload)

        return respond
