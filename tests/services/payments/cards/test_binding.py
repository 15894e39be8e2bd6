"""Cards are bound by a code that their bank has sent, and what is bound has limits."""

import pytest

from karez.services.payments.banks.records import BankChoice
from karez.services.payments.cards.binding import CHALLENGE_S, PAUSE_S, TRIES_MAX
from karez.services.payments.cards.states import TRANSITIONS
from tests.services.payments.cards.wallet_of_cards import CardMarket
from tests.services.payments.drawn import arrows_of_guide, arrows_of_table
from tests.services.payments.memory_karez import BANK, refused

SECOND_NS = 1_000_000_000


@pytest.fixture
def market() -> CardMarket:
    return CardMarket()


def test_a_card_waits_for_its_code_and_is_bound_by_it(market: CardMarket) -> None:
    assert market.ask()["state"] == "asked"
    market.try_code()
    assert market.prove()["state"] == "bound"
    assert market.karez.free(market.limit_account()) == 1_000_000


def test_a_challenge_that_runs_goes_on_and_one_that_is_over_is_followed_by_another(
    market: CardMarket,
) -> None:
    market.ask()
    first = market.card.binding
    market.ask()
    assert market.card.binding == first
    market.karez.now_ns += CHALLENGE_S * SECOND_NS
    with refused("card_challenge_over"):
        market.try_code()
    market.ask()
    assert (market.card.binding != first, market.card.tries) == (True, 0)


def test_codes_are_counted_and_the_next_challenge_waits_for_an_hour(market: CardMarket) -> None:
    market.ask()
    for _ in range(TRIES_MAX):
        market.try_code()
    with refused("card_codes_used_up"):
        market.try_code()
    market.refuse(is_used_up=True)
    with refused("card_binding_paused"):
        market.ask()
    market.karez.now_ns += PAUSE_S * SECOND_NS
    assert market.ask()["state"] == "asked"


def test_what_the_bank_refuses_for_a_wrong_name_can_be_asked_for_at_once(market: CardMarket) -> None:
    market.ask()
    market.refuse(is_used_up=False)
    with refused("card_state_wrong"):
        market.try_code()
    assert market.ask()["state"] == "asked"


def test_a_card_that_is_bound_again_keeps_its_limits_and_is_funded_once(market: CardMarket) -> None:
    market.bind()
    market.change_limits(1_000, 2_000)
    with refused("card_bound_before"):
        market.ask()
    market.unbind()
    market.bind()
    assert market.karez.free(market.limit_account()) == 2_000
    assert (market.card.payment_max_minor, market.card.day_max_minor) == (1_000, 2_000)


def test_a_challenge_can_be_given_up(market: CardMarket) -> None:
    market.ask()
    assert market.unbind()["state"] == "unbound"
    with refused("card_state_wrong"):
        market.prove()


@pytest.mark.parametrize(
    ("bank", "expiry", "currency", "code"),
    [
        (BankChoice(BANK, ["CNY"], "paused"), "2049-08", "CNY", "bank_not_open"),
        (BankChoice(BANK, ["USD"], "open"), "2049-08", "CNY", "bank_not_open"),
        (None, "2020-08", "CNY", "card_expired"),
        (None, "2049-08", "USD", "currency_not_open"),
    ],
)
def test_what_cannot_pay_is_not_bound(
    market: CardMarket, bank: BankChoice | None, expiry: str, currency: str, code: str
) -> None:
    with refused(code):
        market.ask(bank, expiry, currency)


@pytest.mark.parametrize(("payment", "day"), [(0, 1), (2, 1), (5_000_001, 6_000_000), (1, 10_000_001)])
def test_limits_stay_below_the_house_s(market: CardMarket, payment: int, day: int) -> None:
    market.bind()
    with refused("card_limits_out_of_range"):
        market.change_limits(payment, day)


def test_nothing_of_a_card_that_is_not_bound_can_be_changed(market: CardMarket) -> None:
    market.ask()
    with refused("card_state_wrong"):
        market.change_limits(1, 1)


def test_the_diagram_in_the_guide_is_the_table() -> None:
    assert sorted(arrows_of_guide("States of a card")) == sorted(arrows_of_table(TRANSITIONS))
