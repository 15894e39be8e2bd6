"""Paying bills by standing orders when they are due.

Several people may have ordered that the bills of one account number are paid. The one who ordered first pays. Where
that order is stopped, is for smaller bills, or its payer has too little money, the bill goes to the next one; only
the last one is tried again, as agreements do. So nobody's order keeps somebody else's from being carried out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, Scalar
from karez.services.asking import Asking
from karez.services.payments.agreements.schedules import RETRY_AFTER_S
from karez.services.payments.bills.changes import change, receipt_of
from karez.services.payments.bills.order_records import StandingOrder
from karez.services.payments.bills.paying import pay
from karez.services.payments.bills.records import Bill
from karez.services.payments.house import House
from karez.services.payments.trades.timers import later_ns
from karez.services.payments.wallets.records import Wallet


@dataclass(frozen=True, slots=True)
class Choice:
    """Who pays a bill.

    Attributes:
        payer: Whose turn it is.
        order: Their standing order, if it is still active.
        following: Whose turn is next; ``None`` after the last one.
    """

    payer: UUID
    order: StandingOrder | None
    following: StandingOrder | None


def choose(bill: Bill, orders: Sequence[StandingOrder]) -> Choice:
    """Return whose turn it is to pay a bill.

    Args:
        bill: Taken in by a standing order.
        orders: The active ones for its account number, the one that was ordered first coming first.
    """
    assert bill.auto_payer is not None, "it has a standing order"
    place = next((n for n, order in enumerate(orders) if order.payer == bill.auto_payer), None)
    if place is None:
        return Choice(bill.auto_payer, None, next(iter(orders), None))
    return Choice(bill.auto_payer, orders[place], next(iter(orders[place + 1 :]), None))


def pay_by_order(asking: Asking, house: House, bill: Bill, chosen: Choice, wallet: Wallet) -> Operation:
    """Pay a bill that is due as its payer has ordered, or record at once that a rule does not allow it.

    Args:
        asking: The clock's request.
        house: The payment house.
        bill: Due.
        chosen: Whose turn it is.
        wallet: That payer's.
    """
    if chosen.order is None:
        changes = _handed_over(asking, chosen.following)
        return asking.operation("bill.hand_over", receipt_of(bill, changes), rows=(change(bill, changes),))
    try:
        if bill.left_minor > chosen.order.amount_max_minor:
            raise Rejected(
                "bill_over_order",
                f"The bill is larger than the {chosen.order.amount_max_minor} minor units of your standing order; "
                "pay it yourself.",
            )
        return pay(asking, house, bill, wallet, bill.left_minor)
    except Rejected as refusal:
        return fail(asking, bill, chosen, refusal)


def fail(asking: Asking, bill: Bill, chosen: Choice, refusal: Rejected) -> Operation:
    """Record that a standing order could not pay, and whose turn it is next, or when it is tried again.

    Args:
        asking: The clock's request.
        bill: Due.
        chosen: Whose turn it was.
        refusal: Why.
    """
    is_hopeless = refusal.code == "bill_over_order" or bill.auto_attempt >= len(RETRY_AFTER_S)
    if chosen.following is not None:
        again_ns, changes = None, _handed_over(asking, chosen.following)
    else:
        again_ns = None if is_hopeless else later_ns(asking.now_ns, RETRY_AFTER_S[bill.auto_attempt])
        changes = {"auto_attempt": bill.auto_attempt + 1, "auto_due_ns": again_ns}
    told = {
        "bill": bill.id,
        "label": bill.label,
        "currency": bill.currency,
        "amount_minor": bill.left_minor,
        "reason": refusal.code,
        "again_ns": again_ns,
    }
    topic = "bill.auto_pay_failed" if again_ns is None else "bill.auto_pay_delayed"
    return asking.operation(
        "bill.auto_pay_fail",
        receipt_of(bill, changes),
        rows=(change(bill, changes),),
        events=(asking.event(topic, (chosen.payer,), told),),
    )


def _handed_over(asking: Asking, to: StandingOrder | None) -> dict[str, Scalar]:
    return {
        "auto_payer": None if to is None else str(to.payer),
        # Later than what was due until now, or it would be the same operation once more.
        "auto_due_ns": None if to is None else asking.now_ns + 1,
        "auto_attempt": 0,
    }
