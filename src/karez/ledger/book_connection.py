"""The bookkeeper's connection: many statements in one round trip.

Each round trip costs both sides a system call and a change of process, which for one payment is more than the work
itself. psycopg's own pipeline sends every statement by itself; here they leave together:

    with connection.together():
        first = connection.write(b"INSERT INTO t SELECT unnest($1::uuid[])", ids)
        connection.write(b"DELETE FROM u WHERE id = ANY($1::uuid[])", ids)
    first.rowcount

Statements are prepared once; parameters are given in PostgreSQL's binary form.
Source: PostgreSQL's documentation, "libpq", section "Pipeline Mode".
"""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

_PREPARED_MAX = 512
_BINARY = 1


class Written:
    """A statement on its way, and what came of it."""

    __slots__ = ("_result", "parameters", "statement")

    def __init__(self, statement: bytes, parameters: tuple[bytes, ...]) -> None:
        self.statement = statement
        self.parameters = parameters
        self._result: PGresult | None = None

    @property
    def rowcount(self) -> int:
        """How many rows it wrote."""
        assert self._result is not None, "it has not been sent yet"
        return self._result.command_tuples or 0

    @property
    def numbers(self) -> list[int]:
        """The integers that it returned, one a row."""
        assert self._result is not None, "it has not been sent yet"
        return [int(self._result.get_value(row, 0) or 0) for row in range(self._result.ntuples)]

    def take(self, result: PGresult) -> None:
        """Note the server's answer."""
        self._result = result


class BookConnection(psycopg.Connection[tuple[Any, ...]]):
    """A psycopg connection that can also send statements together."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepared: dict[bytes, bytes] = {}
        self._waiting: list[Written] | None = None

    def write(self, statement: bytes, *parameters: bytes) -> Written:
        """Send a statement, or within ``together`` have it sent with the others.

        Args:
            statement: SQL with ``$1``, ``$2``, ... and a cast after each.
            parameters: In binary form.
        """
        written = Written(statement, parameters)
        if self._waiting is None:
            self._exchange([written])
        else:
            self._waiting.append(written)
        return written

    @contextmanager
    def together(self) -> Iterator[None]:
        """Send what is written within the block at its end; the first error is raised there."""
        self._waiting = []
        try:
            yield
            waiting = self._waiting
        finally:
            self._waiting = None
        if waiting:
            self._exchange(waiting)

    def _exchange(self, statements: list[Written]) -> None:
        pgconn = self.pgconn
        # What each of the answers belongs to; nothing is the end of the pipeline.
        expected: list[Written | bytes | None] = []
        pgconn.enter_pipeline_mode()
        for each in statements:
            name = self._prepared.get(each.statement)
            formats = [_BINARY] * len(each.parameters)
            if name is None and len(self._prepared) >= _PREPARED_MAX:
                pgconn.send_query_params(each.statement, each.parameters, param_formats=formats)
            else:
                if name is None:
                    name = b"book_%d" % len(self._prepared)
                    self._prepared[each.statement] = name
                    pgconn.send_prepare(name, each.statement)
                    expected.append(each.statement)
                pgconn.send_query_prepared(name, each.parameters, param_formats=formats)
            expected.append(each)
        pgconn.pipeline_sync()
        expected.append(None)
        error = None
        for owner, result in zip(expected, self._answers(len(expected)), strict=True):
            if isinstance(owner, Written):
                owner.take(result)
            if result.status in (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED):
                if isinstance(owner, bytes):
                    del self._prepared[owner]
                if error is None:
                    error = error_from_result(result)
        pgconn.exit_pipeline_mode()
        if error is not None:
            raise error

    def _answers(self, count: int) -> Iterator[PGresult]:
        """Send what is buffered, then yield so many answers as they come."""
        pgconn = self.pgconn
        poll = select.poll()
        poll.register(pgconn.socket, select.POLLIN | select.POLLOUT)
        while pgconn.flush():
            poll.poll()
            pgconn.consume_input()
        poll.modify(pgconn.socket, select.POLLIN)
        while count:
            while pgconn.is_busy():
                poll.poll()
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is not None:
                yield result
                count -= 1
            elif pgconn.status == ConnStatus.BAD:
                raise psycopg.OperationalError("the connection to the database was lost")
