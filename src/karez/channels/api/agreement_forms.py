"""What is said of agreements: the bodies of requests, the answers, and examples of both."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    Moment,
    MoneyAmount,
    NewId,
    PageSize,
    PartyId,
    Reference,
    Text,
)
from karez.channels.api.moments import format_moment
from karez.services.payments.agreements.operations import Signing
from karez.services.payments.agreements.periods import Period
from karez.services.payments.agreements.records import Agreement, Deducted

CountMax = Annotated[int, Meta(ge=1, le=100_000, description="How many deductions there may be.")]
PeriodEvery = Annotated[int, Meta(ge=1, le=366, description="Of how many units a period is.")]
PeriodDay = Annotated[
    int,
    Meta(
        ge=1,
        le=31,
        description="Of the week, 1 is Monday, or of the month; a month that is too short: its last.",
    ),
]
Zone = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9_+/-]{1,64}$",
        description="Name of the time zone in the IANA database.",
        examples=["Asia/Shanghai"],
    ),
]
NoticeDays = Annotated[
    int, Meta(ge=0, le=30, description="How many days before a scheduled deduction it is announced.")
]
PeriodNumber = Annotated[int, Meta(ge=0, le=2**31 - 1, description="Of periods before this one.")]


class PeriodRule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The days on which periods begin; in each there is one deduction at most."""

    unit: Literal["day", "week", "month"]
    every: PeriodEvery = 1
    day: PeriodDay | None = None
    zone: Zone = "Asia/Shanghai"


class NewAgreement(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a payer lets a shop deduct.

    Attributes:
        id: Your own new id; it makes retries safe.
        reference: What shop and payer know it by, such as a contract.
        amount_max_minor: The most that one deduction may be.
        fixed_minor: What is deducted by itself in each period; left out, the shop asks each time.
        sum_max_minor: The most that all deductions may be together.
        valid_until: When it ends by itself; left out, in ten years.
    """

    id: NewId
    shop: PartyId
    reference: Reference | None = None
    title: Text
    currency: CurrencyCode
    amount_max_minor: MoneyAmount
    fixed_minor: MoneyAmount | None = None
    count_max: CountMax | None = None
    sum_max_minor: MoneyAmount | None = None
    period: PeriodRule
    notice_days: NoticeDays = 0
    valid_until: Moment | None = None


class NewDeduction(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a shop deducts.

    Attributes:
        reference: The shop's own name for the trade that it becomes; it makes retries safe.
    """

    reference: Reference
    amount_minor: MoneyAmount


class AgreementView(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement.

    Attributes:
        state: `active`, `paused`, `unsigned`, or `ended` by its time or by what was deducted.
        failed_tries: How many tries for the present period have failed.
        next_deduction: When the schedule deducts next.
        next_notice: When that is announced.
    """

    id: UUID
    payer: PartyId
    shop: PartyId
    reference: str | None
    title: str
    currency: str
    amount_max_minor: int
    fixed_minor: int | None
    count_max: int | None
    sum_max_minor: int | None
    period: PeriodRule
    first_day: str
    notice_days: int
    valid_until: Moment
    state: str
    deducted_count: int
    deducted_minor: int
    failed_tries: int
    next_deduction: Moment | None
    next_notice: Moment | None
    signed: Moment
    ended: Moment | None


class AgreementPage(msgspec.Struct, frozen=True):
    """Agreements, the latest first."""

    items: list[AgreementView]
    next_before: Moment | None


class DeductionView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a period.

    Attributes:
        state: `paid` or `failed`.
        reason: Code of the refusal that made it fail for good.
    """

    period: int
    state: str
    amount_minor: int
    trade: UUID | None
    reason: str | None
    made: Moment


class DeductionPage(msgspec.Struct, frozen=True):
    """What became of the periods, the latest first."""

    items: list[DeductionView]
    next_before: int | None


class AgreementsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which agreements.

    Attributes:
        side: `signed` as the payer, or `received` as the shop.
        before: Signed before this moment.
    """

    side: Literal["signed", "received"] = "signed"
    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


class DeductionsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which periods."""

    before: PeriodNumber | UnsetType = UNSET
    limit: PageSize = 50


_PERIOD = {"unit": "month", "every": 1, "day": 5, "zone": "Asia/Shanghai"}
EXAMPLE_NEW = {
    "id": EXAMPLE_IDS[7],
    "shop": EXAMPLE_IDS[4],
    "reference": "contract-7",
    "title": "Video, monthly",
    "currency": "CNY",
    "amount_max_minor": 3_000,
    "fixed_minor": 2_500,
    "count_max": 12,
    "period": _PERIOD,
    "notice_days": 3,
}
EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[5],
    "reference": "contract-7",
    "state": "active",
    "currency": "CNY",
    "deducted_count": 0,
    "deducted_minor": 0,
}
EXAMPLE = {
    **EXAMPLE_RECEIPT,
    "payer": EXAMPLE_IDS[6],
    "shop": EXAMPLE_IDS[4],
    "title": "Video, monthly",
    "amount_max_minor": 3_000,
    "fixed_minor": 2_500,
    "count_max": 12,
    "sum_max_minor": None,
    "period": _PERIOD,
    "first_day": "2026-10-05",
    "notice_days": 3,
    "valid_until": EXAMPLE_MOMENT,
    "failed_tries": 0,
    "next_deduction": EXAMPLE_MOMENT,
    "next_notice": EXAMPLE_MOMENT,
    "signed": EXAMPLE_MOMENT,
    "ended": None,
}
EXAMPLE_DEDUCTION = {
    "agreement": EXAMPLE_IDS[5],
    "period": 0,
    "trade": EXAMPLE_IDS[3],
    "currency": "CNY",
    "amount_minor": 2_500,
}
EXAMPLE_PERIOD = {
    "period": 0,
    "state": "paid",
    "amount_minor": 2_500,
    "trade": EXAMPLE_IDS[3],
    "reason": None,
    "made": EXAMPLE_MOMENT,
}


def signing_of(body: NewAgreement, valid_until_ns: int) -> Signing:
    """Return what a body asks to sign."""
    rule = body.period
    return Signing(
        shop=body.shop,
        reference=body.reference,
        title=body.title,
        currency=body.currency,
        amount_max_minor=body.amount_max_minor,
        fixed_minor=body.fixed_minor,
        count_max=body.count_max,
        sum_max_minor=body.sum_max_minor,
        period=Period(rule.unit, rule.every, rule.day, rule.zone),
        notice_days=body.notice_days,
        valid_until_ns=valid_until_ns,
    )


def agreement_view(agreement: Agreement) -> AgreementView:
    """Return an agreement as its two sides see it."""
    return AgreementView(
        id=agreement.id,
        payer=agreement.payer,
        shop=agreement.shop,
        reference=agreement.reference,
        title=agreement.title,
        currency=agreement.currency,
        amount_max_minor=agreement.amount_max_minor,
        fixed_minor=agreement.fixed_minor,
        count_max=agreement.count_max,
        sum_max_minor=agreement.sum_max_minor,
        period=PeriodRule(
            unit=agreement.period_unit,
            every=agreement.period_every,
            day=agreement.period_day,
            zone=agreement.zone,
        ),
        first_day=agreement.first_day.isoformat(),
        notice_days=agreement.notice_days,
        valid_until=format_moment(agreement.valid_until_ns),
        state=agreement.state,
        deducted_count=agreement.deducted_count,
        deducted_minor=agreement.deducted_minor,
        failed_tries=agreement.attempt,
        next_deduction=None if agreement.due_ns is None else format_moment(agreement.due_ns),
        next_notice=None if agreement.notice_ns is None else format_moment(agreement.notice_ns),
        signed=format_moment(agreement.signed_ns),
        ended=None if agreement.ended_ns is None else format_moment(agreement.ended_ns),
    )


def deduction_view(deducted: Deducted) -> DeductionView:
    """Return what became of a period."""
    return DeductionView(
        period=deducted.period,
        state=deducted.state,
        amount_minor=deducted.amount_minor,
        trade=deducted.trade,
        reason=deducted.reason,
        made=format_moment(deducted.made_ns),
    )
