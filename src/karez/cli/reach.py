"""How a command reaches the database and the book, whether or not a Karez is running on them."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import psycopg
from psycopg.conninfo import make_conninfo

from karez.cli.process_roles import BookkeeperRole
from karez.cli.processes import ChildProcess
from karez.cli.run_directory import RunDirectory
from karez.core.config import Settings
from karez.core.outcomes import Unavailable
from karez.ledger.client import BookClient
from karez.storage.database import EMBEDDED_DATABASE, Database, connect, describe_database, open_database
from karez.storage.database_errors import explain
from karez.storage.embedded.cluster import OWNER_ROLE
from karez.storage.embedded.socket_directory import SOCKET_NAME
from karez.storage.secret_keys import secret_from_file, secret_key

_BOOKKEEPER_WAIT_S = 10.0
_BOOKKEEPER_STOP_S = 60.0
_POLL_S = 0.05


@contextmanager
def reached_database(settings: Settings) -> Iterator[Database]:
    """Yield the database of the settings: that of the Karez which is running, or else one opened here.

    Raises:
        Unavailable: As ``open_database``.
    """
    with ExitStack() as stack:
        try:
            database = stack.enter_context(open_database(settings))
        except Unavailable as refusal:
            if refusal.code != "data_directory_in_use":
                raise
            database = _running_database(settings)
        try:
            yield database
        except psycopg.OperationalError as error:
            raise explain(error) from error


def _running_database(settings: Settings) -> Database:
    """Describe the embedded database that another process has started on the data directory."""
    password_file = settings.data_dir / "postgres.password"
    socket_dir = (settings.data_dir / "socket").resolve()
    if not password_file.exists() or not (socket_dir / SOCKET_NAME).exists():
        raise Unavailable(
            "database_starting",
            f"The database in {settings.data_dir} is being started or stopped by another karez; try again in a"
            " few seconds.",
            retry_after_s=2.0,
        )
    owner = make_conninfo(
        host=str(socket_dir), port=5432, user=OWNER_ROLE, password=secret_from_file(password_file)
    )
    key = secret_key(settings.secret_key, settings.data_dir)
    database = describe_database(owner, EMBEDDED_DATABASE, key)
    connect(database.owner).close()
    return database


@asynccontextmanager
async def reached_book(settings: Settings, database: Database) -> AsyncIterator[BookClient]:
    """Yield a connection to the bookkeeper: the one that is running, or else one started here.

    Raises:
        Unavailable: As the bookkeeper says.
    """
    run_directory = RunDirectory(settings.data_dir)
    with ExitStack() as stack:
        bookkeeper: ChildProcess | None = None
        try:
            stack.enter_context(run_directory.held())
        except Unavailable as refusal:
            if refusal.code != "karez_running":
                raise
        else:
            role = BookkeeperRole(database.book, str(run_directory.bookkeeper_socket))
            bookkeeper = ChildProcess("bookkeeper", role)
            await bookkeeper.start()
        client = BookClient(run_directory.bookkeeper_socket)
        try:
            await _wait_for(client)
            yield client
        finally:
            client.close()
            if bookkeeper is not None:
                await bookkeeper.stop(_BOOKKEEPER_STOP_S)


async def _wait_for(client: BookClient) -> None:
    """The bookkeeper of a Karez that is just starting, or starting again, is there in a moment."""
    deadline = time.monotonic() + _BOOKKEEPER_WAIT_S
    while True:
        try:
            await client.statistics()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_POLL_S)
        else:
            return
