"""A book with two institutions, two units and a few accounts."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.model import NewAccount
from karez.ledger.operations import Outcome
from karez.storage.database import Database, connect
from tests.ledger.making import BANK, CNY, START_NS, operation


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START_NS)


@pytest.fixture
def furnished(database: Database) -> Database:
    """The database with two institutions and two units."""
    with connect(database.owner) as connection:
        connection.execute(
            "INSERT INTO institution VALUES (7, 'bank-7', 'Bank', 'bank', 'active', 0),"
            " (8, 'shop-8', 'Shop', 'merchant', 'active', 0)"
        )
        connection.execute(
            "INSERT INTO unit VALUES (1, 'CNY', 2, 'Yuan', 0), (2, 'COUPON:spring', 0, 'Coupon', 0)"
        )
    return database


@pytest.fixture
def book(furnished: Database, clock: SimulatedClock) -> Iterator[Bookkeeper]:
    with Bookkeeper(furnished.book, clock) as book:
        yield book


OpenAccount = Callable[..., UUID]


@pytest.fixture
def open_account(book: Bookkeeper) -> OpenAccount:
    """Open one account and return its id."""

    def open_(flags: int = 0, ledger: int = CNY, institution: int = BANK) -> UUID:
        id_ = new_id(START_NS)
        account = NewAccount(id=id_, ledger=ledger, code=1, institution=institution, flags=flags)
        (outcome,) = book.commit([operation(accounts=(account,))])
        assert isinstance(outcome, Outcome)
        assert outcome.accepted, outcome
        return id_

    return open_
