"""Reading what was agreed with shops and what they got."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.calendars import Calendar
from karez.core.outcomes import Rejected
from karez.services.payments.settlement.agreed_calendars import read_calendars
from karez.services.payments.settlement.fees import AgreedPlans, FeePlan, FeeTerms

Shopfront = tuple[UUID, str]
"""A shop and a currency."""


@dataclass(frozen=True, slots=True)
class SettlementAccount:
    """Where a shop stands in one currency.

    Attributes:
        shop: Whose.
        currency: ISO 4217 letters.
        calendar: Name of the calendar whose business days count.
        bank_account: Where its money goes; ``None`` is its wallet.
        bank: The institution that pays it there.
        day: Of the next batch.
        settled_until_ns: What happened before is in a batch.
        carried_minor: What it owes from the last batch, at most 0.
        due_ns: When the next batch is made.
    """

    shop: UUID
    currency: str
    calendar: str
    bank_account: UUID | None
    bank: int | None
    day: date
    settled_until_ns: int
    carried_minor: int
    due_ns: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What a shop got on one day.

    Attributes:
        id: Derived from the shop, the currency and the day.
        shop: Whose.
        currency: ISO 4217 letters.
        day: On which it was settled.
        from_ns: Its lines begin at this moment.
        until_ns: They end before this one.
        payments: How many.
        gross_minor: Their sum.
        refunds: How many.
        refunded_minor: Their sum.
        adjusted_minor: What chargebacks took, below zero, and brought back.
        fee_minor: Fees less what came back of them.
        brought_minor: Owed from the batch before, at most 0.
        paid_minor: Paid out.
        carried_minor: Owed to the next batch, at most 0.
        payout: The payout to a bank; ``None`` where the wallet got it.
        settled_ns: When it was made.
    """

    id: UUID
    shop: UUID
    currency: str
    day: date
    from_ns: int
    until_ns: int
    payments: int
    gross_minor: int
    refunds: int
    refunded_minor: int
    adjusted_minor: int
    fee_minor: int
    brought_minor: int
    paid_minor: int
    carried_minor: int
    payout: UUID | None
    settled_ns: int


_ACCOUNT_COLUMNS = ", ".join(SettlementAccount.__dataclass_fields__)
_BATCH_COLUMNS = ", ".join(Batch.__dataclass_fields__)
_ACCOUNTS = f"SELECT {_ACCOUNT_COLUMNS} FROM settlement_account WHERE shop = %s ORDER BY currency"  # noqa: S608 - names of our own columns
_DUE = f"SELECT {_ACCOUNT_COLUMNS} FROM settlement_account WHERE due_ns <= %s ORDER BY due_ns, shop LIMIT %s"  # noqa: S608 - names of our own columns
_PLANS = """
SELECT p.shop, p.currency, p.valid_from_ns, p.terms, p.refund_fee_policy
FROM unnest(%s::uuid[], %s::text[]) AS wanted (shop, currency)
JOIN fee_plan p ON p.shop = wanted.shop AND p.currency = wanted.currency
ORDER BY p.valid_from_ns
"""
_BATCH = f"SELECT {_BATCH_COLUMNS} FROM settlement_batch WHERE id = %s"  # noqa: S608 - names of our own columns
_BATCHES = f"""
SELECT {_BATCH_COLUMNS} FROM settlement_batch WHERE shop = %s AND until_ns < %s ORDER BY until_ns DESC, id LIMIT %s
"""  # noqa: S608 - names of our own columns
_decode_terms = msgspec.json.Decoder(tuple[FeeTerms, ...]).decode


def settlement_accounts(conn: psycopg.Connection[Any], shop: UUID) -> list[SettlementAccount]:
    """Return where a shop stands, in each currency that is settled."""
    with conn.cursor(row_factory=class_row(SettlementAccount), binary=True) as cursor:
        return cursor.execute(_ACCOUNTS, (shop,)).fetchall()


def find_settlement_account(conn: psycopg.Connection[Any], shop: UUID, currency: str) -> SettlementAccount:
    """Return where a shop stands in a currency.

    Rejections: ``settlement_account_not_found``.
    """
    for account in settlement_accounts(conn, shop):
        if account.currency == currency:
            return account
    raise Rejected(
        "settlement_account_not_found",
        f"Nothing is settled in {currency[:3]} here yet; the operator agrees on a fee plan first.",
    )


def due_accounts(conn: psycopg.Connection[Any], now_ns: int, limit: int) -> list[SettlementAccount]:
    """Return the accounts whose next batch is due, the longest overdue first."""
    with conn.cursor(row_factory=class_row(SettlementAccount), binary=True) as cursor:
        return cursor.execute(_DUE, (now_ns, limit)).fetchall()


def plans_of(conn: psycopg.Connection[Any], wanted: Iterable[Shopfront]) -> dict[Shopfront, list[FeePlan]]:
    """Return the plans of shops, each shop's by the moment from which they are valid."""
    pairs = list(wanted)
    found: dict[Shopfront, list[FeePlan]] = {pair: [] for pair in pairs}
    rows = conn.execute(_PLANS, ([shop for shop, _ in pairs], [currency for _, currency in pairs]))
    for shop, currency, valid_from_ns, terms, policy in rows:
        plan = FeePlan(
            shop=shop,
            currency=currency,
            valid_from_ns=valid_from_ns,
            terms=_decode_terms(terms),
            refund_fee_policy=policy,
        )
        found[shop, currency].append(plan)
    return found


def agreed_plans(conn: psycopg.Connection[Any], shop: UUID, currency: str) -> AgreedPlans:
    """Return the plans of a shop that is settled in a currency."""
    return AgreedPlans(plans_of(conn, [(shop, currency)])[shop, currency])


def calendars_of(conn: psycopg.Connection[Any], accounts: Sequence[SettlementAccount]) -> dict[str, Calendar]:
    """Return the calendars of settlement accounts by their names."""
    return read_calendars(conn, {account.calendar for account in accounts})


def find_batch(conn: psycopg.Connection[Any], batch: UUID) -> Batch:
    """Return a batch that the caller may see.

    Rejections: ``settlement_batch_not_found``.
    """
    with conn.cursor(row_factory=class_row(Batch), binary=True) as cursor:
        found = cursor.execute(_BATCH, (batch,)).fetchone()
    if found is None:
        raise Rejected(
            "settlement_batch_not_found",
            f"There is no settlement batch {batch} that you may see; list yours to find its id.",
        )
    return found


def batches_page(conn: psycopg.Connection[Any], shop: UUID, before_ns: int, limit: int) -> list[Batch]:
    """Return batches of a shop, the latest first.

    Args:
        conn: In a transaction of the shop.
        shop: Whose.
        before_ns: With lines that end before this moment.
        limit: How many at most.
    """
    with conn.cursor(row_factory=class_row(Batch), binary=True) as cursor:
        return cursor.execute(_BATCHES, (shop, before_ns, limit)).fetchall()
