"""Questions to the reading side of the book: one SQL statement and a pure reading of its rows.

Entries are complete up to the projection's watermark; what came later is taken from the transfers themselves.
So every answer is complete at once, however far the projection is behind. The watermark is read first and
handed to the statement: entries up to it never change, so it stays right while the projection goes on.

    with as_institution(connection, 7):
        page = ask(connection, statement_page(account))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import psycopg

_WATERMARK = "SELECT watermark_ns FROM projection WHERE name = 'account_entry'"

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Question(Generic[Answer]):
    """Something to ask.

    Attributes:
        statement: SQL that takes ``%(watermark_ns)s`` besides the parameters.
        parameters: By name.
        read: Turns the rows into the answer.
    """

    statement: str
    parameters: Mapping[str, object]
    read: Callable[[Sequence[tuple[Any, ...]]], Answer]


def ask(connection: psycopg.Connection[Any], question: Question[Answer]) -> Answer:
    """Ask with the rights of the connection's present role.

    Args:
        connection: Best within ``as_institution``, ``as_person`` or ``as_operator``.
        question: Such as ``statement_page(account)``.
    """
    watermark = connection.execute(_WATERMARK).fetchone()
    assert watermark is not None, "the migration makes this row"
    with connection.cursor(binary=True) as cursor:
        cursor.execute(question.statement, {**question.parameters, "watermark_ns": watermark[0]})
        return question.read(cursor.fetchall())


async def ask_async(connection: psycopg.AsyncConnection[Any], question: Question[Answer]) -> Answer:
    """Do what ``ask`` does on an asynchronous connection."""
    watermark = await (await connection.execute(_WATERMARK)).fetchone()
    assert watermark is not None, "the migration makes this row"
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(question.statement, {**question.parameters, "watermark_ns": watermark[0]})
        return question.read(await cursor.fetchall())
