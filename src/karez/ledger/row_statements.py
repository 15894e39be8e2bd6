"""The statements that write rows of one form: whose columns have the same names.

Rows travel as JSON and PostgreSQL itself turns them into the table's types, so a service declares its table once, in
its migration.
"""

from functools import lru_cache
from typing import NamedTuple

from psycopg import sql

from karez.ledger.operations import RowInsert, RowUpdate

_INSERT = sql.SQL(
    """
    INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s)
    ON CONFLICT DO NOTHING
    """
)
_INSERT_TELLING = sql.SQL(
    """
    WITH given AS MATERIALIZED (
        SELECT r.*, row_number() OVER (PARTITION BY {key} ORDER BY r.ordinality) AS row_turn
        FROM ROWS FROM (json_populate_recordset(NULL::{table}, %s)) WITH ORDINALITY r
    ), written AS (
        INSERT INTO {table} ({columns}) SELECT {columns} FROM given WHERE row_turn = 1
        ON CONFLICT DO NOTHING RETURNING {key}
    )
    SELECT given.ordinality - 1 FROM given JOIN written ON {same_key} WHERE given.row_turn = 1
    """
)
_UPDATE = sql.SQL(
    """
    WITH asked AS MATERIALIZED (
        SELECT place - 1 AS place, json_populate_record(NULL::{table}, given) AS given,
               json_populate_record(NULL::{table}, expected) AS expected
        FROM ROWS FROM (unnest(%s::json[]), unnest(%s::json[])) WITH ORDINALITY pair (given, expected, place)
    )
    UPDATE {table} t SET {changes} FROM asked WHERE {condition} RETURNING asked.place
    """
)


class Form(NamedTuple):
    """What rows have in common that one statement writes.

    Attributes:
        table: Name of the table.
        key: Names of the columns of its primary key.
        written: Names of the other columns that are set.
        expected: Names of the columns that must have certain values; ``None`` for rows to be added.
    """

    table: str
    key: tuple[str, ...]
    written: tuple[str, ...]
    expected: tuple[str, ...] | None


def form_of(row: RowInsert | RowUpdate) -> Form:
    """Return the form of a row."""
    if isinstance(row, RowInsert):
        return Form(row.table, tuple(row.key), tuple(row.values), None)
    return Form(row.table, tuple(row.key), tuple(row.changes), tuple(row.expected))


@lru_cache(1_024)
def statement(form: Form, telling: bool = False) -> bytes:
    """Return the statement for rows of a form.

    Its parameter is a JSON array of objects with key and written columns; those of an update are two PostgreSQL
    arrays of objects, the second one with the expected columns.

    Args:
        form: Of all the rows.
        telling: Whether it has to answer with the places, counted from 0, of the rows that it has written.
    """
    composed = _insert(form, telling) if form.expected is None else _update(form, form.expected)
    return composed.as_bytes(None)


def _insert(form: Form, telling: bool) -> sql.Composed:
    pair = sql.SQL("given.{0} = written.{0}")
    return (_INSERT_TELLING if telling else _INSERT).format(
        table=sql.Identifier(form.table),
        columns=sql.SQL(", ").join(map(sql.Identifier, (*form.key, *form.written))),
        key=sql.SQL(", ").join(map(sql.Identifier, form.key)),
        same_key=sql.SQL(" AND ").join(pair.format(sql.Identifier(name)) for name in form.key),
    )


def _update(form: Form, expected: tuple[str, ...]) -> sql.Composed:
    change, same = sql.SQL("{0} = (asked.given).{0}"), sql.SQL("t.{0} = (asked.given).{0}")
    unchanged = sql.SQL("t.{0} IS NOT DISTINCT FROM (asked.expected).{0}")
    key = [same.format(sql.Identifier(name)) for name in form.key]
    state = [unchanged.format(sql.Identifier(name)) for name in expected]
    return _UPDATE.format(
        table=sql.Identifier(form.table),
        changes=sql.SQL(", ").join(change.format(sql.Identifier(name)) for name in form.written),
        condition=sql.SQL(" AND ").join([*key, *state]),
    )
