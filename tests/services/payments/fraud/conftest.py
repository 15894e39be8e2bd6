"""A book that keeps decisions, rules and lists."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.operations import Operation, Outcome, RowInsert
from karez.services.asking import Asking
from karez.services.payments.fraud.attempts import PaymentAttempt
from karez.services.payments.fraud.deciding import Decision
from karez.services.payments.fraud.deciding import Outcome as Verdict
from karez.services.payments.fraud.screening import decision_row
from karez.storage.database import Database, connect
from tests.services.payments.fraud.making import NOW_NS

Commit = Callable[[Operation], Outcome]
Remember = Callable[..., None]


def asking(now_ns: int = NOW_NS) -> Asking:
    """A new request."""
    return Asking(new_id(NOW_NS), "tester", b"", now_ns)


@pytest.fixture
def commit(database: Database) -> Iterator[Commit]:
    """Carry out one operation."""
    with Bookkeeper(database.book, SimulatedClock(NOW_NS)) as book:

        def commit_(operation: Operation) -> Outcome:
            (outcome,) = book.commit([operation])
            assert isinstance(outcome, Outcome)
            return outcome

        yield commit_


@pytest.fixture
def remember(commit: Commit) -> Remember:
    """Keep decisions about attempts, as if all of them had been decided in one way."""

    def remember_(*attempts: PaymentAttempt, outcome: Verdict = "allow") -> None:
        decision = Decision(outcome=outcome, reasons=())
        rows: tuple[RowInsert, ...] = tuple(decision_row(each, decision) for each in attempts)
        assert commit(asking().operation("test", None, rows=rows)).accepted

    return remember_


@pytest.fixture
def web(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with connect(database.web) as conn:
        yield conn
