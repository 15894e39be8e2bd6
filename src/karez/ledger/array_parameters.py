"""Whole columns as parameters of one statement: PostgreSQL arrays in their binary form.

For tables with row-level security, into which PostgreSQL refuses COPY; and many times cheaper to make and to read
than arrays as text, which are quoted element by element. In the select list,

    INSERT INTO t SELECT unnest(%s::uuid[]), unnest(%s::bigint[])

the arrays are read side by side, one row at a time; as ``FROM unnest(...)`` each would be stored first, at twice
the cost. Source of the form: PostgreSQL's ``array_recv``.
"""

import struct
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.abc import AdaptContext
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_UUID_OID = 2950
_TEXTS = {"text": 25, "bytea": 17, "json": 114}
_INTEGERS = {"bigint": (20, ">i8"), "integer": (23, ">i4"), "smallint": (21, ">i2")}
_HEADER = struct.Struct(">iiIii")
_UUID_SIZE = (16).to_bytes(4, "big")
_NULL_SIZE = (-1).to_bytes(4, "big", signed=True)


class ArrayParameter:
    """One column, to be used with a cast such as ``%s::bigint[]``."""

    __slots__ = ("data",)

    def __init__(self, element_oid: int, count: int, elements: bytes) -> None:
        self.data = _HEADER.pack(1, 0, element_oid, count, 1) + elements


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
    return ArrayParameter(oid, len(values), elements.tobytes())


def uuid_array(hi: NDArray[Any], lo: NDArray[Any]) -> ArrayParameter:
    """Return a column of ids, given as halves."""
    elements = np.empty(len(hi), [("size", ">i4"), ("hi", ">u8"), ("lo", ">u8")])
    elements["size"] = 16
    elements["hi"], elements["lo"] = hi, lo
    return ArrayParameter(_UUID_OID, len(hi), elements.tobytes())


def id_array(ids: Sequence[UUID | None]) -> ArrayParameter:
    """Return a column of ids, some of which may be null."""
    elements = [_NULL_SIZE if id_ is None else _UUID_SIZE + id_.bytes for id_ in ids]
    return ArrayParameter(_UUID_OID, len(ids), b"".join(elements))


def text_array(values: Sequence[bytes | memoryview], type_: str = "text") -> ArrayParameter:
    """Return a column of texts in UTF-8, or of bytes.

    Args:
        values: None of them null.
        type_: ``text``, ``json`` or ``bytea``.
    """
    elements = [part for value in values for part in (len(value).to_bytes(4, "big"), value)]
    return ArrayParameter(_TEXTS[type_], len(values), b"".join(elements))


def take_arrays(context: AdaptContext) -> None:
    """Let a connection or a cursor take ``ArrayParameter`` among its parameters."""
    context.adapters.register_dumper(ArrayParameter, _ArrayDumper)


def array_cursor(connection: psycopg.Connection[Any]) -> psycopg.Cursor[Any]:
    """Return a cursor that takes ``ArrayParameter`` among its parameters."""
    cursor = connection.cursor(binary=True)
    take_arrays(cursor)
    return cursor
