"""The operator: the first institution of every Karez, and the first token."""

from typing import Any

import psycopg

from karez.parties import credentials, institutions
from karez.parties.institutions import Institution
from karez.parties.roles import OPERATOR_ROLE, permissions_of
from karez.parties.tokens import Owner, Token
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator

OPERATOR_CODE = "operator"
TOKEN_LIFE_DAYS = 365

_DAY_NS = 86_400_000_000_000


def ensure_operator(conn: psycopg.Connection[Any], now_ns: int) -> Institution:
    """Return the operator's institution, registered if this is the first use of the database.

    Args:
        conn: In a transaction of the operator.
        now_ns: The present moment.
    """
    found = institutions.find(conn, OPERATOR_CODE)
    return found or institutions.register(conn, OPERATOR_CODE, "Operator", "operator", now_ns)


def first_operator_token(database: Database, now_ns: int) -> Token | None:
    """Issue the operator's first token; nothing if there ever was one.

    Args:
        database: The database.
        now_ns: The present moment.
    """
    with connect(database.web) as conn, as_operator(conn):
        operator = ensure_operator(conn, now_ns)
        if credentials.owned_by(conn, Owner(institution=operator.number)):
            return None
        return issue_operator_token(conn, operator, "first start", TOKEN_LIFE_DAYS, now_ns)


def issue_operator_token(
    conn: psycopg.Connection[Any], operator: Institution, label: str, life_days: int, now_ns: int
) -> Token:
    """Issue a token with all permissions.

    Args:
        conn: In a transaction of the operator.
        operator: Its institution.
        label: What it is for.
        life_days: How long it works.
        now_ns: The present moment.
    """
    return credentials.issue(
        conn,
        Owner(institution=operator.number),
        permissions_of([OPERATOR_ROLE]),
        label,
        now_ns + life_days * _DAY_NS,
        now_ns,
    )
