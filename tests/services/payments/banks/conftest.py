"""One office and one simulator bank for all tests of a worker; each test has a bank institution of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from karez.ledger.invariants import check_book
from karez.parties import institutions
from karez.services.payments.banks.invariants import INVARIANTS
from karez.storage.database import connect, describe_database
from karez.storage.tenant import as_operator
from tests.channels.api.living import bookkeeper
from tests.conftest import SECRET_KEY, TestServer
from tests.services.payments.banks.desk import START_NS, Desk, Office, open_office
from tests.simulators.bank_process import BankProcess


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BankProcess]:
    """The simulator bank."""
    process = BankProcess(tmp_path_factory.mktemp("bank") / "bank.db")
    try:
        yield process
    finally:
        process.close()


@pytest.fixture(scope="session")
def office(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The payment house with its bookkeeper."""
    socket: Path = tmp_path_factory.mktemp("banks") / "book"
    name = database_server.create_database()
    try:
        database = describe_database(database_server.owner, name, SECRET_KEY)
        with bookkeeper(database, socket):
            yield open_office(database, socket)
    finally:
        database_server.drop_database(name)


@contextmanager
def opened_desk(office: Office, bank: BankProcess) -> Iterator[Desk]:
    """A bank of its own for one test; in the end the records and the book must agree."""
    with connect(office.database.web) as conn, as_operator(conn):
        count = len(institutions.every(conn))
        number = institutions.register(conn, f"bank-{count}", "Bank", "bank", START_NS).number
    desk = Desk(office, bank, number)
    desk.link()
    yield desk
    desk.link(is_open=False)
    with connect(office.database.owner) as conn:
        violations = [each for result in check_book(conn, INVARIANTS) for each in result.violations]
    assert not violations


@pytest.fixture
def desk(office: Office, bank: BankProcess) -> Iterator[Desk]:
    """This test's bank."""
    with opened_desk(office, bank) as desk:
        yield desk


@pytest.fixture
def other_desk(office: Office, bank: BankProcess) -> Iterator[Desk]:
    """Another bank."""
    with opened_desk(office, bank) as desk:
        yield desk
