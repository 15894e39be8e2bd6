"""What must be there before anybody can exchange: pairs that the operator opens, limits and rates that banks give.

A position is limited by the book: Karez sells of a currency what it has bought of it and what the bank grants, and no
more, however many buy at once. When the bank has delivered what was sold, the position is squared and free again.
"""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.model import NewAccount, Transfer
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode, TransferCode
from karez.services.payments.exchange.rates import MARGIN_MAX_BPS, Rate, check_rate
from karez.services.payments.exchange.records import Limit, Pair
from karez.services.payments.house import DEBITS_LIMITED, House, money_moves

QUOTE_MAX_S = 86_400


class PairReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of currencies after a change."""

    paid: str
    priced: str
    margin_bps: int
    quote_s: int


class LimitReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A limit after a change."""

    bank: int
    currency: str
    limit_minor: int


class RateReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A rate that was given."""

    id: UUID
    base: str
    counter: str
    bid: int
    ask: int
    scale: int


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of a currency that is delivered, or paid for it."""

    currency: str
    amount_minor: int


class SquareReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a bank has delivered, and what it got for it."""

    id: UUID
    bank: int
    delivered: Delivered
    paid: Delivered


@dataclass(frozen=True, slots=True)
class PairFacts:
    """What there is of a pair.

    Attributes:
        known: What was decided before, if anything.
        opened: Those of the accounts that it needs which exist.
    """

    known: Pair | None
    opened: frozenset[UUID]


def decide_pair(asking: Asking, house: House, facts: PairFacts, new: Pair) -> Operation:
    """Open a pair of currencies, or change what exchanging them costs.

    Args:
        asking: The operator's request.
        house: The payment house.
        facts: What there is of it.
        new: What is decided.

    Rejections: ``currency_not_open``, ``exchange_pair_out_of_range``.
    """
    paid, priced, known = house.currency(new.paid), house.currency(new.priced), facts.known
    if (
        new.paid == new.priced
        or not 0 <= new.margin_bps <= MARGIN_MAX_BPS
        or not 1 <= new.quote_s <= QUOTE_MAX_S
    ):
        raise Rejected(
            "exchange_pair_out_of_range",
            f"A pair is of two currencies, with a margin of 0 to {MARGIN_MAX_BPS} basis points and quotes that hold "
            f"for 1 to {QUOTE_MAX_S} s.",
        )
    values: dict[str, Scalar] = {
        "margin_bps": new.margin_bps,
        "quote_s": new.quote_s,
        "changed_ns": asking.now_ns,
    }
    key: dict[str, Scalar] = {"paid": new.paid, "priced": new.priced}
    row: RowInsert | RowUpdate
    if known is None:
        row = RowInsert(table="exchange_pair", key=key, values=values)
    else:
        expected: dict[str, Scalar] = {"margin_bps": known.margin_bps, "quote_s": known.quote_s}
        row = RowUpdate(table="exchange_pair", key=key, expected=expected, changes=values)
    needed = (
        house.account(
            accounts.exchange_margin(new.paid), paid.money, AccountCode.EXCHANGE_MARGIN, flags=DEBITS_LIMITED
        ),
        house.account(
            accounts.exchange_delivery(new.priced),
            priced.money,
            AccountCode.EXCHANGE_DELIVERY,
            flags=DEBITS_LIMITED,
        ),
    )
    missing = tuple(account for account in needed if account.id not in facts.opened)
    reply = PairReceipt(paid=new.paid, priced=new.priced, margin_bps=new.margin_bps, quote_s=new.quote_s)
    return asking.operation("exchange.decide_pair", reply, accounts=missing, rows=(row,))


def grant(
    asking: Asking, house: House, bank: int, currency_code: str, known: Limit | None, limit_minor: int
) -> Operation:
    """Let Karez sell so much of a currency before it has bought it; the first time opens the position.

    Args:
        asking: The bank's request.
        house: The payment house.
        bank: Its institution number.
        currency_code: ISO 4217 letters.
        known: The limit up to now.
        limit_minor: The limit from now on.

    Rejections: ``currency_not_open``; in the book ``exceeds_credits`` where more than the new limit is in use.
    """
    currency = house.currency(currency_code)
    position = accounts.exchange_position(bank, currency_code)
    granted = accounts.exchange_grant(bank, currency_code)
    difference_minor = limit_minor - (0 if known is None else known.limit_minor)
    opened: tuple[NewAccount, ...] = ()
    row: RowInsert | RowUpdate
    key: dict[str, Scalar] = {"bank": bank, "currency": currency_code}
    values: dict[str, Scalar] = {"limit_minor": limit_minor, "changed_ns": asking.now_ns}
    if known is None:
        opened = (
            house.account(position, currency.money, AccountCode.EXCHANGE_POSITION, flags=DEBITS_LIMITED),
            house.account(granted, currency.money, AccountCode.EXCHANGE_GRANT),
        )
        row = RowInsert(table="exchange_limit", key=key, values=values)
    else:
        row = RowUpdate(
            table="exchange_limit", key=key, expected={"limit_minor": known.limit_minor}, changes=values
        )
    transfers: tuple[Transfer, ...] = ()
    if difference_minor:
        debit, credit = (granted, position) if difference_minor > 0 else (position, granted)
        code = TransferCode.EXCHANGE_LIMIT_GRANT
        transfers = (
            money_moves(
                asking.made_id("transfer"), debit, credit, abs(difference_minor), currency.money, code
            ),
        )
    reply = LimitReceipt(bank=bank, currency=currency_code, limit_minor=limit_minor)
    return asking.operation("exchange.grant", reply, accounts=opened, transfers=transfers, rows=(row,))


def give_rate(asking: Asking, house: House, rate: Rate, currencies: frozenset[str]) -> Operation:
    """Record a bank's rate; its next one for the pair replaces it.

    Args:
        asking: The bank's request.
        house: The payment house.
        rate: What it gives.
        currencies: In which the bank has granted a limit, perhaps of 0.

    Rejections: ``currency_not_open``, ``exchange_not_open``, those of ``check_rate``.
    """
    check_rate(rate, asking.now_ns)
    for code in (rate.base, rate.counter):
        house.currency(code)
        if code not in currencies:
            raise Rejected(
                "exchange_not_open", f"You have no exchange limit in {code}; set one first, 0 if need be."
            )
    row = RowInsert(
        table="exchange_rate",
        key={"id": str(rate.id)},
        values={
            "bank": rate.bank,
            "base": rate.base,
            "counter": rate.counter,
            "bid": rate.bid,
            "ask": rate.ask,
            "scale": rate.scale,
            "valid_until_ns": rate.valid_until_ns,
            "given_ns": asking.now_ns,
        },
    )
    reply = RateReceipt(
        id=rate.id, base=rate.base, counter=rate.counter, bid=rate.bid, ask=rate.ask, scale=rate.scale
    )
    return asking.operation("exchange.give_rate", reply, rows=(row,))


def square(asking: Asking, house: House, bank: int, delivered: Delivered, paid: Delivered) -> Operation:
    """Record that a bank has delivered what was sold of one currency, and was paid in another.

    Args:
        asking: The operator's request.
        house: The payment house.
        bank: Its institution number.
        delivered: What the bank holds for Karez now.
        paid: What Karez has paid out of what the bank holds.

    Rejections: ``currency_not_open``; in the book ``exceeds_credits`` where Karez has not bought so much, and
        ``credit_account_not_found`` or ``debit_account_not_found`` without a position or clearing account.
    """
    bought = money_moves(
        asking.made_id("transfer", 1),
        accounts.clearing(bank, delivered.currency),
        accounts.exchange_position(bank, delivered.currency),
        delivered.amount_minor,
        house.currency(delivered.currency).money,
        TransferCode.EXCHANGE,
    )
    spent = money_moves(
        asking.made_id("transfer", 2),
        accounts.exchange_position(bank, paid.currency),
        accounts.clearing(bank, paid.currency),
        paid.amount_minor,
        house.currency(paid.currency).money,
        TransferCode.EXCHANGE_SALE,
    )
    reply = SquareReceipt(id=asking.id, bank=bank, delivered=delivered, paid=paid)
    return asking.operation("exchange.square", reply, transfers=(bought, spent))
