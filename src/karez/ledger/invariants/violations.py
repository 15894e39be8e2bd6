"""What a broken invariant tells."""

from typing import Any

import msgspec
import psycopg
from psycopg import sql

VIOLATIONS_MAX = 100
"""A broken book may break an invariant a million times over; the first ones tell enough."""


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One place where an invariant does not hold.

    Attributes:
        item: Which account, transfer, unit, ...
        sentence: What is wrong with it.
    """

    item: str
    sentence: str


def find_violations(
    connection: psycopg.Connection[Any] | psycopg.Cursor[Any],
    statement: str,
    parameters: dict[str, object] | None = None,
) -> list[Violation]:
    """Return a statement's rows, each an item and a sentence, as violations.

    Args:
        connection: Of a role that sees the whole book, or a cursor of it.
        statement: A query without a final semicolon.
        parameters: By name.
    """
    limited = sql.SQL("SELECT item::text, sentence FROM ({}) violation (item, sentence) LIMIT {}").format(
        sql.SQL(statement), sql.Literal(VIOLATIONS_MAX)
    )
    rows = connection.execute(limited, parameters).fetchall()
    return [Violation(item=item, sentence=sentence) for item, sentence in rows]
