"""With which password a person or shop logs in; the name is its phone or e-mail (``karez.parties.people``)."""

from typing import Any
from uuid import UUID

import psycopg

from karez.core.outcomes import Rejected
from karez.core.sealing import Sealer
from karez.parties import people
from karez.parties.personal import KnownBy


def login_field(name: str) -> KnownBy:
    """Return what a login name is: an e-mail contains an ``@``, everything else is a phone."""
    return "email" if "@" in name else "phone"


def make_login(conn: psycopg.Connection[Any], party: UUID, digest: str, now_ns: int) -> None:
    """Give a party its first password.

    Args:
        conn: In a transaction of the party.
        party: Who registers.
        digest: ``passwords.digest_of`` the password.
        now_ns: The present moment.
    """
    conn.execute(
        "INSERT INTO login (party, password_digest, changed_ns) VALUES (%s, %s, %s)", (party, digest, now_ns)
    )


def change_password(conn: psycopg.Connection[Any], party: UUID, digest: str, now_ns: int) -> None:
    """Replace a password.

    Args:
        conn: In a transaction of the party.
        party: Whose.
        digest: ``passwords.digest_of`` the new one.
        now_ns: The present moment.
    """
    conn.execute(
        "UPDATE login SET password_digest = %s, changed_ns = %s WHERE party = %s", (digest, now_ns, party)
    )


def find_login(conn: psycopg.Connection[Any], sealer: Sealer, name: str) -> tuple[UUID, str] | None:
    """Return who logs in with a name, and the digest of their password.

    Args:
        conn: In a transaction of the entrance.
        sealer: Of the parties.
        name: A phone or e-mail in any spelling; what is neither belongs to nobody.
    """
    try:
        party = people.find(conn, sealer, login_field(name), name)
    except Rejected:
        return None
    if party is None:
        return None
    digest = password_digest(conn, party)
    return None if digest is None else (party, digest)


def password_digest(conn: psycopg.Connection[Any], party: UUID) -> str | None:
    """Return the digest of a party's password, or ``None`` if it has none.

    Args:
        conn: In a transaction of the entrance or the party.
        party: Whose.
    """
    row = conn.execute("SELECT password_digest FROM login WHERE party = %s", (party,)).fetchone()
    return None if row is None else row[0]
