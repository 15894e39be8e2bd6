"""What other rooms may call: they say what they expect at a bank, and ask what has become of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from karez.core.outcomes import Rejected
from karez.core.sealing import Sealer
from karez.ledger.operations import RowInsert
from karez.services.asking import Asking
from karez.services.payments.bankfiles.fields import REFERENCE_LENGTH_MAX, check_text
from karez.services.payments.reconciliation.matching.items import Movement
from karez.services.payments.reconciliation.sealing import seal_counterparty

_SETTLED = """
SELECT id FROM bank_movement WHERE institution = %s AND id = ANY(%s) AND settled_by IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What somebody expects at a bank.

    Attributes:
        bank: The bank's institution number.
        movement: What is expected; its id is the caller's, such as that of a payout.
    """

    bank: int
    movement: Movement


def expect_movement(asking: Asking, sealer: Sealer | None, expectation: Expectation) -> RowInsert:
    """Return the row by which reconciliation learns of a movement; it goes into the operation that causes it.

    Args:
        asking: The request that causes it.
        sealer: Of ``sealer_for_entries``; may be left out where the other side is not told.
        expectation: What is expected.

    Rejections: ``bank_field_refused`` where a bank could not pass the reference on, ``amount_not_positive``.
    """
    movement = expectation.movement
    for what, name in (("Reference", movement.reference), ("Batch reference", movement.batch or "none")):
        check_text(what, name, REFERENCE_LENGTH_MAX)
        if any(map(str.isspace, name)):
            raise Rejected(
                "bank_field_refused", f"{what} {name!r} has a space, which banks may lose; use one without."
            )
    if movement.amount_minor == 0:
        raise Rejected(
            "amount_not_positive", f"Nothing is expected under {movement.reference!r}; leave it out."
        )
    return RowInsert(
        table="bank_movement",
        key={"institution": expectation.bank, "id": str(movement.id)},
        values={
            "reference": movement.reference,
            "batch": movement.batch,
            "amount_minor": movement.amount_minor,
            "currency": movement.currency,
            "day": movement.day.isoformat(),
            "counterparty": _sealed_counterparty(sealer, movement),
            "expected_ns": asking.now_ns,
            "settled_by": None,
            "settled_rule": None,
            "settled_ns": None,
        },
    )


def _sealed_counterparty(sealer: Sealer | None, movement: Movement) -> str | None:
    if not movement.counterparty:
        return None
    assert sealer is not None, "who tells the other side seals it"
    return seal_counterparty(sealer, movement.id, movement.counterparty)


def settled_movements(conn: psycopg.Connection[Any], bank: int, movements: Sequence[UUID]) -> set[UUID]:
    """Return which of some movements the bank has booked, or somebody has settled otherwise.

    Args:
        conn: In a transaction of the operator or the worker.
        bank: The bank's institution number.
        movements: Their ids.
    """
    return {id_ for (id_,) in conn.execute(_SETTLED, (bank, list(movements)))}
