"""Whole numpy columns as parameters of one statement: PostgreSQL arrays in their binary form.

For tables with row-level security, into which PostgreSQL refuses COPY. In the select list,

    INSERT INTO t SELECT unnest(%s::uuid[]), unnest(%s::bigint[])

the arrays are read side by side, one row at a time; as ``FROM unnest(...)`` each would be stored first, at twice
the cost. Source of the form: PostgreSQL's ``array_recv``.
"""

from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_UUID_OID = 2950
_INTEGERS = {"bigint": (20, ">i8"), "integer": (23, ">i4"), "smallint": (21, ">i2")}


class ArrayParameter:
    """One column, to be used with a cast such as ``%s::bigint[]``."""

    __slots__ = ("data",)

    def __init__(self, element_oid: int, elements: NDArray[np.void]) -> None:
        header = np.array([1, 0, element_oid, len(elements), 1], ">i4")
        self.data = header.tobytes() + elements.tobytes()


class _ArrayDumper(Dumper):
    """The type's number stays open: the cast in the statement tells it."""

    format = Format.BINARY

    def dump(self, obj: ArrayParameter) -> Buffer:
        return obj.data


def integer_array(values: NDArray[Any], type_: str = "bigint") -> ArrayParameter:
    """Return a column of integers.

    Args:
        values: Any integer type.
        type_: ``bigint``, ``integer`` or ``smallint``.
    """
    oid, code = _INTEGERS[type_]
    elements = np.empty(len(values), [("size", ">i4"), ("value", code)])
    elements["size"] = np.dtype(code).itemsize
    elements["value"] = values
    return ArrayParameter(oid, elements)


def uuid_array(hi: NDArray[Any], lo: NDArray[Any]) -> ArrayParameter:
    """Return a column of ids, given as halves."""
    elements = np.empty(len(hi), [("size", ">i4"), ("hi", ">u8"), ("lo", ">u8")])
    elements["size"] = 16
    elements["hi"], elements["lo"] = hi, lo
    return ArrayParameter(_UUID_OID, elements)


def array_cursor(connection: psycopg.Connection[Any]) -> psycopg.Cursor[Any]:
    """Return a cursor that takes ``ArrayParameter`` among its parameters."""
    cursor = connection.cursor(binary=True)
    cursor.adapters.register_dumper(ArrayParameter, _ArrayDumper)
    return cursor
