"""Reading rates, limits and quotes."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.services.payments.exchange.rates import Cost, Rate


@dataclass(frozen=True, slots=True)
class Pair:
    """That one currency may be paid for what is priced in another.

    Attributes:
        paid: ISO 4217 letters of what the payer has.
        priced: ISO 4217 letters of what the shop wants.
        margin_bps: What Karez adds, in hundredths of a percent.
        quote_s: How long a quote holds.
    """

    paid: str
    priced: str
    margin_bps: int
    quote_s: int


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of a currency a bank lets Karez sell before it has bought it.

    Attributes:
        bank: Number of the institution.
        currency: ISO 4217 letters.
        limit_minor: How much.
    """

    bank: int
    currency: str
    limit_minor: int


@dataclass(frozen=True, slots=True)
class Quote:
    """A price in the payer's currency that holds for a while.

    Attributes:
        id: Which.
        payer: For whom.
        trade: To pay what.
        bank: Through which bank.
        rate: At which of its rates.
        priced: Currency of the trade.
        price_minor: The trade's price.
        paid: Currency in which it is paid.
        bank_minor: What the bank gets.
        margin_minor: What Karez earns.
        state: ``open`` or ``used``.
        expires_ns: It does not hold from this moment on.
        quoted_ns: When it was made.
    """

    id: UUID
    payer: UUID
    trade: UUID
    bank: int
    rate: UUID
    priced: str
    price_minor: int
    paid: str
    bank_minor: int
    margin_minor: int
    state: str
    expires_ns: int
    quoted_ns: int

    @property
    def cost(self) -> Cost:
        """Return what it costs."""
        return Cost(self.bank_minor, self.margin_minor)


_PAIR = "SELECT paid, priced, margin_bps, quote_s FROM exchange_pair WHERE paid = %s AND priced = %s"
_LIMITS = "SELECT bank, currency, limit_minor FROM exchange_limit WHERE bank = %s ORDER BY currency"
# A bank's later rate replaces its earlier one, even while that would still be valid.
_RATES = """
SELECT r.id, r.bank, r.base, r.counter, r.bid, r.ask, r.scale, r.valid_until_ns
FROM exchange_limit mine
JOIN exchange_limit theirs ON theirs.bank = mine.bank AND theirs.currency = %(priced)s
CROSS JOIN (VALUES (%(paid)s, %(priced)s), (%(priced)s, %(paid)s)) AS pair (base, counter)
CROSS JOIN LATERAL (
    SELECT * FROM exchange_rate
    WHERE base = pair.base AND counter = pair.counter AND bank = mine.bank
    ORDER BY given_ns DESC, id DESC LIMIT 1
) r
WHERE mine.currency = %(paid)s AND r.valid_until_ns > %(now_ns)s
"""
_QUOTE_COLUMNS = ", ".join(Quote.__dataclass_fields__)
_QUOTE = f"SELECT {_QUOTE_COLUMNS} FROM exchange_quote WHERE id = %s"  # noqa: S608 - names of our own columns


def pair_of(conn: psycopg.Connection[Any], paid: str, priced: str) -> Pair | None:
    """Return what was decided on two currencies, if anything."""
    with conn.cursor(row_factory=class_row(Pair), binary=True) as cursor:
        return cursor.execute(_PAIR, (paid, priced)).fetchone()


def limits_of(conn: psycopg.Connection[Any], bank: int) -> list[Limit]:
    """Return the limits that a bank grants."""
    with conn.cursor(row_factory=class_row(Limit), binary=True) as cursor:
        return cursor.execute(_LIMITS, (bank,)).fetchall()


def valid_rates(conn: psycopg.Connection[Any], paid: str, priced: str, now_ns: int) -> list[Rate]:
    """Return each bank's latest rate for two currencies, where it is valid and the bank exchanges both."""
    with conn.cursor(row_factory=class_row(Rate), binary=True) as cursor:
        return cursor.execute(_RATES, {"paid": paid, "priced": priced, "now_ns": now_ns}).fetchall()


def find_quote(conn: psycopg.Connection[Any], quote: UUID) -> Quote:
    """Return a quote that the caller may see.

    Rejections: ``exchange_quote_not_found``.
    """
    with conn.cursor(row_factory=class_row(Quote), binary=True) as cursor:
        found = cursor.execute(_QUOTE, (quote,)).fetchone()
    if found is None:
        raise Rejected(
            "exchange_quote_not_found",
            f"There is no quote {quote} for you; ask for a new one and pay by that.",
        )
    return found
