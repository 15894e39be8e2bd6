"""What a batch comes to: a pure sum over its lines.

Worked example: Monday's batch of a shop has two payments of 100.00 and 50.00 with fees of 0.60 and 0.30, and a
refund of 200.00 of what was paid out last week. Together that is -50.90: nothing is paid out, and Tuesday's batch
begins with -50.90.

What the batch adds up to is always what is paid out and what is carried, and what is carried is never above 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from karez.services.payments.refunds.rules import fee_return_minor
from karez.services.payments.settlement.fees import AgreedPlans, fee_of

LineKind = Literal["payment", "release", "refund", "chargeback", "chargeback_won"]

_TAKEN: frozenset[LineKind] = frozenset({"payment", "release"})


@dataclass(frozen=True, slots=True)
class Movement:
    """Something that changed a shop's takings, as the other rooms have it.

    Attributes:
        shop: Whose.
        currency: ISO 4217 letters.
        kind: What it was; a ``release`` is a part of a trade, and the trade's ``payment`` then is the rest.
        id: Of the trade, the release, the refund or the chargeback.
        trade: The trade that it is about.
        reference: The shop's own name of that trade.
        category: The trade's.
        amount_minor: How much, below zero if the shop lost it.
        paid_ns: When the trade was paid, which decides the plan.
        trade_minor: What the shop got of the trade.
        before_minor: What it had got of it before; of a refund, what was refunded before.
        moment_ns: When it happened.
    """

    shop: UUID
    currency: str
    kind: LineKind
    id: UUID
    trade: UUID
    reference: str
    category: str
    amount_minor: int
    paid_ns: int
    trade_minor: int
    before_minor: int
    moment_ns: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What the lines of a batch come to.

    Attributes:
        payments: How many, and parts of some.
        gross_minor: Their sum.
        refunds: How many.
        refunded_minor: Their sum, not below zero.
        adjusted_minor: What chargebacks took, below zero, and brought back.
        fee_minor: The fees less what came back of them; below zero where more came back.
    """

    payments: int = 0
    gross_minor: int = 0
    refunds: int = 0
    refunded_minor: int = 0
    adjusted_minor: int = 0
    fee_minor: int = 0

    @property
    def net_minor(self) -> int:
        """Return what the shop gets of it, or owes if it is below zero."""
        return self.gross_minor - self.refunded_minor + self.adjusted_minor - self.fee_minor


NOTHING = Totals()


@dataclass(frozen=True, slots=True)
class Division:
    """Where the net of a batch goes.

    Attributes:
        paid_minor: To the shop, at least 0.
        carried_minor: Into the next batch, at most 0.
    """

    paid_minor: int
    carried_minor: int


def line_fee(plans: AgreedPlans, movement: Movement) -> int:
    """Return what a movement costs the shop; below zero is what comes back of a fee.

    Args:
        plans: The shop's.
        movement: One line of a batch.
    """
    if movement.kind not in _TAKEN and movement.kind != "refund":
        return 0
    plan = plans.valid_at(movement.paid_ns)
    terms = plan.terms_for(movement.category)
    if movement.kind in _TAKEN:
        # Parts together cost what the whole costs, however it was divided.
        until_minor = movement.before_minor + movement.amount_minor
        return fee_of(terms, until_minor) - fee_of(terms, movement.before_minor)
    return -fee_return_minor(
        plan.refund_fee_policy,
        fee_of(terms, movement.trade_minor),
        movement.trade_minor,
        movement.before_minor,
        -movement.amount_minor,
    )


def add_up(plans: AgreedPlans, movements: Iterable[Movement]) -> Totals:
    """Return what movements of one shop and currency come to.

    Args:
        plans: The shop's.
        movements: Any number; each is looked at once.
    """
    payments = gross_minor = refunds = refunded_minor = adjusted_minor = fee_minor = 0
    for movement in movements:
        fee_minor += line_fee(plans, movement)
        if movement.kind in _TAKEN:
            payments += 1
            gross_minor += movement.amount_minor
        elif movement.kind == "refund":
            refunds += 1
            refunded_minor -= movement.amount_minor
        else:
            adjusted_minor += movement.amount_minor
    return Totals(payments, gross_minor, refunds, refunded_minor, adjusted_minor, fee_minor)


def divide(carried_minor: int, totals: Totals) -> Division:
    """Return what is paid out and what is carried.

    Args:
        carried_minor: From the batch before, at most 0.
        totals: Of the batch.
    """
    net_minor = carried_minor + totals.net_minor
    return Division(max(net_minor, 0), min(net_minor, 0))
