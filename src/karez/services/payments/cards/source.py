"""A bound card as a source: it gives what the sources before it leave, within its limits, once its bank says so."""

from dataclasses import dataclass, replace
from uuid import UUID

import psycopg

from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer
from karez.services.asking import Asking
from karez.services.payments.banks.records import BankChoice, find_bank
from karez.services.payments.cards.limits import day_use_of, use
from karez.services.payments.cards.numbers import check_expiry
from karez.services.payments.cards.records import Card, find_card
from karez.services.payments.cards.states import State
from karez.services.payments.house import House
from karez.services.payments.sources.banked import BankFunds, take_back
from karez.services.payments.sources.door import Declined, Drawn, Source
from karez.services.payments.trades.records import Trade
from karez.services.payments.wallets.limits import day_use_ends

KIND = "card"


@dataclass(frozen=True, slots=True)
class CardFunds:
    """What a card can give.

    Attributes:
        card: As it was read.
        bank: Which has issued it.
    """

    card: Card
    bank: BankChoice

    @property
    def counted_in(self) -> None:
        """Return nothing: the bank alone knows."""

    def most_minor(self, now_ns: int, left_minor: int, _available_minor: int | None, /) -> int:
        """Return all that is left.

        Rejections: ``card_not_bound``, ``card_expired``, ``card_payment_limit_exceeded``.
        """
        if self.card.standing is not State.BOUND:
            raise Rejected(
                "card_not_bound",
                f"The card {self.card.id} is {self.card.state}; bind it again, or pay from another source.",
                state=self.card.state,
            )
        check_expiry(self.card.expiry, now_ns)
        if left_minor > self.card.payment_max_minor:
            raise Rejected(
                "card_payment_limit_exceeded",
                f"One payment takes {self.card.payment_max_minor} minor units from this card at most; raise its "
                "limit, or put another source before it.",
                limit_minor=self.card.payment_max_minor,
            )
        return left_minor

    def draw(self, asking: Asking, house: House, number: int, amount_minor: int, /) -> Drawn:
        """Return the leg from what the bank holds for Karez, the use of the card's limit, and whom to ask."""
        funds = BankFunds(KIND, self.bank, self.card.currency, self.card.reference)
        limited = use(asking, number, self.card.id, amount_minor, house.currency(self.card.currency))
        return replace(funds.draw(asking, house, number, amount_minor), before=(limited,))


def _read(conn: psycopg.Connection, trade: Trade, payer: UUID, reference: str) -> CardFunds:
    card = find_card(conn, payer, UUID(reference))
    if card.currency != trade.currency:
        raise Rejected(
            "card_currency_differs",
            f"This card pays in {card.currency}, and the price is in {trade.currency}; choose another source.",
        )
    return CardFunds(card, find_bank(conn, card.bank))


def _let_go(declined: Declined) -> tuple[Transfer, ...]:
    asking = declined.asking
    return day_use_ends(
        asking.made_id("card limit", declined.number),
        day_use_of(declined.asked, declined.number),
        declined.asked_ns,
        asking.now_ns,
    )


CARD = Source(_read, take_back, is_plain=True, let_go=_let_go)
