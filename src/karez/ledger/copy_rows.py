"""Rows of ``transfer`` in PostgreSQL's binary COPY format, built and read by numpy.

Every column is fixed in size, so a row is a packed record and a batch one array. Most transfers have neither
a pending transfer, an operation, user data nor a timeout: they take the *slim* form, in which those four are
null, a quarter smaller on disk.
Source of the format: PostgreSQL documentation, "COPY", section "Binary Format".
"""

import numpy as np
from numpy.typing import NDArray

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"


def row_dtype(columns: list[tuple[str, str]], null: frozenset[str] = frozenset()) -> np.dtype[np.void]:
    """Return the record of one row.

    Args:
        columns: Name and type of each: ``uuid``, ``bigint``, ``integer`` or ``smallint``. A uuid becomes the
            two fields ``name_hi`` and ``name_lo``; each column is preceded by its length field.
        null: Names of the columns that have a length field (of -1) only.
    """
    fields: list[tuple[str, str]] = [("column_count", ">i2")]
    for name, type_ in columns:
        fields.append((name + "_size", ">i4"))
        if name in null:
            continue
        if type_ == "uuid":
            fields += [(name + "_hi", ">u8"), (name + "_lo", ">u8")]
        else:
            fields.append((name, {"bigint": ">i8", "integer": ">i4", "smallint": ">i2"}[type_]))
    return np.dtype(fields)


def blank_row(columns: list[tuple[str, str]], null: frozenset[str] = frozenset()) -> NDArray[np.void]:
    """Return one row with the column count and all lengths set, to be repeated and filled."""
    row = np.zeros(1, row_dtype(columns, null))
    row["column_count"] = len(columns)
    for name, type_ in columns:
        size = {"uuid": 16, "bigint": 8, "integer": 4, "smallint": 2}[type_]
        row[name + "_size"] = -1 if name in null else size
    return row


TRANSFER_COLUMNS = [
    ("id", "uuid"),
    ("timestamp_ns", "bigint"),
    ("debit_account", "uuid"),
    ("credit_account", "uuid"),
    ("amount", "bigint"),
    ("pending_id", "uuid"),
    ("operation_id", "uuid"),
    ("user_data", "bigint"),
    ("ledger", "integer"),
    ("code", "integer"),
    ("flags", "integer"),
    ("timeout_s", "integer"),
    ("debit_institution", "integer"),
    ("credit_institution", "integer"),
]

COPY_TRANSFERS = (
    "COPY transfer_rows (" + ", ".join(name for name, _ in TRANSFER_COLUMNS) + ") FROM STDIN (FORMAT BINARY)"
)

SLIM_NULL = frozenset({"pending_id", "operation_id", "user_data", "timeout_s"})

_BLANK_FULL = blank_row(TRANSFER_COLUMNS)
_BLANK_SLIM = blank_row(TRANSFER_COLUMNS, SLIM_NULL)


def blank_transfers(count: int, slim: bool) -> NDArray[np.void]:
    """Return rows of ``transfer`` to be filled field by field."""
    return np.repeat(_BLANK_SLIM if slim else _BLANK_FULL, count)


def parse_rows(data: bytes, columns: list[tuple[str, str]]) -> NDArray[np.void]:
    """Read what ``COPY (SELECT ...) TO STDOUT (FORMAT BINARY)`` sent; no column may be null."""
    assert data.startswith(HEADER)
    assert data.endswith(TRAILER)
    return np.frombuffer(memoryview(data)[len(HEADER) : -len(TRAILER)], row_dtype(columns))
