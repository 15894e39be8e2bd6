"""The institutions that take part; a tenant is one of them, known inside by its number."""

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected, Unavailable

Kind = Literal["operator", "bank", "insurer", "fund_house", "clinic", "biller", "merchant", "other"]

KINDS: tuple[Kind, ...] = get_args(Kind)

_CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_NUMBER_RACES_MAX = 100


@dataclass(frozen=True, slots=True)
class Institution:
    """A participant of the ecosystem.

    Attributes:
        number: Its tenant number, from 1.
        code: Its short name in addresses, such as ``harbour-bank``.
        name: Its name for people.
        kind: What it mainly is.
        state: ``open`` or ``suspended``.
        created_ns: When it was registered.
    """

    number: int
    code: str
    name: str
    kind: Kind
    state: str
    created_ns: int


def register(conn: psycopg.Connection[Any], code: str, name: str, kind: Kind, now_ns: int) -> Institution:
    """Admit an institution under the next free number.

    Args:
        conn: In a transaction of the operator.
        code: 1 to 40 lower-case letters, digits and inner hyphens, not yet taken.
        name: Its name for people.
        kind: One of ``KINDS``.
        now_ns: The present moment.

    Rejections: ``institution_code_malformed``, ``institution_code_taken``, ``institution_kind_unknown``.
    """
    if not _CODE.fullmatch(code):
        raise Rejected(
            "institution_code_malformed",
            f"The code {code[:50]!r} is not 1 to 40 lower-case letters, digits and inner hyphens; write it "
            "like harbour-bank.",
        )
    if kind not in KINDS:
        raise Rejected(
            "institution_kind_unknown", f"There is no kind of institution {kind!r}; choose from {KINDS}."
        )
    for _ in range(_NUMBER_RACES_MAX):
        made = _insert(conn, code, name, kind, now_ns)
        if made is not None:
            return made
        if find(conn, code) is not None:
            raise Rejected(
                "institution_code_taken", f"An institution {code!r} exists already; choose another code."
            )
    raise Unavailable(
        "institution_numbers_busy", "Many institutions are being registered at once; try again."
    )


def _insert(
    conn: psycopg.Connection[Any], code: str, name: str, kind: Kind, now_ns: int
) -> Institution | None:
    """Return nothing if the code is taken, or if a racing registration took the number."""
    with conn.cursor(row_factory=class_row(Institution)) as cursor:
        return cursor.execute(
            """
            INSERT INTO institution (number, code, name, kind, state, created_ns)
            SELECT coalesce(max(number), 0) + 1, %s, %s, %s, 'open', %s FROM institution
            ON CONFLICT DO NOTHING
            RETURNING number, code, name, kind, state, created_ns
            """,
            (code, name, kind, now_ns),
        ).fetchone()


def find(conn: psycopg.Connection[Any], code: str) -> Institution | None:
    """Return the institution with a code.

    Args:
        conn: In a transaction of any kind of caller.
        code: Its short name.
    """
    with conn.cursor(row_factory=class_row(Institution)) as cursor:
        return cursor.execute(
            "SELECT number, code, name, kind, state, created_ns FROM institution WHERE code = %s", (code,)
        ).fetchone()


def every(conn: psycopg.Connection[Any]) -> list[Institution]:
    """Return all institutions in the order of their numbers.

    Args:
        conn: In a transaction of any kind of caller.
    """
    with conn.cursor(row_factory=class_row(Institution)) as cursor:
        return cursor.execute(
            "SELECT number, code, name, kind, state, created_ns FROM institution ORDER BY number"
        ).fetchall()


def check_known(conn: psycopg.Connection[Any], number: int) -> None:
    """Refuse a number that no institution has.

    Rejections: ``institution_unknown``.
    """
    if conn.execute("SELECT FROM institution WHERE number = %s", (number,)).fetchone() is None:
        raise unknown(number)


def is_operator(conn: psycopg.Connection[Any], number: int) -> bool:
    """Tell whether an institution is the operator of the ecosystem.

    Args:
        conn: In a transaction of any kind of caller.
        number: The institution's number.
    """
    row = conn.execute("SELECT kind FROM institution WHERE number = %s", (number,)).fetchone()
    return row is not None and row[0] == "operator"


def suspend(conn: psycopg.Connection[Any], number: int) -> None:
    """Shut an institution out: its API credentials are refused until it is readmitted."""
    _set_state(conn, number, "suspended")


def readmit(conn: psycopg.Connection[Any], number: int) -> None:
    """Let a suspended institution in again."""
    _set_state(conn, number, "open")


def _set_state(conn: psycopg.Connection[Any], number: int, state: str) -> None:
    changed = conn.execute("UPDATE institution SET state = %s WHERE number = %s", (state, number)).rowcount
    if changed == 0:
        raise unknown(number)


def unknown(number: int | None) -> Rejected:
    """Return the refusal of a number that no institution has."""
    return Rejected("institution_unknown", f"There is no institution {number}; look its number up first.")
