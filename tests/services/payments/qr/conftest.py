"""A street in its own database."""

from collections.abc import Iterator

import pytest

from karez.core.clock import SimulatedClock
from karez.ledger.bookkeeper import Bookkeeper
from karez.storage.database import Database
from tests.parties.making import NOW_NS
from tests.services.payments.qr.street import Street


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW_NS)


@pytest.fixture
def street(database: Database, clock: SimulatedClock) -> Iterator[Street]:
    with Bookkeeper(database.book, clock) as book:
        yield Street(database, book, clock)
