"""The database roles: one per kind of caller, and the login roles that may act as them.

Group roles belong to the whole server and cannot log in; grants and row-level policies name them. Login roles
belong to one database, own nothing, and get passwords derived from the secret key:

* ``karez_web_<database>`` has no rights of its own and takes on a kind of caller for one transaction.
* ``karez_book_<database>`` is the bookkeeper, the only one that writes money.
* ``karez_worker_<database>`` does the background work.
"""

import contextlib
import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from karez.core.outcomes import Unavailable
from karez.storage.secret_keys import role_password

INSTITUTION = "karez_institution"
PERSON = "karez_person"
OPERATOR = "karez_operator"
ENTRANCE = "karez_entrance"
BOOKKEEPER = "karez_bookkeeper"
JOBS = "karez_jobs"
VAULT = "karez_vault"

GROUP_ROLES = (INSTITUTION, PERSON, OPERATOR, ENTRANCE, BOOKKEEPER, JOBS, VAULT)

_NAME_SIZE_LIMIT_BYTES = 63  # NAMEDATALEN - 1: PostgreSQL cuts longer names silently
_RACE_LIMIT_S = 30.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class LoginRole:
    """One way to log in to one database.

    Attributes:
        name: The role's name.
        groups: The group roles that it may act as.
        inherits: Whether it has their rights at once, without taking on a role first.
    """

    name: str
    groups: tuple[str, ...]
    inherits: bool


def web_role(database: str) -> LoginRole:
    """Return the login role of the web processes of a database."""
    return _login_role("web", database, (INSTITUTION, PERSON, OPERATOR, ENTRANCE, VAULT), inherits=False)


def book_role(database: str) -> LoginRole:
    """Return the login role of the bookkeeper of a database."""
    return _login_role("book", database, (BOOKKEEPER,), inherits=True)


def worker_role(database: str) -> LoginRole:
    """Return the login role of the background workers of a database."""
    return _login_role("worker", database, (JOBS,), inherits=True)


def login_roles(database: str) -> tuple[LoginRole, ...]:
    """Return all login roles of a database.

    Raises:
        Unavailable: ``database_name_too_long``.
    """
    return web_role(database), book_role(database), worker_role(database)


def _login_role(purpose: str, database: str, groups: tuple[str, ...], *, inherits: bool) -> LoginRole:
    name = f"karez_{purpose}_{database}"
    if len(name.encode()) > _NAME_SIZE_LIMIT_BYTES:
        raise Unavailable(
            "database_name_too_long",
            f"The database name {database!r} is too long: the role {name!r} would have more than "
            f"{_NAME_SIZE_LIMIT_BYTES} bytes; give the database a shorter name.",
        )
    return LoginRole(name, groups, inherits)


def create_roles(conn: psycopg.Connection[Any], database: str, key: bytes) -> None:
    """Make the group roles and a database's login roles if they are missing, and set the passwords.

    Several databases of one server may do it at the same time.

    Args:
        conn: An autocommit connection of the owner to that database.
        database: The database's name.
        key: The secret key.
    """
    known = {name for (name,) in conn.execute("SELECT rolname FROM pg_roles").fetchall()}
    for group in GROUP_ROLES:
        if group not in known:
            _create(conn, sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(group)))
    logins = login_roles(database)
    for role in logins:
        _create_login_role(conn, role, role.name in known, key)
    names = sql.SQL(", ").join(sql.Identifier(role.name) for role in logins)
    place = sql.Identifier(database)
    _patiently(conn, sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(place))
    _patiently(conn, sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(place, names))


def _create_login_role(conn: psycopg.Connection[Any], role: LoginRole, exists: bool, key: bytes) -> None:
    name = sql.Identifier(role.name)
    if not exists:
        _create(conn, sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
    # The server gets a verifier, not the password, so that no log of statements can ever contain it.
    verifier = conn.pgconn.encrypt_password(
        role_password(key, role.name).encode("ascii"), role.name.encode(), b"scram-sha-256"
    ).decode("ascii")
    attributes = sql.SQL("LOGIN INHERIT" if role.inherits else "LOGIN NOINHERIT")
    _patiently(conn, sql.SQL("ALTER ROLE {} {} PASSWORD {}").format(name, attributes, sql.Literal(verifier)))
    for group in role.groups:
        _patiently(conn, sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), name))


def drop_login_roles(conn: psycopg.Connection[Any], database: str) -> None:
    """Remove the login roles of a database that was dropped.

    Args:
        conn: An autocommit connection of the owner to another database of the server.
        database: The name of the dropped database.
    """
    names = sql.SQL(", ").join(sql.Identifier(role.name) for role in login_roles(database))
    conn.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(names))


def _create(conn: psycopg.Connection[Any], statement: sql.Composed) -> None:
    """Roles belong to the server, and another database's Karez may just have made the same one."""
    with contextlib.suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        conn.execute(statement)


def _patiently(conn: psycopg.Connection[Any], statement: sql.Composed) -> None:
    """Repeat a statement that lost a race: PostgreSQL does not wait when two sessions change one role."""
    deadline = time.monotonic() + _RACE_LIMIT_S
    while True:
        try:
            conn.execute(statement)
        except (psycopg.errors.InternalError_, psycopg.errors.UniqueViolation) as error:
            lost_race = "concurrently" in str(error) or isinstance(error, psycopg.errors.UniqueViolation)
            if not lost_race or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return
