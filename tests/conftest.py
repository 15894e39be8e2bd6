"""What every room's tests stand on: a migrated database of their own, on one server per worker."""

import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from karez.storage import roles
from karez.storage.database import Database, connect, describe_database, prepare_database
from karez.storage.embedded import EmbeddedPostgres

SECRET_KEY = b"a secret key for tests, 32 bytes or more"

# What is proved here is not whether the disk keeps its word: those tests start servers of their own.
_FAST_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
}
_MEMORY_DISK = Path("/dev/shm")
_MEMORY_NEEDED_SIZE_BYTES = 4 * 1024**3

_numbers = itertools.count(1)


@dataclass(frozen=True)
class TestServer:
    """A server with a migrated database to copy from."""

    __test__ = False

    owner: str
    template: str
    copying: str

    def create_database(self) -> str:
        """Copy the template, and give the copy its login roles."""
        name = f"{self.template}_{next(_numbers)}"
        with connect(self.owner) as conn:
            conn.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}").format(
                    sql.Identifier(name), sql.Identifier(self.template), sql.Identifier(self.copying)
                )
            )
        with connect(make_conninfo(self.owner, dbname=name)) as conn:
            roles.create_roles(conn, name, SECRET_KEY)
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database and its login roles, whoever is still connected."""
        with connect(self.owner) as conn:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            roles.drop_login_roles(conn, name)


def _disk_for_tests() -> Path | None:
    """Copying a database takes a fifth of the time in memory, where a machine has enough of it."""
    usable = _MEMORY_DISK.is_dir() and os.access(_MEMORY_DISK, os.W_OK)
    if usable and shutil.disk_usage(_MEMORY_DISK).free > _MEMORY_NEEDED_SIZE_BYTES:
        return _MEMORY_DISK
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes, so that the other workers do not wait for it in the end."""
    items.sort(key=lambda item: "/faults/" not in str(item.path))


@pytest.fixture(scope="session")
def server_owner() -> Iterator[str]:
    """Connection string of the owner of this worker's server."""
    url = os.environ.get("KAREZ_DATABASE_URL")
    if url:
        yield make_conninfo(url)
        return
    parent = Path(tempfile.mkdtemp(prefix="karez-test-", dir=_disk_for_tests()))
    try:
        with EmbeddedPostgres(parent / "data", _FAST_SETTINGS) as server:
            yield server.conninfo()
    finally:
        shutil.rmtree(parent)


@pytest.fixture(scope="session")
def database_server(server_owner: str) -> Iterator[TestServer]:
    """This worker's server, with the migrations applied once."""
    template = f"karez_test_{secrets.token_hex(4)}"
    # Copying files is faster but flushes the whole server, which costs nothing without fsync.
    copying = "wal_log" if os.environ.get("KAREZ_DATABASE_URL") else "file_copy"
    server = TestServer(server_owner, template, copying)
    with connect(server_owner) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(template)))
    try:
        prepare_database(make_conninfo(server_owner, dbname=template), SECRET_KEY, now_ns=0)
        yield server
    finally:
        server.drop_database(template)


@pytest.fixture
def database(database_server: TestServer) -> Iterator[Database]:
    """A fresh migrated database for one test."""
    name = database_server.create_database()
    try:
        yield describe_database(database_server.owner, name, SECRET_KEY)
    finally:
        database_server.drop_database(name)
