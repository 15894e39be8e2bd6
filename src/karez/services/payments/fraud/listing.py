"""The lists of those to stop and of those not to count."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments.fraud.attempts import Fingerprints, PaymentAttempt, Subject
from karez.storage.selecting import select

Verdict = Literal["block", "allow"]


class ListReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """An entry after a change."""

    kind: Subject
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class ListEntry:
    """Somebody or something on a list.

    Attributes:
        key: The kind's first letter, then a party's id or a fingerprint.
        verdict: ``block`` stops every payment; ``allow`` lets it go uncounted.
        reason: Why, for people.
        until_ns: From when on it counts no more; none is for ever.
        changed_by: Who changed it last.
        changed_ns: When it was changed last.
    """

    key: bytes
    verdict: Verdict
    reason: str
    until_ns: int | None
    changed_by: str
    changed_ns: int

    @property
    def kind(self) -> Subject:
        """Return what it is."""
        return kind_of(self.key)


_FIND = select(ListEntry, "FROM fraud_list WHERE key = ANY(%s)")
_PAGE = select(
    ListEntry,
    "FROM fraud_list WHERE changed_ns < %s ORDER BY changed_ns DESC FETCH FIRST %s ROWS WITH TIES",
)
_ANY = "SELECT EXISTS (SELECT FROM fraud_list WHERE until_ns IS NULL OR until_ns > %s)"


def letter(kind: Subject) -> int:
    """Return with which byte the keys of a kind begin."""
    return ord(kind[0])


def kind_of(key: bytes) -> Subject:
    """Return of which kind a key is."""
    return next(subject for subject in Subject if letter(subject) == key[0])


def party_key(kind: Literal[Subject.PERSON, Subject.SHOP], party: UUID) -> bytes:
    """Return the key of a person or shop."""
    return bytes([letter(kind)]) + party.bytes


def fingerprint_keys(kind: Literal[Subject.CARD, Subject.DEVICE], fingerprints: Fingerprints) -> list[bytes]:
    """Return the keys of a card or device; an entry is made under the first, and looked for under all."""
    return [bytes([letter(kind)]) + each for each in fingerprints]


def list_keys(attempt: PaymentAttempt) -> list[bytes]:
    """Return under what the subjects of an attempt may be on a list."""
    return [
        party_key(Subject.PERSON, attempt.person),
        party_key(Subject.SHOP, attempt.shop),
        *fingerprint_keys(Subject.CARD, attempt.card),
        *fingerprint_keys(Subject.DEVICE, attempt.device),
    ]


def find_entry(conn: psycopg.Connection[Any], keys: list[bytes]) -> ListEntry | None:
    """Return the entry of somebody or something, also if it counts no more.

    Args:
        conn: In a transaction of the operator.
        keys: Its keys.
    """
    with conn.cursor(row_factory=class_row(ListEntry), binary=True) as cursor:
        return cursor.execute(_FIND, (keys,)).fetchone()


def entries_page(conn: psycopg.Connection[Any], before_ns: int, limit: int) -> list[ListEntry]:
    """Return entries that were changed before a moment, the latest first, and all of the last one's moment."""
    with conn.cursor(row_factory=class_row(ListEntry), binary=True) as cursor:
        return cursor.execute(_PAGE, (before_ns, limit)).fetchall()


def is_anybody_listed(conn: psycopg.Connection[Any], now_ns: int) -> bool:
    """Tell whether an entry counts that must be looked for.

    Args:
        conn: In a transaction of the operator.
        now_ns: The present moment.
    """
    row = conn.execute(_ANY, (now_ns,)).fetchone()
    return row is not None and bool(row[0])


def change_list(
    asking: Asking,
    known: ListEntry | None,
    key: bytes,
    verdict: Verdict,
    reason: str,
    until_ns: int | None,
) -> Operation:
    """Put somebody or something on a list, or change how long it stays there.

    Args:
        asking: The operator's request.
        known: Its entry as it was read.
        key: Its key.
        verdict: ``block`` or ``allow``.
        reason: Why, for people.
        until_ns: From when on it counts no more; the present moment ends it.

    Rejections: ``fraud_reason_missing``; in the book ``row_exists``, ``row_state_changed``.
    """
    if not reason.strip():
        raise Rejected("fraud_reason_missing", "Whoever is put on a list has a right to a reason; name it.")
    kind = kind_of(key)
    values: dict[str, Any] = {
        "verdict": verdict,
        "reason": reason,
        "until_ns": until_ns,
        "changed_by": asking.actor,
        "changed_ns": asking.now_ns,
    }
    row_key: dict[str, Any] = {"key": "\\x" + (key if known is None else known.key).hex()}
    row: RowInsert | RowUpdate
    if known is None:
        row = RowInsert(table="fraud_list", key=row_key, values={**values, "kind": kind})
    else:
        expected: dict[str, Any] = {"changed_ns": known.changed_ns}
        row = RowUpdate(table="fraud_list", key=row_key, expected=expected, changes=values)
    receipt = ListReceipt(kind=kind, verdict=verdict, reason=reason)
    return asking.operation("fraud.change_list", receipt, rows=(row,))


def take_off(asking: Asking, known: ListEntry | None, reason: str) -> Operation:
    """End an entry now; it stays to be read.

    Args:
        asking: The operator's request.
        known: The entry as it was read.
        reason: Why, for people.

    Rejections: ``fraud_entry_not_found``, ``fraud_reason_missing``; in the book ``row_state_changed``.
    """
    if known is None or (known.until_ns is not None and known.until_ns <= asking.now_ns):
        raise Rejected(
            "fraud_entry_not_found", "Nobody like this is on a list now; page through it to see who was."
        )
    return change_list(asking, known, known.key, known.verdict, reason, asking.now_ns)
