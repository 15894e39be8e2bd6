"""Somebody may begin ten bindings in 24 hours that do not end with a bound card."""

import pytest

from karez.services.payments.cards.attempts import ATTEMPTS_MAX
from tests.services.payments.cards.wallet_of_cards import CardMarket
from tests.services.payments.memory_karez import refused


@pytest.fixture
def market() -> CardMarket:
    return CardMarket()


def use_up(market: CardMarket) -> None:
    """Ask for as many cards as may be."""
    for _ in range(ATTEMPTS_MAX):
        market.take_another_card()
        market.ask()


def test_after_ten_cards_the_next_one_is_refused(market: CardMarket) -> None:
    use_up(market)
    market.take_another_card()
    with refused("card_bindings_used_up"):
        market.ask()


def test_a_challenge_that_runs_can_be_asked_for_again_when_all_attempts_are_used_up(
    market: CardMarket,
) -> None:
    use_up(market)
    assert market.ask()["state"] == "asked"


def test_giving_a_challenge_up_or_being_refused_gives_no_attempt_back(market: CardMarket) -> None:
    for _ in range(ATTEMPTS_MAX // 2):
        market.ask()
        market.unbind()
        market.ask()
        market.refuse(is_used_up=False)
    with refused("card_bindings_used_up"):
        market.ask()


def test_cards_that_are_bound_use_no_attempts_up_however_often_they_are_bound(market: CardMarket) -> None:
    for _ in range(2 * ATTEMPTS_MAX):
        market.bind()
        market.unbind()
    use_up(market)
    market.take_another_card()
    with refused("card_bindings_used_up"):
        market.ask()


def test_the_last_attempt_can_still_be_proven_and_makes_room(market: CardMarket) -> None:
    use_up(market)
    assert market.prove()["state"] == "bound"
    market.take_another_card()
    assert market.ask()["state"] == "asked"
