"""Agreeing with a shop on its fees, and where its money goes.

The first plan of a shop in a currency also begins its settlement: from then on a batch is made on every business day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.calendars import Calendar
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking, encode
from karez.services.payments.refunds.rules import RefundFeePolicy
from karez.services.payments.settlement.bank_accounts import BankAccount
from karez.services.payments.settlement.days import first_cut
from karez.services.payments.settlement.fees import FeePlan, FeeTerms, check_terms
from karez.services.payments.settlement.records import SettlementAccount
from karez.services.payments.wallets.records import Wallet


@dataclass(frozen=True, slots=True)
class NewPlan:
    """What is agreed.

    Attributes:
        calendar: Whose business days count; of the first plan, later ones leave it as it is.
        valid_from_ns: From when; ``None`` is now.
        terms: Fees by category.
        refund_fee_policy: What happens to fees when payments are refunded.
    """

    calendar: Calendar
    valid_from_ns: int | None
    terms: tuple[FeeTerms, ...]
    refund_fee_policy: RefundFeePolicy


@dataclass(frozen=True, slots=True)
class AgreementFacts:
    """What is known of the shop.

    Attributes:
        wallet: Its wallet in the currency.
        account: Where it stands; ``None`` before the first plan.
        plans: What was agreed before.
    """

    wallet: Wallet
    account: SettlementAccount | None
    plans: Sequence[FeePlan]


class FeePlanReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that was agreed."""

    shop: UUID
    currency: str
    valid_from_ns: int
    terms: tuple[FeeTerms, ...]
    refund_fee_policy: str


class DestinationReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Where a shop's money goes; without a bank account it is its wallet."""

    currency: str
    bank_account: UUID | None


def agree(asking: Asking, facts: AgreementFacts, new: NewPlan) -> Operation:
    """Agree on a plan; a shop's first one is for all that it has sold, later ones never reach back.

    Rejections: ``shop_needed``, ``fee_plan_in_the_past``, ``fee_plan_exists``, those of ``check_terms``,
        ``calendar_closed``.
    """
    wallet = facts.wallet
    if wallet.kind != "shop":
        raise Rejected("shop_needed", f"The party {wallet.party} is a person; fees are agreed with shops.")
    check_terms(new.terms)
    plan = FeePlan(
        shop=wallet.party,
        currency=wallet.currency,
        valid_from_ns=_valid_from_ns(asking.now_ns, facts, new),
        terms=new.terms,
        refund_fee_policy=new.refund_fee_policy,
    )
    row = RowInsert(
        table="fee_plan",
        key={
            "shop": str(plan.shop),
            "currency": plan.currency,
            "valid_from_ns": plan.valid_from_ns,
        },
        values={
            "terms": encode(plan.terms).decode(),
            "refund_fee_policy": plan.refund_fee_policy,
            "agreed_ns": asking.now_ns,
        },
    )
    begun = (_begin(asking.now_ns, plan, new.calendar),) if facts.account is None else ()
    told = msgspec.structs.asdict(plan)
    return asking.operation(
        "settlement.agree",
        FeePlanReceipt(**told),
        rows=(row, *begun),
        events=(asking.event("settlement.fees_agreed", (plan.shop,), told),),
    )


def _valid_from_ns(now_ns: int, facts: AgreementFacts, new: NewPlan) -> int:
    if facts.account is None:
        return 0
    valid_from_ns = now_ns if new.valid_from_ns is None else new.valid_from_ns
    if valid_from_ns < now_ns:
        raise Rejected(
            "fee_plan_in_the_past",
            "A plan is for payments to come, since those before may be settled already; name a later moment.",
        )
    if any(plan.valid_from_ns == valid_from_ns for plan in facts.plans):
        raise Rejected(
            "fee_plan_exists", "A plan begins at this moment already; let the new one begin at another."
        )
    return valid_from_ns


def _begin(now_ns: int, plan: FeePlan, calendar: Calendar) -> RowInsert:
    cut = first_cut(calendar, now_ns)
    return RowInsert(
        table="settlement_account",
        key={"shop": str(plan.shop), "currency": plan.currency},
        values={
            "calendar": calendar.name,
            "bank_account": None,
            "bank": None,
            "day": cut.day.isoformat(),
            "settled_until_ns": 0,
            "carried_minor": 0,
            "due_ns": cut.due_ns,
        },
    )


def direct(asking: Asking, account: SettlementAccount, bank_account: BankAccount | None) -> Operation:
    """Decide where a shop's money goes from the next batch on.

    Args:
        asking: The shop's request.
        account: As it was read.
        bank_account: Its bank account; ``None`` is its wallet.
    """
    changes: dict[str, Scalar] = {
        "bank_account": None if bank_account is None else str(bank_account.id),
        "bank": None if bank_account is None else bank_account.bank,
    }
    row = RowUpdate(
        table="settlement_account",
        key={"shop": str(account.shop), "currency": account.currency},
        expected={"due_ns": account.due_ns},
        changes=changes,
    )
    reply = DestinationReceipt(
        currency=account.currency, bank_account=None if bank_account is None else bank_account.id
    )
    return asking.operation("settlement.direct", reply, rows=(row,))
