"""Payouts: money on its way to the bank account of a shop, from its batch, or of a biller.

waiting --file--> in_file --the bank's statement has it--> paid
                     |                                      |
                     +-------- the bank returns it ---------+--> returned: it is in the shop's wallet,
                                                               or the biller's account

Until the bank has paid, the money stands in an account of its own, beside what the bank holds for Karez.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.clock import to_datetime
from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.banks.settlers import Effects
from karez.services.payments.house import House, money_moves
from karez.services.payments.reconciliation.doors import Expectation, expect_movement
from karez.services.payments.reconciliation.matching.items import Movement
from karez.services.payments.settlement.biller_records import BillerAccount
from karez.services.payments.settlement.records import SettlementAccount
from karez.storage.selecting import select


@dataclass(frozen=True, slots=True)
class Payout:
    """Money on its way to a bank account.

    Attributes:
        id: Derived from the batch, or from the biller and the day; its 32 hexadecimal digits are the end-to-end id of
            the bank file.
        shop: Whose; ``None`` if it is a biller's.
        biller: Or which biller's, as its institution number.
        batch: From which batch of the shop.
        bank: The institution that pays.
        bank_account: To which account.
        currency: ISO 4217 letters.
        amount_minor: How much.
        state: ``waiting``, ``in_file``, ``paid`` or ``returned``.
        file: The file that has it.
        reason: Why the bank returned it.
        created_ns: When it was made.
        changed_ns: When its state changed last.
    """

    id: UUID
    shop: UUID | None
    biller: int | None
    batch: UUID | None
    bank: int
    bank_account: UUID
    currency: str
    amount_minor: int
    state: str
    file: UUID | None
    reason: str | None
    created_ns: int
    changed_ns: int


class PayoutReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A payout after a change."""

    id: UUID
    currency: str
    amount_minor: int
    state: str


_PAYOUT = select(Payout, "FROM payout WHERE id = %s AND bank = coalesce(%s, bank)")
_BOOKED = f"""
SELECT {", ".join(f"p.{name}" for name in Payout.__dataclass_fields__)} FROM payout p
JOIN bank_movement m ON m.institution = p.bank AND m.id = p.id
WHERE p.state = 'in_file' AND m.settled_by IS NOT NULL LIMIT %s
"""  # noqa: S608 - names of our own columns
_BY_SHOP = select(Payout, "FROM payout WHERE shop = %s AND created_ns < %s ORDER BY created_ns DESC LIMIT %s")
_BY_BILLER = select(
    Payout, "FROM payout WHERE biller = %s AND created_ns < %s ORDER BY created_ns DESC LIMIT %s"
)


def payout_id(batch: UUID) -> UUID:
    """Return the id of a batch's payout."""
    return derived_id(batch, "payout")


def end_to_end_id(payout: UUID) -> str:
    """Return what a payout is called in bank files: the id without hyphens, which fits their 35 characters."""
    return payout.hex


def new_payout(
    asking: Asking,
    id_: UUID,
    account: SettlementAccount | BillerAccount,
    owner: Mapping[str, Scalar],
    amount_minor: int,
) -> RowInsert:
    """Return the row of a new payout, which waits for the next file of its bank.

    Args:
        asking: The clock's request.
        id_: The payout's.
        account: Tells to which bank account it goes.
        owner: Whose it is: ``shop`` and ``batch``, or ``biller``.
        amount_minor: How much.
    """
    return RowInsert(
        table="payout",
        key={"id": str(id_)},
        values={
            **owner,
            "bank": account.bank,
            "bank_account": str(account.bank_account),
            "currency": account.currency,
            "amount_minor": amount_minor,
            "state": "waiting",
            "file": None,
            "reason": None,
            "created_ns": asking.now_ns,
            "changed_ns": asking.now_ns,
        },
    )


def mark_paid(asking: Asking, house: House, payout: Payout) -> Operation:
    """Record that the bank has paid: it holds that much less for Karez.

    Rejections: ``payout_state_wrong``.
    """
    _check_state(payout, "in_file")
    transfer = money_moves(
        asking.made_id("transfer"),
        accounts.payout_transit(payout.bank, payout.currency),
        accounts.clearing(payout.bank, payout.currency),
        payout.amount_minor,
        house.currency(payout.currency).money,
        TransferCode.PAYOUT,
    )
    effects = _effects(asking, payout, "paid", transfer, None)
    return asking.operation(
        "payout.paid",
        _receipt(payout, "paid"),
        transfers=effects.transfers,
        rows=effects.rows,
        events=effects.events,
    )


def mark_returned(asking: Asking, house: House, payout: Payout, reason: str) -> Operation:
    """Give a payout that the bank could not make, or that came back, to the shop's wallet or the biller's account.

    Args:
        asking: The bank's or the operator's request.
        house: The payment house.
        payout: As it was read.
        reason: The bank's.

    Rejections: ``payout_state_wrong``; in the book ``row_state_changed`` where the bank's statement has it by now.
    """
    effects = return_effects(asking, house, payout, reason)
    return asking.operation(
        "payout.returned",
        _receipt(payout, "returned"),
        transfers=effects.transfers,
        rows=(*effects.rows, _expected_return(asking, payout)),
        events=effects.events,
    )


def _expected_return(asking: Asking, payout: Payout) -> RowInsert | RowUpdate:
    """Return what the bank's statement is expected to have: the money back, or nothing if it never went out."""
    if payout.state == "in_file":
        return RowUpdate(
            table="bank_movement",
            key={"institution": payout.bank, "id": str(payout.id)},
            expected={"settled_by": None},
            changes={
                "settled_by": str(asking.id),
                "settled_rule": "returned",
                "settled_ns": asking.now_ns,
            },
        )
    movement = Movement(
        id=derived_id(payout.id, "returned"),
        reference=end_to_end_id(payout.id),
        batch="",
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        day=to_datetime(asking.now_ns).date(),
        counterparty="",
    )
    return expect_movement(asking, None, Expectation(payout.bank, movement))


def return_effects(asking: Asking, house: House, payout: Payout, reason: str) -> Effects:
    """Return what ``mark_returned`` does, as a part of another operation.

    Rejections: ``payout_state_wrong``.
    """
    _check_state(payout, "in_file", "paid")
    source = accounts.clearing if payout.state == "paid" else accounts.payout_transit
    transfer = money_moves(
        asking.made_id("transfer"),
        source(payout.bank, payout.currency),
        _owners_account(payout),
        payout.amount_minor,
        house.currency(payout.currency).money,
        TransferCode.PAYOUT_RETURN,
    )
    return _effects(asking, payout, "returned", transfer, reason)


def find_payout(conn: psycopg.Connection[Any], payout: UUID, bank: int | None) -> Payout:
    """Return a payout that the caller may see.

    Args:
        conn: In the caller's transaction.
        payout: Its id.
        bank: The institution that is to pay it; ``None`` is any. Who gets a payout sees it and is not its bank.

    Rejections: ``payout_not_found``.
    """
    with conn.cursor(row_factory=class_row(Payout), binary=True) as cursor:
        found = cursor.execute(_PAYOUT, (payout, bank)).fetchone()
    if found is None:
        raise Rejected("payout_not_found", f"There is no payout {payout} that you may see; look its id up.")
    return found


def booked_payouts(conn: psycopg.Connection[Any], limit: int) -> list[Payout]:
    """Return payouts that reconciliation has found on the statement of their bank and that are not paid here yet."""
    with conn.cursor(row_factory=class_row(Payout), binary=True) as cursor:
        return cursor.execute(_BOOKED, (limit,)).fetchall()


def payouts_page(conn: psycopg.Connection[Any], shop: UUID, before_ns: int, limit: int) -> list[Payout]:
    """Return payouts of a shop, the latest first."""
    with conn.cursor(row_factory=class_row(Payout), binary=True) as cursor:
        return cursor.execute(_BY_SHOP, (shop, before_ns, limit)).fetchall()


def biller_payouts_page(
    conn: psycopg.Connection[Any], biller: int, before_ns: int, limit: int
) -> list[Payout]:
    """Return payouts of a biller, the latest first."""
    with conn.cursor(row_factory=class_row(Payout), binary=True) as cursor:
        return cursor.execute(_BY_BILLER, (biller, before_ns, limit)).fetchall()


def _owners_account(payout: Payout) -> UUID:
    if payout.biller is not None:
        return accounts.biller_takings(payout.biller, payout.currency)
    assert payout.shop is not None, "a payout is a shop's or a biller's"
    return accounts.wallet(payout.shop, payout.currency)


def _check_state(payout: Payout, *states: str) -> None:
    if payout.state not in states:
        raise Rejected(
            "payout_state_wrong",
            f"The payout {payout.id} is {payout.state.replace('_', ' ')!r}, so this cannot be; read it again.",
            state=payout.state,
        )


def _effects(asking: Asking, payout: Payout, state: str, transfer: Transfer, reason: str | None) -> Effects:
    row = RowUpdate(
        table="payout",
        key={"id": str(payout.id)},
        expected={"state": payout.state},
        changes={"state": state, "reason": reason, "changed_ns": asking.now_ns},
    )
    told = {**msgspec.structs.asdict(_receipt(payout, state)), "reason": reason}
    parties = () if payout.shop is None else (payout.shop,)
    institutions = () if payout.biller is None else (payout.biller,)
    event = asking.event(f"payout.{state}", parties, told, institutions)
    return Effects(transfers=(transfer,), rows=(row,), events=(event,))


def _receipt(payout: Payout, state: str) -> PayoutReceipt:
    return PayoutReceipt(
        id=payout.id, currency=payout.currency, amount_minor=payout.amount_minor, state=state
    )
