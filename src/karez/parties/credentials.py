"""API credentials in the database: issued, found, rotated and revoked.

A token is shown once, when its credential is issued. To rotate it, ``rotate`` issues a successor and lets the
old one live on for an overlap in which both work.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.parties import institutions
from karez.parties.roles import Permission, permissions_named
from karez.parties.tokens import Credential, Owner, Token, check, hash_of, new_token, parse_token

_SELECT = sql.SQL(
    """
    SELECT credential.id, credential.institution, credential.party, credential.label, credential.scopes,
        credential.secret_hash, credential.created_ns, credential.expires_ns, credential.revoked_ns,
        credential.replaced_by, institution.state = 'suspended' AS suspended, credential.staff
    FROM credential LEFT JOIN institution ON institution.number = credential.institution
    WHERE {}
    """
)
_BY_ID = _SELECT.format(sql.SQL("credential.id = %s"))
_BY_OWNER = _SELECT.format(
    sql.SQL("credential.institution = %s OR credential.party = %s ORDER BY credential.id")
)


def verify(conn: psycopg.Connection[Any], text: str, now_ns: int) -> Credential:
    """Look up a token's credential and check it.

    Args:
        conn: In a transaction of the entrance.
        text: The token as it came with a request.
        now_ns: The present moment.

    Rejections: those of ``parse_token`` and ``check``.
    """
    token = parse_token(text)
    return check(find_credential(conn, token.id), token, now_ns)


def find_credential(conn: psycopg.Connection[Any], credential: UUID) -> Credential | None:
    """Return the row of a credential.

    Args:
        conn: In a transaction of the entrance, the operator or the owner.
        credential: Its id.
    """
    with conn.cursor(row_factory=class_row(Credential)) as cursor:
        return cursor.execute(_BY_ID, (credential,)).fetchone()


async def find_credential_async(conn: psycopg.AsyncConnection[Any], credential: UUID) -> Credential | None:
    """Do what ``find_credential`` does on an asynchronous connection."""
    async with conn.cursor(row_factory=class_row(Credential)) as cursor:
        await cursor.execute(_BY_ID, (credential,))
        return await cursor.fetchone()


def owned_by(conn: psycopg.Connection[Any], owner: Owner) -> list[Credential]:
    """Return all credentials that an owner ever had, the oldest first.

    Args:
        conn: In a transaction of the owner or the operator.
        owner: For whom they act.
    """
    with conn.cursor(row_factory=class_row(Credential)) as cursor:
        return cursor.execute(_BY_OWNER, (owner.institution, owner.party)).fetchall()


def issue(
    conn: psycopg.Connection[Any],
    owner: Owner,
    scopes: Collection[str],
    label: str,
    expires_ns: int,
    now_ns: int,
    staff: UUID | None = None,
) -> Token:
    """Make a credential, and return its token, which cannot be had again.

    Args:
        conn: In a transaction of the owner or the operator.
        owner: For whom it acts.
        scopes: Names of permissions; ``operator`` only for the operator's own institution, by the operator.
        label: What the owner calls it.
        expires_ns: From when on it is refused.
        now_ns: The present moment.
        staff: The member of the owner's staff in whose hands it will be; left out, it is a program's.

    Rejections: ``permission_unknown``, ``scope_not_given_here``, ``institution_unknown``,
        ``credential_expired``.
    """
    permissions = permissions_named(scopes)
    number = owner.institution
    if Permission.OPERATOR in permissions and not (number and institutions.is_operator(conn, number)):
        raise Rejected(
            "scope_not_given_here",
            f"Only the operator's own programs can have {Permission.OPERATOR}; leave it out.",
        )
    _refuse_past_expiry(expires_ns, now_ns)
    token = new_token(now_ns)
    try:
        conn.execute(
            """
            INSERT INTO credential
                (id, institution, party, label, scopes, secret_hash, created_ns, expires_ns, staff)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (
                token.id,
                number,
                owner.party,
                label,
                sorted(permissions),
                hash_of(token.secret),
                now_ns,
                expires_ns,
                staff,
            ),
        )
    except psycopg.errors.ForeignKeyViolation:
        raise institutions.unknown(number) from None
    return token


def rotate(
    conn: psycopg.Connection[Any], credential: UUID, overlap_s: int, expires_ns: int, now_ns: int
) -> Token:
    """Issue a successor with the same owner, scopes and label; for an overlap both tokens work.

    Args:
        conn: In a transaction of the owner or the operator.
        credential: The one to be replaced; each is replaced once at most.
        overlap_s: How long the old token still works, but never beyond its own expiry.
        expires_ns: From when on the successor is refused.
        now_ns: The present moment.

    Rejections: ``credential_not_replaceable``, ``credential_expired``.
    """
    _refuse_past_expiry(expires_ns, now_ns)
    token = new_token(now_ns)
    issued = conn.execute(
        """
        WITH replaced AS (
            UPDATE credential
            SET replaced_by = %(successor)s, expires_ns = least(expires_ns, %(overlap_end_ns)s)
            WHERE id = %(credential)s
                AND replaced_by IS NULL AND revoked_ns IS NULL AND expires_ns > %(now_ns)s
            RETURNING institution, party, label, scopes, staff
        )
        INSERT INTO credential
            (id, institution, party, label, scopes, secret_hash, created_ns, expires_ns, staff)
        SELECT %(successor)s, institution, party, label, scopes, %(secret_hash)s, %(now_ns)s, %(expires_ns)s, staff
        FROM replaced
        """,
        {
            "successor": token.id,
            "credential": credential,
            "overlap_end_ns": now_ns + overlap_s * 1_000_000_000,
            "secret_hash": hash_of(token.secret),
            "now_ns": now_ns,
            "expires_ns": expires_ns,
        },
    )
    if issued.rowcount == 0:
        raise Rejected(
            "credential_not_replaceable",
            f"Credential {credential} is unknown, revoked, expired or replaced already; rotate its "
            "successor, or issue a new one.",
        )
    return token


def revoke(conn: psycopg.Connection[Any], credential: UUID, now_ns: int) -> None:
    """End a credential at once, without touching its predecessor or successor; again changes nothing.

    Args:
        conn: In a transaction of the owner or the operator.
        credential: Its id.
        now_ns: The present moment.

    Rejections: ``credential_unknown``.
    """
    changed = conn.execute(
        "UPDATE credential SET revoked_ns = coalesce(revoked_ns, %s) WHERE id = %s", (now_ns, credential)
    )
    if changed.rowcount == 0:
        raise Rejected(
            "credential_unknown", f"There is no credential {credential}; list yours and choose one."
        )


def _refuse_past_expiry(expires_ns: int, now_ns: int) -> None:
    if expires_ns <= now_ns:
        raise Rejected("credential_expired", "A credential's expiry lies in the future; choose a later one.")
