"""Reading records: the columns that a statement asks for are the fields of the record that it makes."""

from dataclasses import fields
from typing import Any


def columns_of(record: type[Any], *, without: str = "") -> str:
    """Return the columns of a record as they stand in a statement.

    Args:
        record: A dataclass whose fields are named like the columns.
        without: A field that no column has.
    """
    return ", ".join(field.name for field in fields(record) if field.name != without)


def select(record: type[Any], rest: str, *, without: str = "") -> str:
    """Return a statement that reads records.

    Worked example: ``select(Hold, "FROM hold WHERE id = %s")``.

    Args:
        record: As of ``columns_of``.
        rest: The statement from ``FROM`` on; what it is asked about stays a parameter.
        without: As of ``columns_of``.
    """
    return f"SELECT {columns_of(record, without=without)} {rest}"
