"""The leg of a payment that was exchanged: the trade's money comes from the bank's position, the payer's goes there.

Between the position and the trade the money passes an account in which nothing stays: what leaves a position is told
apart from all other payments, so that a refusal names the limit that was hit.

The leg carries what the exchange cost, so that money can go back at the same rate without a look-up.
"""

from dataclasses import dataclass
from uuid import UUID

import psycopg

from karez.core.outcomes import Rejected
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.exchange.rates import Cost, given_back
from karez.services.payments.house import money_moves
from karez.services.payments.sources.door import Funds, Source, TakenBack, TakingBack
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.records import Trade

KIND = "exchange"


@dataclass(frozen=True, slots=True)
class Exchanged:
    """How a leg was exchanged.

    Attributes:
        quote: By which quote.
        bank: Through which bank.
        currency: In which currency the payer paid.
        cost: How much.
    """

    quote: UUID
    bank: int
    currency: str
    cost: Cost


def leg_of(exchanged: Exchanged, priced: str, price_minor: int) -> Leg:
    """Return the leg of a price that is paid by an exchange."""
    cost = exchanged.cost
    return Leg(
        source=KIND,
        account=accounts.exchange_delivery(priced),
        amount_minor=price_minor,
        reference=f"{exchanged.currency} {cost.bank_minor} {cost.margin_minor} {exchanged.bank} {exchanged.quote}",
    )


def exchanged_by(leg: Leg) -> Exchanged:
    """Return how a leg was exchanged."""
    currency, bank_minor, margin_minor, bank, quote = leg.reference.split(" ")
    return Exchanged(UUID(quote), int(bank), currency, Cost(int(bank_minor), int(margin_minor)))


def _take_back(taking: TakingBack) -> TakenBack:
    """Give the payer's own currency back for what goes back of the trade's."""
    exchanged, leg, trade = exchanged_by(taking.leg), taking.leg, taking.trade
    assert trade.buyer is not None, "a trade that was paid has a buyer"
    back = given_back(exchanged.cost, leg.amount_minor, taking.before_minor, taking.amount_minor)
    priced, paid = (
        taking.house.currency(trade.currency).money,
        taking.house.currency(exchanged.currency).money,
    )
    wallet = accounts.wallet(trade.buyer, exchanged.currency)
    steps = (
        (
            leg.account,
            accounts.exchange_position(exchanged.bank, trade.currency),
            taking.amount_minor,
            priced,
            TransferCode.EXCHANGE,
        ),
        (
            accounts.exchange_position(exchanged.bank, exchanged.currency),
            wallet,
            back.bank_minor,
            paid,
            TransferCode.EXCHANGE_RETURN,
        ),
        (
            accounts.exchange_margin(exchanged.currency),
            wallet,
            back.margin_minor,
            paid,
            TransferCode.EXCHANGE_MARGIN,
        ),
    )
    return TakenBack(
        leg.account,
        tuple(
            money_moves(
                taking.asking.made_id(f"exchange back {step}", taking.number),
                source,
                target,
                amount_minor,
                unit,
                code,
            )
            for step, (source, target, amount_minor, unit, code) in enumerate(steps)
            if amount_minor
        ),
    )


def _read(_conn: psycopg.Connection, trade: Trade, _payer: UUID, _reference: str) -> Funds:
    raise Rejected(
        "exchange_not_combined",
        f"An exchange pays the whole of trade {trade.id}; ask for a quote and pay by it instead.",
    )


# Not plain: what a part brings depends on the parts before it, so that all of them together bring what was paid.
EXCHANGE = Source(_read, _take_back)
