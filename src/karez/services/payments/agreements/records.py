"""Reading agreements and what was deducted under them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.services.payments.agreements.periods import Period, Unit
from karez.services.payments.wallets.records import Wallet
from karez.storage.selecting import select

Side = Literal["signed", "received"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a payer lets a shop deduct.

    Attributes:
        id: Its id, the operation's that signed it.
        payer: Whose money.
        shop: Who gets it.
        reference: What shop and payer know it by.
        title: What it is for.
        currency: ISO 4217 letters.
        amount_max_minor: The most that one deduction may be.
        fixed_minor: What the schedule deducts by itself; ``None`` where the shop asks each time.
        count_max: How many deductions there may be.
        sum_max_minor: How much they may be together.
        period_unit: See ``Period``.
        period_every: See ``Period``.
        period_day: See ``Period``.
        zone: See ``Period``.
        first_day: The day of period 0.
        notice_days: How many days before a scheduled deduction it is announced.
        valid_until_ns: When it ends by itself.
        state: ``active``, ``paused``, ``unsigned`` or ``ended``.
        deducted_count: How many deductions there were.
        deducted_minor: How much they were together.
        last_period: The last period that was used up, by a deduction or by failing for good; -1 is none.
        attempt: How many tries for the present period have failed.
        due_ns: When the schedule deducts next.
        notice_ns: When that is announced.
        signed_ns: When it was signed.
        ended_ns: When it was unsigned or had ended.
    """

    id: UUID
    payer: UUID
    shop: UUID
    reference: str | None
    title: str
    currency: str
    amount_max_minor: int
    fixed_minor: int | None
    count_max: int | None
    sum_max_minor: int | None
    period_unit: Unit
    period_every: int
    period_day: int | None
    zone: str
    first_day: date
    notice_days: int
    valid_until_ns: int
    state: str
    deducted_count: int
    deducted_minor: int
    last_period: int
    attempt: int
    due_ns: int | None
    notice_ns: int | None
    signed_ns: int
    ended_ns: int | None

    @property
    def period(self) -> Period:
        """Return the rule for its days."""
        return Period(self.period_unit, self.period_every, self.period_day, self.zone)


@dataclass(frozen=True, slots=True)
class Deducted:
    """What became of a period.

    Attributes:
        agreement: Of which agreement.
        period: Its number, from 0.
        state: ``paid`` or ``failed``.
        amount_minor: How much was, or was to be, deducted.
        trade: What it became.
        reason: Code of the refusal that made it fail for good.
        made_ns: When.
    """

    agreement: UUID
    period: int
    state: str
    amount_minor: int
    trade: UUID | None
    reason: str | None
    made_ns: int


_AGREEMENT = select(Agreement, "FROM agreement WHERE id = %s")
_DUE = {
    column: select(Agreement, f"FROM agreement WHERE {column} <= %s {condition} ORDER BY {column} LIMIT %s")
    for column, condition in (
        # What is not announced yet is announced before it is deducted.
        ("due_ns", "AND notice_ns IS NULL"),
        ("notice_ns", ""),
        ("valid_until_ns", "AND state IN ('active', 'paused')"),
    )
}
_PAGES = {
    side: select(
        Agreement,
        f"""FROM agreement WHERE {column} = %s AND signed_ns < %s
            ORDER BY signed_ns DESC FETCH FIRST %s ROWS WITH TIES""",
    )
    for side, column in (("signed", "payer"), ("received", "shop"))
}
_DEDUCTIONS = select(
    Deducted, "FROM agreement_deduction WHERE agreement = %s AND period < %s ORDER BY period DESC LIMIT %s"
)
_IS_SHOP = "SELECT FROM wallet WHERE party = %s AND currency = %s AND kind = 'shop'"
_WALLETS = select(
    Wallet,
    """
    FROM wallet JOIN unnest(%s::uuid[], %s::text[]) AS wanted (party, currency) USING (party, currency)
""",
)
_PERIOD_MAX = 2**31 - 1


def find_agreement(conn: psycopg.Connection[Any], agreement: UUID) -> Agreement:
    """Return an agreement that the caller may see.

    Rejections: ``agreement_not_found``.
    """
    with conn.cursor(row_factory=class_row(Agreement), binary=True) as cursor:
        found = cursor.execute(_AGREEMENT, (agreement,)).fetchone()
    if found is None:
        raise Rejected(
            "agreement_not_found", f"There is no agreement {agreement} that you may see; look its id up."
        )
    return found


def is_shop(conn: psycopg.Connection[Any], party: UUID, currency: str) -> bool:
    """Tell whether a party is a shop that can be paid in a currency.

    Args:
        conn: In a transaction of the operator.
        party: Who.
        currency: ISO 4217 letters.
    """
    return conn.execute(_IS_SHOP, (party, currency)).fetchone() is not None


def due_agreements(
    conn: psycopg.Connection[Any],
    column: Literal["due_ns", "notice_ns", "valid_until_ns"],
    now_ns: int,
    limit: int,
) -> list[Agreement]:
    """Return agreements of which one of the moments has come, the longest overdue first."""
    with conn.cursor(row_factory=class_row(Agreement), binary=True) as cursor:
        return cursor.execute(_DUE[column], (now_ns, limit)).fetchall()


def payers_wallets(
    conn: psycopg.Connection[Any], wanted: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], Wallet]:
    """Return wallets by their holder and currency.

    Args:
        conn: In a transaction of the background work.
        wanted: Holders and currencies.
    """
    with conn.cursor(row_factory=class_row(Wallet), binary=True) as cursor:
        found = cursor.execute(_WALLETS, ([payer for payer, _ in wanted], [code for _, code in wanted]))
        return {(wallet.party, wallet.currency): wallet for wallet in found}


def agreements_page(
    conn: psycopg.Connection[Any], party: UUID, side: Side, before_ns: int, limit: int
) -> list[Agreement]:
    """Return agreements of a party, the latest first.

    Args:
        conn: In a transaction of the party.
        party: Whose.
        side: ``signed`` by it or ``received`` by it.
        before_ns: Signed before this moment.
        limit: How many at most, and those of the last one's moment.
    """
    with conn.cursor(row_factory=class_row(Agreement), binary=True) as cursor:
        return cursor.execute(_PAGES[side], (party, before_ns, limit)).fetchall()


def deductions_page(
    conn: psycopg.Connection[Any], agreement: UUID, before: int | None, limit: int
) -> list[Deducted]:
    """Return what became of an agreement's periods, the latest first.

    Args:
        conn: In a transaction of its payer or shop.
        agreement: Which.
        before: Of periods before this one.
        limit: How many at most.
    """
    with conn.cursor(row_factory=class_row(Deducted), binary=True) as cursor:
        return cursor.execute(
            _DEDUCTIONS, (agreement, _PERIOD_MAX if before is None else before, limit)
        ).fetchall()
