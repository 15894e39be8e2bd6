"""What is used of a card's limit is free again after 24 hours, and each invariant of cards sees its own damage."""

from collections.abc import Iterator

import pytest

from karez.ledger.invariants import check_book
from karez.services.payments.cards.attempts import ATTEMPTS_MAX
from karez.services.payments.cards.invariants import INVARIANTS
from tests.channels.api.carded import HOLDER, CardTown, Holder, card_number, open_card_town
from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import done

DAMAGE = {
    "cards_have_the_limit_that_they_name": (
        "UPDATE card SET day_max_minor = day_max_minor + 1",
        "UPDATE card SET day_max_minor = day_max_minor - 1",
    ),
    "card_payments_use_the_limit_of_their_card": (
        "UPDATE payment_attempt SET bank_leg = 1",
        "UPDATE payment_attempt SET bank_leg = 0",
    ),
    "declined_card_payments_give_the_limit_back": (
        "UPDATE payment_attempt SET state = 'declined' WHERE state = 'paid'",
        "UPDATE payment_attempt SET state = 'paid' WHERE code = ''",
    ),
    "numbers_of_cards_in_use_are_in_the_vault": (
        "UPDATE card_number SET party = token, token = party",
        "UPDATE card_number SET party = token, token = party",
    ),
}
"""For each invariant what breaks it, and what makes it whole again."""


@pytest.fixture(scope="module")
def people(timed_town: TimedTown, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CardTown]:
    """People with cards, in a town in which time is moved."""
    file = tmp_path_factory.mktemp("bank") / "bank"
    with open_card_town(
        timed_town, timed_town.database, timed_town.book_socket, file, timed_town.clock
    ) as opened:
        yield opened


def paid(people: CardTown, holder: Holder, amount_minor: int) -> str:
    """Pay something by card, and return how it ended."""
    trade = people.town.order(people.town.shop(), amount_minor)
    done(people.pay(holder, trade), 200)
    return str(people.ended(holder.party, trade)["state"])


def broken(people: CardTown) -> set[str]:
    """Return the names of the invariants that do not hold."""
    with people.owner() as conn:
        return {result.name for result in check_book(conn, INVARIANTS) if result.violations}


def test_what_was_paid_yesterday_can_be_paid_again_today(people: CardTown, timed_town: TimedTown) -> None:
    ana = people.holder()
    body = {"payment_max_minor": 1_000, "day_max_minor": 2_000}
    headers = {"Acting-For": ana.party, "Idempotency-Key": fresh_id()}
    done(people.town.bank.put(f"/v1/cards/{ana.card}/limits", json=body, headers=headers), 200)
    assert {paid(people, ana, 1_000) for _ in range(2)} == {"paid"}
    trade = people.town.order(people.town.shop(), 1)
    assert_problem(people.pay(ana, trade), 422, "card_day_limit_exceeded")
    timed_town.clock.leap(DAY_S + 60)
    assert paid(people, ana, 1_000) == "paid"
    assert people.card(ana)["day_left_minor"] == 1_000
    assert broken(people) == set()


def test_who_has_tried_too_many_cards_yesterday_can_bind_one_today(
    people: CardTown, timed_town: TimedTown
) -> None:
    party, number = people.town.person(), card_number()
    people.bank.customer(holder=HOLDER, card=number)
    for _ in range(ATTEMPTS_MAX):
        assert_problem(people.begin(party, card_number()), 422, "card_refused")
    assert_problem(people.begin(party, number), 429, "card_bindings_used_up")
    timed_town.clock.leap(DAY_S + 60)
    card = done(people.begin(party, number), 201).json()["id"]
    assert done(people.prove(party, card, people.code(card)), 200).json()["state"] == "bound"


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_seen(people: CardTown, name: str) -> None:
    ana = people.holder()
    assert paid(people, ana, 1_000) == "paid"
    people.bank.behave(ana.reference, "decline")
    assert paid(people, ana, 1_000) == "created"
    assert broken(people) == set()
    damage, repair = DAMAGE[name]
    with people.owner() as conn:
        conn.execute(damage.encode())
        violated = broken(people)
        conn.execute(repair.encode())
    assert name in violated
    assert broken(people) == set()


def test_each_invariant_has_its_damage() -> None:
    assert {invariant.__name__ for invariant in INVARIANTS} == set(DAMAGE)
