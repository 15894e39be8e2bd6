"""An office with a database of its own."""

from collections.abc import Iterator

import pytest

from karez.core.clock import SimulatedClock
from karez.ledger.bookkeeper import Bookkeeper
from karez.storage.database import Database
from tests.services.payments.reconciliation.office import Office

NOW_NS = 1_772_496_000_000_000_000


@pytest.fixture
def office(database: Database) -> Iterator[Office]:
    clock = SimulatedClock(NOW_NS)
    with Bookkeeper(database.book, clock) as book:
        yield Office(database, book, clock)
