"""The operator: the first institution of every Karez, and its first token."""

from typing import Any

import psycopg

from karez.cli.credentials import every_scope_of, issue_token
from karez.parties import credentials, institutions
from karez.parties.institutions import Institution
from karez.parties.tokens import Owner, Token
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator

OPERATOR_CODE = "operator"

_TOKEN_LIFE_DAYS = 365


def ensure_operator(conn: psycopg.Connection[Any], now_ns: int) -> Institution:
    """Return the operator's institution, registered if this is the first use of the database.

    Args:
        conn: In a transaction of the operator.
        now_ns: The present moment.
    """
    found = institutions.find(conn, OPERATOR_CODE)
    return found or institutions.register(conn, OPERATOR_CODE, "Operator", "operator", now_ns)


def first_operator_token(database: Database, now_ns: int) -> Token | None:
    """Issue the operator's first token, with all permissions; nothing if there ever was one.

    Args:
        database: The database.
        now_ns: The present moment.
    """
    with connect(database.web) as conn, as_operator(conn):
        operator = ensure_operator(conn, now_ns)
        if credentials.owned_by(conn, Owner(institution=operator.number)):
            return None
        scopes = every_scope_of(operator)
        return issue_token(conn, operator, scopes, "first start", _TOKEN_LIFE_DAYS, now_ns)
