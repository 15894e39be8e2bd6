"""What identifies a request, and what became of it if it was carried out before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

import psycopg

from karez.core.ids import NIL, derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, Outcome
from karez.parties.tokens import Owner
from karez.services.payments.refusals import is_out_of_date
from karez.services.races import LOST_RACES

_EARLIER = "SELECT id, fingerprint, reply FROM operation WHERE id = ANY(%s)"


class Asker(Protocol):
    """Who sends a request: a program with a credential, or a person in a browser."""

    @property
    def actor(self) -> str:
        """Return how records of what it does name it."""

    @property
    def owner(self) -> Owner:
        """Return for whom it acts."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What identifies a request.

    Attributes:
        id: Of its operation.
        actor: Who asks.
        fingerprint: Digest of the request.
        is_confirmed: Whether the payer has confirmed the payment that it asks for in a second way.
    """

    id: UUID
    actor: str
    fingerprint: bytes
    is_confirmed: bool = False

    def confirmed(self) -> "Asked":
        """Return the request as it goes on once its payer has confirmed it: as another operation."""
        return replace(self, id=derived_id(self.id, "confirmed"), is_confirmed=True)


def asked(caller: Asker, party: UUID | None, kind: str, content: bytes, key: UUID | None) -> Asked:
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
    return outcome.code in LOST_RACES or is_out_of_date(operation, outcome)


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
