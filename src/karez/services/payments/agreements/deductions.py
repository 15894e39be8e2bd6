"""Deducting money under an agreement, once a period, by the shop's request or by the schedule."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.agreements.operations import (
    check_state,
    ending,
    receipt_of,
    told,
    update,
)
from karez.services.payments.agreements.periods import day_of
from karez.services.payments.agreements.records import Agreement
from karez.services.payments.agreements.schedules import (
    next_announced,
    next_from,
    next_try_ns,
    period_at,
)
from karez.services.payments.fraud.attempts import PaymentAttempt
from karez.services.payments.fraud.paid_trades import charge_attempt
from karez.services.payments.house import House, money_moves
from karez.services.payments.sources import balance
from karez.services.payments.trades.direct import paid_at_once, reference_used
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.operations import Order, check_amount, trade_id
from karez.services.payments.wallets.limits import check_payment, limit_use
from karez.services.payments.wallets.operations import check_open
from karez.services.payments.wallets.records import Wallet

_CATEGORY = "service"


@dataclass(frozen=True, slots=True)
class Deduction:
    """What is deducted.

    Attributes:
        reference: The shop's own name for the trade that it becomes.
        amount_minor: How much.
    """

    reference: str
    amount_minor: int


class DeductionReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was deducted.

    Attributes:
        period: Number of the period that is used up, from 0.
        trade: What it became.
    """

    agreement: UUID
    period: int
    trade: UUID
    currency: str
    amount_minor: int


def deduct(
    asking: Asking,
    house: House,
    agreement: Agreement,
    wallet: Wallet,
    is_reference_used: bool,
    shop: UUID,
    wanted: Deduction,
) -> Operation:
    """Deduct what a shop asks for.

    Args:
        asking: The shop's request.
        house: The payment house.
        agreement: As it was read.
        wallet: The payer's.
        is_reference_used: Whether the shop has a trade of this name.
        shop: Who asks.
        wanted: What is deducted.

    Rejections: ``agreement_not_yours``, ``reference_used``, ``agreement_scheduled``, and those of ``_deducted``.
    """
    if shop != agreement.shop:
        raise Rejected(
            "agreement_not_yours",
            f"Only the shop of agreement {agreement.id} can do this; use its credential.",
        )
    if is_reference_used:
        raise reference_used(wanted.reference)
    if agreement.fixed_minor is not None:
        raise Rejected(
            "agreement_scheduled", "This agreement deducts by its own schedule; wait for the next deduction."
        )
    return _deducted(asking, house, agreement, wallet, wanted)


def deduction_attempt(asking: Asking, agreement: Agreement, wanted: Deduction) -> PaymentAttempt:
    """Return what the rules against fraud judge before a shop deducts; no device of the payer's takes part.

    Args:
        asking: The shop's request.
        agreement: Which one.
        wanted: What is deducted.
    """
    return charge_attempt(asking, agreement.payer, agreement.shop, agreement.currency, wanted.amount_minor)


def deduct_by_schedule(asking: Asking, house: House, agreement: Agreement, wallet: Wallet) -> Operation:
    """Deduct what is due, or record at once that a rule does not allow it now.

    Args:
        asking: The clock's request.
        house: The payment house.
        agreement: Due.
        wallet: The payer's.
    """
    assert agreement.fixed_minor is not None, "it has a schedule"
    number = period_at(agreement, asking.now_ns)
    # No shop can choose a reference with a space, so none can stand in the way.
    wanted = Deduction(f"agreement {agreement.id} {number}", agreement.fixed_minor)
    try:
        return _deducted(asking, house, agreement, wallet, wanted)
    except Rejected as refusal:
        return fail(asking, agreement, refusal)


def fail(asking: Asking, agreement: Agreement, refusal: Rejected) -> Operation:
    """Record that the schedule could not deduct, and when it tries again.

    Args:
        asking: The clock's request.
        agreement: Due.
        refusal: Why.
    """
    assert agreement.fixed_minor is not None, "it has a schedule"
    if refusal.code == "agreement_used_up":
        changes = ending("ended", asking.now_ns)
        return asking.operation(
            "agreement.end",
            receipt_of(agreement, changes),
            rows=(update(agreement, changes),),
            events=(told(asking, agreement, "agreement.ended", changes),),
        )
    number = period_at(agreement, asking.now_ns)
    again_ns = next_try_ns(agreement, number, asking.now_ns)
    facts = {"period": number, "amount_minor": agreement.fixed_minor, "reason": refusal.code}
    if again_ns is not None:
        delayed: dict[str, Scalar] = {"attempt": agreement.attempt + 1, "due_ns": again_ns, "notice_ns": None}
        return asking.operation(
            "agreement.delay",
            receipt_of(agreement, delayed),
            rows=(update(agreement, delayed),),
            events=(
                told(asking, agreement, "agreement.deduction_delayed", delayed, **facts, again_ns=again_ns),
            ),
        )
    failed = _next_period(agreement, number)
    return asking.operation(
        "agreement.fail",
        receipt_of(agreement, failed),
        rows=(
            update(agreement, failed),
            _record(asking, agreement, number, agreement.fixed_minor, "failed", None, refusal.code),
        ),
        events=(told(asking, agreement, "agreement.deduction_failed", failed, **facts),),
    )


def announce(asking: Asking, agreement: Agreement) -> Operation:
    """Tell both sides of a deduction that is coming, or that it came too late to be announced."""
    coming = next_announced(agreement, asking.now_ns)
    changes: dict[str, Scalar] = {"due_ns": coming.due_ns, "notice_ns": coming.notice_ns}
    if coming.due_ns is None or coming.notice_ns is not None:
        return asking.operation(
            "agreement.leave_out",
            receipt_of(agreement, changes),
            rows=(update(agreement, changes),),
            events=(told(asking, agreement, "agreement.deduction_left_out", changes),),
        )
    facts = {"amount_minor": agreement.fixed_minor, "due_ns": coming.due_ns}
    return asking.operation(
        "agreement.announce",
        receipt_of(agreement, changes),
        rows=(update(agreement, changes),),
        events=(told(asking, agreement, "agreement.deduction_coming", changes, **facts),),
    )


def _deducted(
    asking: Asking, house: House, agreement: Agreement, wallet: Wallet, wanted: Deduction
) -> Operation:
    """Move the money and use the period up.

    Rejections: ``agreement_state_wrong``, ``agreement_ended``, ``agreement_used_up``, ``deduction_exceeds_max``,
        ``period_not_begun``, ``period_used``, ``amount_not_positive``, ``amount_too_large``, ``wallet_frozen``,
        ``payment_limit_exceeded``; in the book ``exceeds_credits``.
    """
    number = _check_rule(agreement, wanted.amount_minor, asking.now_ns)
    currency = house.currency(agreement.currency)
    check_open(wallet)
    check_payment(wallet.level, wanted.amount_minor, currency)
    payer = accounts.wallet(agreement.payer, currency.code)
    transfer = money_moves(
        asking.made_id("deduction"),
        payer,
        accounts.takings(agreement.shop, currency.code),
        wanted.amount_minor,
        currency.money,
        TransferCode.PAYMENT,
    )
    sold = Order(
        reference=wanted.reference,
        title=agreement.title,
        category=_CATEGORY,
        mode="direct",
        currency=currency.code,
        amount_minor=wanted.amount_minor,
        buyer=agreement.payer,
    )
    leg = Leg(source=balance.KIND, account=payer, amount_minor=wanted.amount_minor)
    trade_row, paid = paid_at_once(asking, house, agreement.shop, sold, (leg,))
    trade = trade_id(agreement.shop, wanted.reference)
    changes = _after_deduction(agreement, number, wanted.amount_minor, asking.now_ns)
    limited = limit_use(asking, agreement.payer, wallet.level, wanted.amount_minor, currency)
    facts = {"period": number, "amount_minor": wanted.amount_minor, "trade": trade}
    return asking.operation(
        "agreement.deduct",
        DeductionReceipt(
            agreement=agreement.id,
            period=number,
            trade=trade,
            currency=currency.code,
            amount_minor=wanted.amount_minor,
        ),
        transfers=(*limited, transfer),
        rows=(
            update(agreement, changes),
            _record(asking, agreement, number, wanted.amount_minor, "paid", trade, None),
            trade_row,
        ),
        events=(told(asking, agreement, "agreement.deducted", changes, **facts), paid),
    )


def _check_rule(agreement: Agreement, amount_minor: int, now_ns: int) -> int:
    """Refuse what was not agreed to; return the number of the period."""
    check_state(agreement, "active")
    if now_ns >= agreement.valid_until_ns:
        raise Rejected(
            "agreement_ended", "The time of this agreement is over; ask the payer to sign a new one."
        )
    check_amount(amount_minor)
    if amount_minor > agreement.amount_max_minor:
        raise Rejected(
            "deduction_exceeds_max",
            f"One deduction is {agreement.amount_max_minor} minor units at most under this agreement.",
            amount_max_minor=agreement.amount_max_minor,
        )
    _check_used_up(agreement, amount_minor)
    number = period_at(agreement, now_ns)
    if number < 0:
        raise Rejected(
            "period_not_begun", f"The first deduction is on {agreement.first_day}; ask again on that day."
        )
    if number <= agreement.last_period:
        begins = day_of(agreement.period, agreement.first_day, agreement.last_period + 1)
        raise Rejected(
            "period_used", f"There was a deduction in this period; the next one begins on {begins}."
        )
    return number


def _check_used_up(agreement: Agreement, amount_minor: int) -> None:
    if agreement.count_max is not None and agreement.deducted_count >= agreement.count_max:
        raise Rejected(
            "agreement_used_up",
            f"All {agreement.count_max} deductions that were agreed to are made; ask the payer to sign a new "
            "agreement.",
        )
    if agreement.sum_max_minor is None:
        return
    left_minor = agreement.sum_max_minor - agreement.deducted_minor
    if amount_minor > left_minor:
        raise Rejected(
            "agreement_used_up",
            f"Of the sum that was agreed to, {left_minor} minor units are left; deduct that much at most, or ask the "
            "payer to sign a new agreement.",
            left_minor=left_minor,
        )


def _after_deduction(agreement: Agreement, number: int, amount_minor: int, now_ns: int) -> dict[str, Scalar]:
    count, sum_minor = agreement.deducted_count + 1, agreement.deducted_minor + amount_minor
    counted: dict[str, Scalar] = {"deducted_count": count, "deducted_minor": sum_minor}
    is_last = count == agreement.count_max or sum_minor == agreement.sum_max_minor
    if is_last:
        return {**counted, "last_period": number, **ending("ended", now_ns)}
    return {**counted, **_next_period(agreement, number)}


def _next_period(agreement: Agreement, number: int) -> dict[str, Scalar]:
    """Return the columns that change when a period is used up."""
    used: dict[str, Scalar] = {"last_period": number, "attempt": 0}
    if agreement.fixed_minor is None:
        return used
    coming = next_from(agreement, number + 1)
    return {**used, "due_ns": coming.due_ns, "notice_ns": coming.notice_ns}


def _record(
    asking: Asking,
    agreement: Agreement,
    number: int,
    amount_minor: int,
    state: str,
    trade: UUID | None,
    reason: str | None,
) -> RowInsert:
    return RowInsert(
        table="agreement_deduction",
        key={"agreement": str(agreement.id), "period": number},
        values={
            "payer": str(agreement.payer),
            "shop": str(agreement.shop),
            "state": state,
            "amount_minor": amount_minor,
            "trade": None if trade is None else str(trade),
            "reason": reason,
            "made_ns": asking.now_ns,
        },
    )
