"""What identifies a request, and what became of it if it was carried out before."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import psycopg

from karez.channels.api.caller import Caller
from karez.core.ids import NIL, derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, Outcome
from karez.services.payments.refusals import is_out_of_date

_LOST_RACES = frozenset(
    {
        "row_state_changed",
        "row_exists",
        "account_exists",
        "row_locked",
        "pending_transfer_already_posted",
        "pending_transfer_already_voided",
    }
)

_EARLIER = "SELECT id, fingerprint, reply FROM operation WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Asked:
    """What identifies a request.

    Attributes:
        id: Of its operation.
        actor: Who asks.
        fingerprint: Digest of the request.
    """

    id: UUID
    actor: str
    fingerprint: bytes


def asked(caller: Caller, party: UUID | None, kind: str, content: bytes, key: UUID | None) -> Asked:
    """Return what identifies a request.

    Args:
        caller: Who sends it.
        party: For whom.
        kind: What it asks for, with the thing that it is about.
        content: The rest of it.
        key: The ``Idempotency-Key``. Without one, the same request is the same operation for ever.
    """
    owner = caller.owner
    who = f"{owner.institution}/{owner.party}/{party}"
    fingerprint = sha256(f"{who}/{kind}/".encode() + content).digest()
    return Asked(
        derived_id(NIL, who, fingerprint.hex()) if key is None else derived_id(key, who),
        caller.actor if party is None else f"{caller.actor} for {party}",
        fingerprint,
    )


def read_key(text: str | None) -> UUID | None:
    """Read an ``Idempotency-Key``.

    Rejections: ``header_invalid``.
    """
    if text is None:
        return None
    try:
        return UUID(text.strip('"'))
    except ValueError:
        raise Rejected(
            "header_invalid",
            f"The Idempotency-Key {text[:40]!r} is not a UUID; make a new UUID for each new request.",
            header="Idempotency-Key",
        ) from None


def has_lost_race(operation: Operation, outcome: Outcome) -> bool:
    """Tell whether a refused operation may pass once it is decided upon facts that are read again."""
    return outcome.code in _LOST_RACES or is_out_of_date(operation, outcome)


def earlier_replies(conn: psycopg.Connection[Any], asked: Sequence[Asked]) -> dict[UUID, bytes]:
    """Return the replies of those requests that were carried out before, by the ids of their operations.

    Args:
        conn: With rights to all operations.
        asked: Requests that their rules refuse now, perhaps because they were carried out.
    """
    fingerprints = {each.id: each.fingerprint for each in asked}
    return {
        id_: reply.encode()
        for id_, fingerprint, reply in conn.execute(_EARLIER, (list(fingerprints),))
        if bytes(fingerprint) == fingerprints[id_]
    }
