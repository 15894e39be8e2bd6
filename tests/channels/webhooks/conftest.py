"""Two banks on a fresh database, and one receiver."""

from collections.abc import Iterator

import pytest

from karez.core.clock import SimulatedClock
from karez.storage.database import Database
from tests.channels.webhooks.making import NOW_NS, found_institutions
from tests.channels.webhooks.receivers import Receiver, receiver


@pytest.fixture
def banks(database: Database) -> Database:
    """A database with two banks."""
    found_institutions(database)
    return database


@pytest.fixture
def clock() -> SimulatedClock:
    """Stands still until it is moved."""
    return SimulatedClock(NOW_NS)


@pytest.fixture
def shop() -> Iterator[Receiver]:
    """A receiver that takes everything until the test changes it."""
    with receiver() as made:
        yield made
