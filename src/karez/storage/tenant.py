"""The tenant wall: who is asking, told to the database for exactly one transaction.

Row-level security decides by the role and by ``app.institution`` or ``app.party``. Both are set with ``SET
LOCAL``, so they end with the transaction and nothing is left on a pooled connection for the next caller. (Not
``set_config()``: a distributed PostgreSQL does not carry it to its other machines.)

    with as_institution(connection, 7):
        connection.execute("SELECT ...")  # sees the rows of institution 7, whatever the query says

On an autocommit connection the three settings travel with ``BEGIN`` in one round trip; on another one psycopg
sends its own ``BEGIN`` first.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Connection, errors
from psycopg.abc import Query
from psycopg.pq import TransactionStatus

from karez.storage import roles


@contextmanager
def as_institution(conn: Connection[Any], institution: int) -> Iterator[None]:
    """Open a transaction in which only one institution's rows are visible and writable.

    Args:
        conn: A connection of the web login role, outside any transaction.
        institution: The institution's number.
    """
    with _acting(conn, _institution_statement(institution, conn.autocommit)):
        yield


@contextmanager
def as_person(conn: Connection[Any], party: UUID) -> Iterator[None]:
    """Open a transaction in which only one person's or shop's rows are visible and writable.

    Args:
        conn: A connection of the web login role, outside any transaction.
        party: The person's or shop's id.
    """
    with _acting(conn, _party_statement(roles.PERSON, party, conn.autocommit)):
        yield


@contextmanager
def as_operator(conn: Connection[Any]) -> Iterator[None]:
    """Open a transaction with the rights of the operator of the whole ecosystem."""
    with _acting(conn, _statement(roles.OPERATOR, "", conn.autocommit)):
        yield


@contextmanager
def as_entrance(conn: Connection[Any]) -> Iterator[None]:
    """Open a transaction that may look up credentials, before it is known who is calling."""
    with _acting(conn, _statement(roles.ENTRANCE, "", conn.autocommit)):
        yield


@contextmanager
def as_vault(conn: Connection[Any], party: UUID) -> Iterator[None]:
    """Open a transaction that reaches the card numbers of one person or shop, and hardly anything else.

    Args:
        conn: A connection of the web login role, outside any transaction.
        party: Whose numbers.
    """
    with _acting(conn, _party_statement(roles.VAULT, party, conn.autocommit)):
        yield


@asynccontextmanager
async def as_institution_async(conn: AsyncConnection[Any], institution: int) -> AsyncIterator[None]:
    """Do what ``as_institution`` does on an asynchronous connection."""
    async with _acting_async(conn, _institution_statement(institution, conn.autocommit)):
        yield


@asynccontextmanager
async def as_person_async(conn: AsyncConnection[Any], party: UUID) -> AsyncIterator[None]:
    """Do what ``as_person`` does on an asynchronous connection."""
    async with _acting_async(conn, _party_statement(roles.PERSON, party, conn.autocommit)):
        yield


@asynccontextmanager
async def as_operator_async(conn: AsyncConnection[Any]) -> AsyncIterator[None]:
    """Do what ``as_operator`` does on an asynchronous connection."""
    async with _acting_async(conn, _statement(roles.OPERATOR, "", conn.autocommit)):
        yield


@asynccontextmanager
async def as_entrance_async(conn: AsyncConnection[Any]) -> AsyncIterator[None]:
    """Do what ``as_entrance`` does on an asynchronous connection."""
    async with _acting_async(conn, _statement(roles.ENTRANCE, "", conn.autocommit)):
        yield


def _institution_statement(institution: int, autocommit: bool) -> Query:
    if not isinstance(institution, int):
        raise TypeError(f"an institution is a number, not {institution!r}")
    return _statement(roles.INSTITUTION, f"SET LOCAL app.institution = '{institution:d}'", autocommit)


def _party_statement(role: str, party: UUID, autocommit: bool) -> Query:
    if not isinstance(party, UUID):
        raise TypeError(f"a party is a UUID, not {party!r}")
    return _statement(role, f"SET LOCAL app.party = '{party}'", autocommit)


def _statement(role: str, setting: str, autocommit: bool) -> Query:
    """SET takes no parameters, so the values stand in the text; both are checked types, never free text."""
    begin = "BEGIN; " if autocommit else ""
    return f"{begin}SET LOCAL ROLE {role}; {setting}".encode("ascii")


@contextmanager
def _acting(conn: Connection[Any], statement: Query) -> Iterator[None]:
    _refuse_open_transaction(conn.info.transaction_status)
    try:
        conn.execute(statement)
        yield
        _refuse_failed_transaction(conn.info.transaction_status)
    except BaseException:
        if not conn.broken:
            conn.rollback()
        raise
    conn.commit()


@asynccontextmanager
async def _acting_async(conn: AsyncConnection[Any], statement: Query) -> AsyncIterator[None]:
    _refuse_open_transaction(conn.info.transaction_status)
    try:
        await conn.execute(statement)
        yield
        _refuse_failed_transaction(conn.info.transaction_status)
    except BaseException:
        if not conn.broken:
            await conn.rollback()
        raise
    await conn.commit()


def _refuse_open_transaction(status: TransactionStatus) -> None:
    """Acting as a second caller inside the first one's transaction would mix their rights."""
    if status in (TransactionStatus.INTRANS, TransactionStatus.INERROR, TransactionStatus.ACTIVE):
        raise RuntimeError("the connection is already in a transaction; a caller's role needs one of its own")


def _refuse_failed_transaction(status: TransactionStatus) -> None:
    """PostgreSQL answers COMMIT of a failed transaction with a silent rollback."""
    if status == TransactionStatus.INERROR:
        raise errors.InFailedSqlTransaction(
            "a statement failed and its error was swallowed; nothing of this transaction is kept"
        )
