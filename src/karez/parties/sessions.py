"""Sessions of browsers: who is logged in where, until when.

The browser holds 256 random bits; the table holds their SHA-256, so whoever reads the table can use none of them. A
session ends by itself when it was not used for a while, and in any case some hours after the login.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.parties.people import Kind

IDLE_LIMIT_NS = 30 * 60 * 1_000_000_000
LIFE_LIMIT_NS = 12 * 3_600 * 1_000_000_000

_TOUCHED_AFTER_NS = 60 * 1_000_000_000
_SECRET_SIZE_BYTES = 32
_BROWSER_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which somebody is or was logged in.

    Attributes:
        secret_hash: SHA-256 of what the browser holds.
        party: Who.
        kind: ``person`` or ``shop``.
        state: Of the party.
        browser: How the browser names itself.
        created_ns: When they logged in.
        seen_ns: When it was used last, to the minute.
        ended_ns: When it was ended, or none.
    """

    secret_hash: bytes
    party: UUID
    kind: Kind
    state: str
    browser: str
    created_ns: int
    seen_ns: int
    ended_ns: int | None

    def is_live(self, now_ns: int) -> bool:
        """Tell whether it can be used."""
        return (
            self.ended_ns is None
            and self.state == "active"
            and now_ns < self.seen_ns + IDLE_LIMIT_NS
            and now_ns < self.created_ns + LIFE_LIMIT_NS
        )


_SELECT = """
SELECT secret_hash, web_session.party, party.kind, party.state, browser, web_session.created_ns, seen_ns, ended_ns
FROM web_session JOIN party ON party.id = web_session.party
"""
_BY_SECRET = _SELECT + "WHERE secret_hash = %s"
_LIVE = (
    _SELECT
    + """
WHERE web_session.party = %s AND ended_ns IS NULL AND seen_ns > %s AND web_session.created_ns > %s
ORDER BY seen_ns DESC, secret_hash
"""
)


def hash_of(secret: str) -> bytes:
    """Return what is kept of a session's secret."""
    return hashlib.sha256(secret.encode()).digest()


def begin(conn: psycopg.Connection[Any], party: UUID, browser: str, now_ns: int) -> str:
    """Begin a session and return its secret, which cannot be had again.

    Args:
        conn: In a transaction of the party.
        party: Who has logged in.
        browser: How the browser names itself; cut to 200 characters.
        now_ns: The present moment.
    """
    secret = secrets.token_urlsafe(_SECRET_SIZE_BYTES)
    conn.execute(
        """
        INSERT INTO web_session (secret_hash, party, browser, created_ns, seen_ns)
        VALUES (%s, %s, %s, %s, %s)
        """,
        (hash_of(secret), party, browser[:_BROWSER_LENGTH_MAX], now_ns, now_ns),
    )
    return secret


def find(conn: psycopg.Connection[Any], secret: str, now_ns: int) -> Session | None:
    """Return the session of a browser, live or not, and remember once a minute that a live one was used.

    Args:
        conn: In a transaction of the entrance.
        secret: What the browser holds.
        now_ns: The present moment.
    """
    with conn.cursor(row_factory=class_row(Session)) as cursor:
        found = cursor.execute(_BY_SECRET, (hash_of(secret),)).fetchone()
    if found is not None and found.is_live(now_ns) and now_ns - found.seen_ns > _TOUCHED_AFTER_NS:
        conn.execute(
            "UPDATE web_session SET seen_ns = %s WHERE secret_hash = %s", (now_ns, found.secret_hash)
        )
    return found


def live_ones(conn: psycopg.Connection[Any], party: UUID, now_ns: int) -> list[Session]:
    """Return where a party is logged in, the latest used first.

    Args:
        conn: In a transaction of the party.
        party: Who.
        now_ns: The present moment.
    """
    with conn.cursor(row_factory=class_row(Session)) as cursor:
        return cursor.execute(_LIVE, (party, now_ns - IDLE_LIMIT_NS, now_ns - LIFE_LIMIT_NS)).fetchall()


def end(conn: psycopg.Connection[Any], party: UUID, secret_hash: bytes, now_ns: int) -> None:
    """End one session of a party; again, or another party's, changes nothing.

    Args:
        conn: In a transaction of the party.
        party: Whose.
        secret_hash: Which one.
        now_ns: The present moment.
    """
    conn.execute(
        "UPDATE web_session SET ended_ns = %s WHERE secret_hash = %s AND party = %s AND ended_ns IS NULL",
        (now_ns, secret_hash, party),
    )


def end_others(conn: psycopg.Connection[Any], party: UUID, kept: bytes, now_ns: int) -> None:
    """End all sessions of a party but one.

    Args:
        conn: In a transaction of the party.
        party: Whose.
        kept: The one that goes on.
        now_ns: The present moment.
    """
    conn.execute(
        "UPDATE web_session SET ended_ns = %s WHERE party = %s AND secret_hash <> %s AND ended_ns IS NULL",
        (now_ns, party, kept),
    )
