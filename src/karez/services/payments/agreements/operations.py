"""Signing an agreement, pausing it, and ending it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.operations import Event, Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments.agreements.periods import (
    Period,
    check_period,
    first_day,
    local_day,
    shortest_days,
)
from karez.services.payments.agreements.records import Agreement
from karez.services.payments.agreements.schedules import NOTHING, next_after_pause, next_from
from karez.services.payments.house import House
from karez.services.payments.trades.operations import check_amount

VALID_MAX_S = 10 * 366 * 86_400

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Signing:
    """What a payer agrees to; see ``Agreement``."""

    shop: UUID
    reference: str | None
    title: str
    currency: str
    amount_max_minor: int
    fixed_minor: int | None
    count_max: int | None
    sum_max_minor: int | None
    period: Period
    notice_days: int
    valid_until_ns: int


class AgreementReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement after a change."""

    id: UUID
    reference: str | None
    state: str
    currency: str
    deducted_count: int
    deducted_minor: int


def sign(asking: Asking, house: House, payer: UUID, is_shop: bool, new: Signing) -> Operation:
    """Let a shop deduct money from now on.

    Args:
        asking: The payer's request.
        house: The payment house.
        payer: Whose money.
        is_shop: Whether the other side is a shop that can be paid in the currency.
        new: What is agreed.

    Rejections: ``currency_not_open``, ``payee_account_not_found``, ``buyer_is_shop``, ``amount_not_positive``,
        ``amount_too_large``, ``fixed_amount_too_large``, ``period_invalid``, ``zone_unknown``, ``notice_too_long``,
        ``validity_invalid``.
    """
    house.currency(new.currency)
    _check(asking.now_ns, payer, is_shop, new)
    signed = _signed(asking, payer, new)
    coming = NOTHING if new.fixed_minor is None else next_from(signed, 0)
    signed = replace(signed, due_ns=coming.due_ns, notice_ns=coming.notice_ns)
    return asking.operation(
        "agreement.sign",
        receipt_of(signed, {}),
        rows=(_row(signed),),
        events=(told(asking, signed, "agreement.signed", {}),),
    )


def pause(asking: Asking, agreement: Agreement, party: UUID) -> Operation:
    """Stop deductions until the payer lets them go on.

    Rejections: ``agreement_not_yours``, ``agreement_state_wrong``.
    """
    _check_payer(agreement, party)
    check_state(agreement, "active")
    changes: dict[str, Scalar] = {"state": "paused", "due_ns": None, "notice_ns": None}
    return _changed_to(asking, agreement, "agreement.pause", "agreement.paused", changes)


def resume(asking: Asking, agreement: Agreement, party: UUID) -> Operation:
    """Let deductions go on; what was missed meanwhile is not made up for.

    Rejections: ``agreement_not_yours``, ``agreement_state_wrong``.
    """
    _check_payer(agreement, party)
    check_state(agreement, "paused")
    coming = NOTHING if agreement.fixed_minor is None else next_after_pause(agreement, asking.now_ns)
    changes: dict[str, Scalar] = {
        "state": "active",
        "attempt": 0,
        "due_ns": coming.due_ns,
        "notice_ns": coming.notice_ns,
    }
    return _changed_to(asking, agreement, "agreement.resume", "agreement.resumed", changes)


def unsign(asking: Asking, agreement: Agreement, party: UUID) -> Operation:
    """End an agreement at once, as either side.

    Rejections: ``agreement_not_found``, ``agreement_state_wrong``.
    """
    assert party in (agreement.payer, agreement.shop), "nobody else can see it"
    check_state(agreement, "active", "paused")
    return _changed_to(
        asking, agreement, "agreement.unsign", "agreement.unsigned", ending("unsigned", asking.now_ns)
    )


def end(asking: Asking, agreement: Agreement) -> Operation:
    """End an agreement whose time is over."""
    return _changed_to(asking, agreement, "agreement.end", "agreement.ended", ending("ended", asking.now_ns))


def ending(state: str, now_ns: int) -> dict[str, Scalar]:
    """Return the columns that change when an agreement ends."""
    return {"state": state, "due_ns": None, "notice_ns": None, "ended_ns": now_ns}


def check_state(agreement: Agreement, *needed: str) -> None:
    """Refuse an agreement in another state.

    Rejections: ``agreement_state_wrong``.
    """
    if agreement.state not in needed:
        raise Rejected(
            "agreement_state_wrong",
            f"This agreement is {agreement.state}; that can be done only while it is {' or '.join(needed)}.",
            state=agreement.state,
        )


def update(agreement: Agreement, changes: Mapping[str, Scalar]) -> RowUpdate:
    """Return the change of an agreement from the state in which it was read."""
    return RowUpdate(
        table="agreement",
        key={"id": str(agreement.id)},
        expected={
            "state": agreement.state,
            "last_period": agreement.last_period,
            "attempt": agreement.attempt,
            "due_ns": agreement.due_ns,
            "notice_ns": agreement.notice_ns,
        },
        changes={**changes},
    )


def receipt_of(agreement: Agreement, changes: Mapping[str, Scalar]) -> AgreementReceipt:
    """Return what is told of an agreement once some of its columns have changed."""
    names = AgreementReceipt.__struct_fields__
    return AgreementReceipt(
        **{name: getattr(agreement, name) for name in names}
        | {name: changes[name] for name in names if name in changes}
    )


def told(
    asking: Asking, agreement: Agreement, topic: str, changes: Mapping[str, Scalar], **more: object
) -> Event:
    """Return the announcement of a change to both sides."""
    facts = {**msgspec.structs.asdict(receipt_of(agreement, changes)), **more}
    return asking.event(topic, (agreement.payer, agreement.shop), facts)


def _check(now_ns: int, payer: UUID, is_shop: bool, new: Signing) -> None:
    if new.shop == payer:
        raise Rejected("buyer_is_shop", "A shop cannot sign with itself; use another party's wallet.")
    if not is_shop:
        raise Rejected(
            "payee_account_not_found",
            "Who is to be paid is no shop with a wallet in this currency; look it up.",
        )
    check_amount(new.amount_max_minor)
    if new.fixed_minor is not None and new.fixed_minor > new.amount_max_minor:
        raise Rejected(
            "fixed_amount_too_large",
            f"The schedule cannot deduct {new.fixed_minor} where one deduction is {new.amount_max_minor} at most.",
        )
    check_period(new.period)
    if new.fixed_minor is not None and new.notice_days > shortest_days(new.period):
        raise Rejected(
            "notice_too_long",
            f"The next deduction cannot be announced {new.notice_days} days before while a period is of "
            f"{shortest_days(new.period)} days; choose a shorter notice or longer periods.",
        )
    if not now_ns < new.valid_until_ns <= now_ns + VALID_MAX_S * _SECOND_NS:
        raise Rejected(
            "validity_invalid", "An agreement ends after now and within ten years; choose another end."
        )


def _signed(asking: Asking, payer: UUID, new: Signing) -> Agreement:
    period = new.period
    earliest = local_day(asking.now_ns, period.zone) + timedelta(days=new.notice_days)
    return Agreement(
        id=asking.id,
        payer=payer,
        shop=new.shop,
        reference=new.reference,
        title=new.title,
        currency=new.currency,
        amount_max_minor=new.amount_max_minor,
        fixed_minor=new.fixed_minor,
        count_max=new.count_max,
        sum_max_minor=new.sum_max_minor,
        period_unit=period.unit,
        period_every=period.every,
        period_day=period.day,
        zone=period.zone,
        first_day=first_day(period, earliest),
        notice_days=new.notice_days,
        valid_until_ns=new.valid_until_ns,
        state="active",
        deducted_count=0,
        deducted_minor=0,
        last_period=-1,
        attempt=0,
        due_ns=None,
        notice_ns=None,
        signed_ns=asking.now_ns,
        ended_ns=None,
    )


def _row(agreement: Agreement) -> RowInsert:
    values = {name: getattr(agreement, name) for name in Agreement.__dataclass_fields__ if name != "id"}
    values |= {name: str(values[name]) for name in ("payer", "shop", "first_day")}
    return RowInsert(table="agreement", key={"id": str(agreement.id)}, values=values)


def _check_payer(agreement: Agreement, party: UUID) -> None:
    if party != agreement.payer:
        raise Rejected(
            "agreement_not_yours",
            f"Only the payer of agreement {agreement.id} can do this; use its credential, or unsign.",
        )


def _changed_to(
    asking: Asking, agreement: Agreement, kind: str, topic: str, changes: Mapping[str, Scalar]
) -> Operation:
    return asking.operation(
        kind,
        receipt_of(agreement, changes),
        rows=(update(agreement, changes),),
        events=(told(asking, agreement, topic, changes),),
    )
