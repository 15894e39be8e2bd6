"""The bugs: each function patches the bookkeeper of the process in which it runs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from unittest.mock import patch

import psycopg

from karez.ledger import bookkeeper, group_commit, persistence, recovery, writer
from karez.ledger.operations import Operation
from karez.ledger.sequential import SequentialBook


def reply_before_commit() -> None:
    """COMMIT is sent when the next group begins, or when there is none; the callers have their answer by then."""
    execute, commit = psycopg.Connection.execute, bookkeeper.Bookkeeper.commit
    owed: list[psycopg.Connection[Any]] = []

    def pay() -> None:
        while owed:
            execute(owed.pop(), "COMMIT")

    def execute_later(connection: psycopg.Connection[Any], query: Any, *args: Any, **kwargs: Any) -> Any:
        if query == "COMMIT":
            owed.append(connection)
            return None
        if query == "BEGIN":
            pay()
        return execute(connection, query, *args, **kwargs)

    def commit_and_pay_when_idle(self: bookkeeper.Bookkeeper, submissions: Sequence[Any]) -> Any:
        if not submissions:
            pay()
        return commit(self, submissions)

    patch.object(psycopg.Connection, "execute", execute_later).start()
    patch.object(bookkeeper.Bookkeeper, "commit", commit_and_pay_when_idle).start()


def operation_stored_after_commit() -> None:
    """The row that makes an operation repeatable is written in a transaction of its own after its effects."""
    write, commit_group = persistence.write_operations, group_commit.commit_group
    waiting: list[tuple[psycopg.Connection[Any], Sequence[Operation], int]] = []

    def write_later(
        connection: psycopg.Connection[Any], operations: Sequence[Operation], now_ns: int
    ) -> None:
        waiting.append((connection, operations, now_ns))

    def commit_group_and_write(*args: Any) -> Any:
        outcomes = commit_group(*args)
        while waiting:
            connection, operations, now_ns = waiting.pop()
            with connection.transaction():
                write(connection, operations, now_ns)
        return outcomes

    patch.object(persistence, "write_operations", write_later).start()
    patch.object(bookkeeper, "commit_group", commit_group_and_write).start()


def epoch_not_checked() -> None:
    """The fence lets every writer through."""
    statement = writer.FENCE.replace("epoch = %s", "%s IS NOT NULL")
    assert statement != writer.FENCE
    patch.object(group_commit, "FENCE", statement).start()


def limits_without_order() -> None:
    """Every transfer is judged against the balance before its batch."""
    check = SequentialBook._check_accounts

    def check_against_opening(self: SequentialBook, event: Any) -> Any:
        running, self._totals = self._totals, {}
        try:
            return check(self, event)
        finally:
            self._totals = running

    patch.object(SequentialBook, "_check_accounts", check_against_opening).start()


def refused_ids_forgotten() -> None:
    """The ids of refused transfers are not stored."""
    patch.object(persistence, "write_spent_ids", _do_nothing).start()


def recovery_without_replay() -> None:
    """Recovery ignores the transfers that came after the balance slices."""
    patch.object(recovery, "_replay", _do_nothing).start()


def recovery_forgets_what_is_behind() -> None:
    """Recovery is right, but does not tell which slices are behind, so that the next one begins too late."""
    recover = recovery.recover
    patch.object(
        bookkeeper, "recover", lambda connection, from_ns, _plan: recover(connection, from_ns)
    ).start()


def settlements_forgotten() -> None:
    """It is not stored that a reservation was posted or voided."""
    patch.object(persistence, "write_reservations", _do_nothing).start()


def _do_nothing(*_args: Any) -> None:
    return


BUGS: Mapping[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (
        reply_before_commit,
        operation_stored_after_commit,
        epoch_not_checked,
        limits_without_order,
        refused_ids_forgotten,
        recovery_without_replay,
        recovery_forgets_what_is_behind,
        settlements_forgotten,
    )
}
