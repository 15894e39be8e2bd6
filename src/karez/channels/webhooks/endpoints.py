"""Endpoints: where an institution, a person, a shop or the operator wants to be told what happens.

A secret is shown once, when it is made, and can be read by the worker alone. To replace it, ``rotate_secret`` makes a
successor and lets the old one live on for an overlap in which messages carry the signatures of both.
"""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from karez.channels.webhooks.signatures import new_secret
from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.core.sealing import Place, Sealer

ENDPOINTS_MAX = 20
SECRETS_MAX = 5
SEALING_PURPOSE = "webhook"

State = Literal["enabled", "disabled", "deleted"]
Because = Literal["owner", "gone", "failing"]
Connection = psycopg.Connection[Any]

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint to register.

    Attributes:
        id: Made by the owner.
        institution: Whose it is; or
        party: whose it is; without both it is the operator's.
        url: Where messages are posted to.
        topics: Filters of what is sent.
        description: For people.
    """

    id: UUID
    institution: int | None
    party: UUID | None
    url: str
    topics: list[str]
    description: str


@dataclass(frozen=True, slots=True)
class Endpoint(NewEndpoint):
    """An endpoint that is registered.

    Attributes:
        state: ``enabled`` or ``disabled``.
        disabled_because: ``owner``: by hand; ``gone``: it answered 410; ``failing``: it failed for days.
        created_ns: When it was registered.
        failing_since_ns: Since when nothing came from it but failures, if that is so.
    """

    state: State
    disabled_because: Because | None
    created_ns: int
    failing_since_ns: int | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes of an endpoint; ``None`` leaves it as it is."""

    url: str | None = None
    topics: list[str] | None = None
    description: str | None = None
    enabled: bool | None = None


_SELECT = sql.SQL(
    """
    SELECT id, institution, party, url, topics, description, state, disabled_because, created_ns, failing_since_ns
    FROM webhook_endpoint WHERE state <> 'deleted' AND {}
    """
)
_BY_ID = _SELECT.format(sql.SQL("id = %s"))
_PAGE = _SELECT.format(sql.SQL("id > %s ORDER BY id LIMIT %s"))
_OWN_COUNT = """
SELECT count(*) FROM webhook_endpoint
WHERE state <> 'deleted' AND institution IS NOT DISTINCT FROM %s AND party IS NOT DISTINCT FROM %s
"""
_CHANGE = """
UPDATE webhook_endpoint SET
    url = coalesce(%(url)s, url),
    topics = coalesce(%(topics)s, topics),
    description = coalesce(%(description)s, description),
    state = CASE %(enabled)s::boolean WHEN true THEN 'enabled' WHEN false THEN 'disabled' ELSE state END,
    disabled_because = CASE %(enabled)s::boolean
        WHEN true THEN NULL WHEN false THEN coalesce(disabled_because, 'owner') ELSE disabled_because END,
    failing_since_ns = CASE WHEN %(enabled)s::boolean THEN NULL ELSE failing_since_ns END
WHERE id = %(id)s AND state <> 'deleted'
"""
_DELETE = """
UPDATE webhook_endpoint SET state = 'deleted', disabled_because = NULL WHERE id = %s AND state <> 'deleted'
"""
_END_SECRETS = """
UPDATE webhook_secret SET expires_ns = least(expires_ns, %s) WHERE endpoint = %s
"""
_DROP_EXPIRED = "DELETE FROM webhook_secret WHERE endpoint = %s AND expires_ns <= %s"


def sealer(secret_key: bytes) -> Sealer:
    """Return what seals the secrets of a database's endpoints.

    Args:
        secret_key: ``Database.secret_key``.
    """
    return Sealer({1: secret_key}, SEALING_PURPOSE)


def place_of(secret: UUID) -> Place:
    """Return where a secret is stored."""
    return Place("webhook_secret", "sealed", secret)


def register(conn: Connection, sealer: Sealer, new: NewEndpoint, now_ns: int) -> str:
    """Register an endpoint and return its secret, which cannot be had again.

    Args:
        conn: In a transaction of the owner.
        sealer: Seals the secret.
        new: The endpoint; its URL and topics were checked.
        now_ns: The present moment.

    Rejections: ``webhook_endpoint_exists``, ``webhook_endpoints_too_many``.
    """
    owner = f"webhook_endpoint/{new.institution}/{new.party}"
    # Two requests at once must not both find the last free place.
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (owner,))
    row = conn.execute(_OWN_COUNT, (new.institution, new.party)).fetchone()
    if row is not None and row[0] >= ENDPOINTS_MAX:
        raise Rejected(
            "webhook_endpoints_too_many",
            f"You have {ENDPOINTS_MAX} endpoints, which is the most; delete one that you no longer need.",
            limit=ENDPOINTS_MAX,
        )
    made = conn.execute(
        """
        INSERT INTO webhook_endpoint (id, institution, party, url, topics, description, state, created_ns)
        VALUES (%s, %s, %s, %s, %s, %s, 'enabled', %s) ON CONFLICT DO NOTHING
        """,
        (new.id, new.institution, new.party, new.url, new.topics, new.description, now_ns),
    )
    if made.rowcount == 0:
        raise Rejected(
            "webhook_endpoint_exists",
            f"The id {new.id} is used by an endpoint; if it is yours and you lost its secret, rotate the secret.",
        )
    return _add_secret(conn, sealer, new.id, now_ns)


def find(conn: Connection, endpoint: UUID) -> Endpoint:
    """Return an endpoint.

    Args:
        conn: In a transaction of its owner or the operator.
        endpoint: Its id.

    Rejections: ``webhook_endpoint_not_found``.
    """
    with conn.cursor(row_factory=class_row(Endpoint)) as cursor:
        found = cursor.execute(_BY_ID, (endpoint,)).fetchone()
    if found is None:
        raise _not_found(endpoint)
    return found


def page(conn: Connection, after: UUID, limit: int) -> list[Endpoint]:
    """Return the endpoints that the caller may see, in the order of their ids.

    Args:
        conn: In a transaction of the caller.
        after: Leave out ids up to this one.
        limit: How many at most.
    """
    with conn.cursor(row_factory=class_row(Endpoint)) as cursor:
        return cursor.execute(_PAGE, (after, limit)).fetchall()


def change(conn: Connection, endpoint: UUID, changes: Changes) -> Endpoint:
    """Change an endpoint and return it; to enable it also forgets that it was failing.

    Args:
        conn: In a transaction of its owner or the operator.
        endpoint: Its id.
        changes: Whose URL and topics were checked.

    Rejections: ``webhook_endpoint_not_found``.
    """
    changed = conn.execute(
        _CHANGE,
        {
            "id": endpoint,
            "url": changes.url,
            "topics": changes.topics,
            "description": changes.description,
            "enabled": changes.enabled,
        },
    )
    if changed.rowcount == 0:
        raise _not_found(endpoint)
    return find(conn, endpoint)


def rotate_secret(conn: Connection, sealer: Sealer, endpoint: UUID, overlap_s: int, now_ns: int) -> str:
    """Make a new secret and return it; for an overlap messages carry the signatures of the old ones as well.

    Args:
        conn: In a transaction of its owner or the operator.
        sealer: Seals the secret.
        endpoint: The endpoint's id.
        overlap_s: How long the old secrets are still used, but none for longer than it would have been.
        now_ns: The present moment.

    Rejections: ``webhook_endpoint_not_found``, ``webhook_secrets_too_many``.
    """
    find(conn, endpoint)
    conn.execute(_END_SECRETS, (now_ns + overlap_s * _NANOSECONDS, endpoint))
    conn.execute(_DROP_EXPIRED, (endpoint, now_ns))
    row = conn.execute("SELECT count(*) FROM webhook_secret WHERE endpoint = %s", (endpoint,)).fetchone()
    if row is not None and row[0] >= SECRETS_MAX:
        raise Rejected(
            "webhook_secrets_too_many",
            f"Endpoint {endpoint} has {SECRETS_MAX} secrets in their overlap; wait until one of them has ended, or "
            "rotate with overlap_s 0, which ends them all.",
            limit=SECRETS_MAX,
        )
    return _add_secret(conn, sealer, endpoint, now_ns)


def delete(conn: Connection, endpoint: UUID) -> None:
    """Delete an endpoint and its secrets at once; its log goes later, with the rest of the old log.

    Args:
        conn: In a transaction of its owner or the operator.
        endpoint: Its id.

    Rejections: ``webhook_endpoint_not_found``.
    """
    if conn.execute(_DELETE, (endpoint,)).rowcount == 0:
        raise _not_found(endpoint)
    conn.execute("DELETE FROM webhook_secret WHERE endpoint = %s", (endpoint,))


def _add_secret(conn: Connection, sealer: Sealer, endpoint: UUID, now_ns: int) -> str:
    secret, id_ = new_secret(), new_id(now_ns)
    conn.execute(
        "INSERT INTO webhook_secret (endpoint, id, sealed, created_ns) VALUES (%s, %s, %s, %s)",
        (endpoint, id_, sealer.seal(secret, place_of(id_)), now_ns),
    )
    return secret


def _not_found(endpoint: UUID) -> Rejected:
    return Rejected(
        "webhook_endpoint_not_found", f"There is no endpoint {endpoint} of yours; list yours first."
    )
