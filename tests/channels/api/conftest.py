"""One Karez for all tests of the API, with an operator, two banks, and a token for each kind of caller."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from karez.storage.database import describe_database
from tests.channels.api.living import LiveApi, bookkeeper, live_api
from tests.channels.api.making import World, furnish
from tests.channels.api.timed import TimedTown, open_timed_town
from tests.channels.api.town import Town, open_town
from tests.conftest import SECRET_KEY, TestServer


@pytest.fixture(scope="session")
def socket_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bookkeeper listens."""
    return tmp_path_factory.mktemp("api") / "book"


@pytest.fixture(scope="session")
def world(database_server: TestServer, socket_path: Path) -> Iterator[World]:
    """Who takes part, on a database of their own."""
    name = database_server.create_database()
    try:
        database = describe_database(database_server.owner, name, SECRET_KEY)
        with bookkeeper(database, socket_path):
            yield furnish(database)
    finally:
        database_server.drop_database(name)


@pytest.fixture(scope="session")
def api(world: World, socket_path: Path) -> Iterator[LiveApi]:
    """The API."""
    with live_api(world.database, socket_path) as live:
        yield live


@pytest.fixture(scope="session")
def harbour(api: LiveApi, world: World) -> Iterator[httpx.Client]:
    """Harbour Bank's program."""
    with api.client(world.harbour) as client:
        yield client


@pytest.fixture(scope="session")
def hill(api: LiveApi, world: World) -> Iterator[httpx.Client]:
    """Hill Bank's program."""
    with api.client(world.hill) as client:
        yield client


@pytest.fixture(scope="session")
def operator(api: LiveApi, world: World) -> Iterator[httpx.Client]:
    """The operator's program."""
    with api.client(world.operator) as client:
        yield client


@pytest.fixture(scope="session")
def ana(api: LiveApi, world: World) -> Iterator[httpx.Client]:
    """A person's own program; she came through Harbour Bank."""
    with api.client(world.ana) as client:
        yield client


@pytest.fixture(scope="session")
def town(harbour: httpx.Client, operator: httpx.Client) -> Town:
    """People and shops who pay and are paid."""
    return open_town(harbour, operator)


@pytest.fixture(scope="module")
def timed_town(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimedTown]:
    """A town of its own in which time is moved."""
    name = database_server.create_database()
    try:
        database = describe_database(database_server.owner, name, SECRET_KEY)
        with open_timed_town(database, tmp_path_factory.mktemp("timed") / "book") as opened:
            yield opened
    finally:
        database_server.drop_database(name)
