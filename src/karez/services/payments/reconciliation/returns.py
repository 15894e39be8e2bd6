"""Money that had gone out and has come back: whose it is, and how it is given back, once.

A bank returns a payout or a withdrawal that it could not deliver under the name that it had, often days after it had
booked it. A payout knows that it was returned. Of a withdrawal the return is written down as a movement of its own,
whose id derives from the withdrawal, so it cannot be returned twice either.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.clock import to_datetime
from karez.core.ids import derived_id
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.banks.records import COLUMNS, Instruction
from karez.services.payments.banks.settlers import Effects
from karez.services.payments.house import House, money_moves
from karez.services.payments.reconciliation.doors import Expectation, expect_movement
from karez.services.payments.reconciliation.matching.items import Entry, Movement
from karez.services.payments.settlement.payouts import Payout, return_effects

_PAYOUTS = f"""
SELECT {", ".join(Payout.__dataclass_fields__)} FROM payout
WHERE id = ANY(%s) AND bank = %s AND currency = %s AND amount_minor = %s
"""  # noqa: S608 - names of our own columns
_INSTRUCTIONS = f"""
SELECT {COLUMNS} FROM bank_instruction
WHERE id = ANY(%s) AND bank = %s AND currency = %s AND amount_minor = %s
    AND direction = 'pay_out' AND state IN ('succeeded', 'succeeded_late')
"""  # noqa: S608 - names of our own columns

_REASON = "The bank has returned it."


def what_came_back(
    conn: psycopg.Connection[Any], bank: int, entries: Sequence[Entry]
) -> Payout | Instruction | None:
    """Return the payout or instruction that a break's one entry undoes, if it is one.

    Args:
        conn: In a transaction of the operator.
        bank: The bank's institution number.
        entries: Of the break.
    """
    if len(entries) != 1:
        return None
    (entry,) = entries
    wanted = (_ids(entry.references), bank, entry.currency, entry.amount_minor)
    with conn.cursor(row_factory=class_row(Payout)) as cursor:
        payouts = cursor.execute(_PAYOUTS, wanted).fetchall()
    with conn.cursor(row_factory=class_row(Instruction)) as cursor:
        instructions = cursor.execute(_INSTRUCTIONS, wanted).fetchall()
    found: list[Payout | Instruction] = [*payouts, *instructions]
    return found[0] if len(found) == 1 else None


def given_back(asking: Asking, house: House, returned: Payout | Instruction) -> Effects:
    """Return what gives money that came back to the wallet of who was to get it.

    Rejections: ``payout_state_wrong``; in the book ``row_exists`` for what was given back before, and
        ``credit_account_not_found`` where there is no wallet.
    """
    if isinstance(returned, Payout):
        return return_effects(asking, house, returned, _REASON)
    movement = Movement(
        id=derived_id(returned.id, "returned"),
        reference=returned.id.hex,
        batch="",
        amount_minor=returned.amount_minor,
        currency=returned.currency,
        day=to_datetime(asking.now_ns).date(),
        counterparty="",
    )
    expected = expect_movement(asking, None, Expectation(returned.bank, movement))
    settled = {"settled_by": str(asking.id), "settled_rule": "give_back", "settled_ns": asking.now_ns}
    row = msgspec.structs.replace(expected, values={**expected.values, **settled})
    transfer = money_moves(
        asking.made_id("transfer"),
        accounts.clearing(returned.bank, returned.currency),
        accounts.wallet(returned.party, returned.currency),
        returned.amount_minor,
        house.currency(returned.currency).money,
        TransferCode.PAYOUT_RETURN,
    )
    told = {"id": returned.id, "currency": returned.currency, "amount_minor": returned.amount_minor}
    event = asking.event("wallet.withdrawal_returned", (returned.party,), told)
    return Effects(transfers=(transfer,), rows=(row,), events=(event,))


def _ids(references: Sequence[str]) -> list[UUID]:
    ids = []
    for name in references:
        try:
            ids.append(UUID(name))
        except ValueError:
            continue
    return ids
