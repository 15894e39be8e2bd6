"""Opening the database of a Karez, embedded or on a real server."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from karez.core.clock import Clock, SystemClock
from karez.core.config import Settings
from karez.core.outcomes import Unavailable
from karez.storage import roles
from karez.storage.database_errors import explain
from karez.storage.embedded import EmbeddedPostgres
from karez.storage.migrations import find_migrations, migrate
from karez.storage.secret_keys import role_password, secret_key

EMBEDDED_DATABASE = "karez"
SUPPORTED_VERSIONS = range(15, 19)

_CONNECT_LIMIT_S = 10


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database, as connection strings for each kind of work; they contain passwords.

    Attributes:
        owner: For migrations and administration; row-level security does not bind it.
        book: For the bookkeeper.
        web: For requests, which take on a caller's role with ``karez.storage.tenant``.
        worker: For background work.
        secret_key: The root of all derived keys.
    """

    owner: str = field(repr=False)
    book: str = field(repr=False)
    web: str = field(repr=False)
    worker: str = field(repr=False)
    secret_key: bytes = field(repr=False)


@contextmanager
def open_database(settings: Settings, clock: Clock | None = None) -> Iterator[Database]:
    """Start the embedded server or reach the real one, bring the database up to date, and yield it.

    Args:
        settings: Where the data lies or which server to use.
        clock: Tells the moment that is recorded with each migration; the machine's own by default.

    Raises:
        Unavailable: With one code and sentence for every cause.
    """
    now_ns = (clock or SystemClock()).now_ns()
    if settings.database_url is not None:
        key = secret_key(settings.secret_key, settings.data_dir)
        yield prepare_database(settings.database_url, key, now_ns)
        return
    with EmbeddedPostgres(settings.data_dir) as server:
        key = secret_key(settings.secret_key, settings.data_dir)
        _create_embedded_database(server)
        yield prepare_database(server.conninfo(EMBEDDED_DATABASE), key, now_ns)


def prepare_database(owner: str, key: bytes, now_ns: int) -> Database:
    """Create the roles and apply the migrations that are missing.

    Args:
        owner: Connection string or URL of the owner of an existing database.
        key: The secret key.
        now_ns: The moment to record with each migration.

    Raises:
        Unavailable: With one code and sentence for every cause.
    """
    try:
        with connect(owner) as conn:
            _refuse_unsupported_version(conn)
            name = conn.info.dbname
            roles.create_roles(conn, name, key)
            migrate(conn, find_migrations(), now_ns)
    except psycopg.Error as error:
        raise explain(error) from error
    return describe_database(owner, name, key)


def describe_database(owner: str, name: str, key: bytes) -> Database:
    """Return the connection strings of a database whose roles exist.

    Args:
        owner: Connection string or URL of the owner.
        name: The database's name.
        key: The secret key.
    """
    return Database(
        owner=make_conninfo(owner, dbname=name),
        book=_login(owner, name, roles.book_role(name), key),
        web=_login(owner, name, roles.web_role(name), key),
        worker=_login(owner, name, roles.worker_role(name), key),
        secret_key=key,
    )


def connect(conninfo: str) -> psycopg.Connection[Any]:
    """Open an autocommit connection: a transaction begins where the code names it, and nowhere else.

    Args:
        conninfo: One of the strings of a ``Database``.

    Raises:
        Unavailable: Such as ``database_gone``, ``too_many_connections``, ``login_refused``.
    """
    try:
        return psycopg.connect(conninfo, autocommit=True, connect_timeout=_CONNECT_LIMIT_S)
    except psycopg.Error as error:
        raise explain(error) from error


async def connect_async(conninfo: str) -> psycopg.AsyncConnection[Any]:
    """Do what ``connect`` does, for asynchronous code."""
    try:
        return await psycopg.AsyncConnection.connect(
            conninfo, autocommit=True, connect_timeout=_CONNECT_LIMIT_S
        )
    except psycopg.Error as error:
        raise explain(error) from error


def _login(owner: str, name: str, role: roles.LoginRole, key: bytes) -> str:
    return make_conninfo(owner, dbname=name, user=role.name, password=role_password(key, role.name))


def _create_embedded_database(server: EmbeddedPostgres) -> None:
    with connect(server.conninfo()) as conn:
        found = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (EMBEDDED_DATABASE,)).fetchone()
        if found is None:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(EMBEDDED_DATABASE)))


def _refuse_unsupported_version(conn: psycopg.Connection[Any]) -> None:
    version = conn.info.server_version // 10_000
    if version not in SUPPORTED_VERSIONS:
        raise Unavailable(
            "unsupported_server_version",
            f"The server runs PostgreSQL {version}; Karez needs {SUPPORTED_VERSIONS[0]} to "
            f"{SUPPORTED_VERSIONS[-1]}; set KAREZ_DATABASE_URL to such a server.",
        )
