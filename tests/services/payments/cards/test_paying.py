"""A card pays within its limits, which come back when its bank declines."""

import pytest

from karez.services.payments.banks.states import State
from karez.services.payments.cards.source import CardFunds
from karez.services.payments.sources.door import Funds
from karez.services.payments.sources.paying import Payment, pay_from_sources
from tests.services.payments.buying import DAY_NS
from tests.services.payments.cards.wallet_of_cards import CardMarket
from tests.services.payments.memory_karez import HOUSE, refused

DAY_MINOR = 1_000_000


class PayingMarket(CardMarket):
    """A market in which the card pays."""

    def pay_by_card(self, amount_minor: int) -> object:
        """Order something, and pay it by card."""
        trade = self.trade(self.order(amount_minor))
        funds: tuple[Funds, ...] = (CardFunds(self.card, self.card_bank),)
        payment = Payment(trade, self.karez.wallet(self.buyer), funds)
        self.karez.carry(pay_from_sources(self.karez.asking(), HOUSE, payment, {}))
        return trade.id

    def left(self) -> int:
        """Return what may still be paid with the card."""
        return self.karez.free(self.limit_account())


@pytest.fixture
def market() -> PayingMarket:
    made = PayingMarket()
    made.bind()
    return made


def test_a_payment_uses_the_limit_for_24_hours(market: PayingMarket) -> None:
    market.pay_by_card(400_000)
    market.answer(market.waiting()[0], State.SUCCEEDED)
    market.pay_by_card(500_000)
    market.answer(market.waiting()[0], State.SUCCEEDED)
    assert market.left() == DAY_MINOR - 900_000
    with refused("card_day_limit_exceeded"):
        market.pay_by_card(100_001)


@pytest.mark.parametrize("end", [State.DECLINED, State.GIVEN_UP])
def test_the_limit_is_free_again_when_the_bank_declines(market: PayingMarket, end: State) -> None:
    market.pay_by_card(400_000)
    assert market.left() == DAY_MINOR - 400_000
    market.karez.now_ns += DAY_NS // 2
    market.answer(market.waiting()[0], end)
    assert market.left() == DAY_MINOR


def test_a_decline_after_a_day_leaves_the_limit_to_the_book(market: PayingMarket) -> None:
    market.pay_by_card(400_000)
    market.karez.now_ns += DAY_NS
    market.answer(market.waiting()[0], State.DECLINED)
    assert not market.waiting()


def test_one_payment_takes_no_more_than_the_card_s_limit(market: PayingMarket) -> None:
    with refused("card_payment_limit_exceeded"):
        market.pay_by_card(500_001)


def test_an_unbound_card_pays_nothing_new_and_what_runs_ends(market: PayingMarket) -> None:
    market.pay_by_card(400)
    market.unbind()
    with refused("card_not_bound"):
        market.pay_by_card(500)
    market.answer(market.waiting()[0], State.SUCCEEDED)
    assert not market.waiting()


def test_a_card_that_has_ended_pays_nothing(market: PayingMarket) -> None:
    market.karez.now_ns = 2_600_000_000_000_000_000
    with refused("card_expired"):
        market.pay_by_card(400)
