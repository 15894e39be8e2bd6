"""People bind cards and pay with them, over HTTP, with a bank that is a process of its own and may misbehave."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from karez.ledger.invariants import check_book
from karez.services.payments import invariants as payments
from karez.services.payments.cards.attempts import ATTEMPTS_MAX
from tests.channels.api.carded import EXPIRY, HOLDER, CardTown, card_number, open_card_town
from tests.channels.api.making import World, assert_problem, fresh_id
from tests.channels.api.town import Town, done
from tests.simulators.bank_process import BALANCE_MINOR

DAY_MINOR = 1_000_000


@pytest.fixture(scope="module")
def people(
    world: World, socket_path: Path, town: Town, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CardTown]:
    """People with cards; in the end the records, the vault and the book must agree."""
    file = tmp_path_factory.mktemp("bank") / "bank"
    with open_card_town(town, world.database, socket_path, file) as opened:
        yield opened
    with opened.owner() as conn:
        results = check_book(conn, payments.INVARIANTS)
        assert not [each for result in results for each in result.violations]


def test_a_person_binds_a_card_and_pays_with_it(people: CardTown) -> None:
    ana = people.holder()
    card = people.card(ana)
    assert (card["state"], card["scheme"], card["ending"]) == ("bound", "unionpay", ana.number[-4:])
    shop = people.town.shop()
    trade = people.town.order(shop, 3_000)
    assert done(people.pay(ana, trade), 200).json()["state"] == "paying"
    paid = people.ended(ana.party, trade)
    assert (paid["state"], paid["held_minor"]) == ("paid", 3_000)
    assert people.bank.balance(ana.account) == BALANCE_MINOR - 3_000
    assert people.card(ana)["day_left_minor"] == DAY_MINOR - 3_000


def test_the_balance_pays_first_and_the_card_what_is_left(people: CardTown) -> None:
    ana = people.holder(balance_minor=1_000)
    trade = people.town.order(people.town.shop(), 3_000)
    done(people.pay(ana, trade, None, {"kind": "balance"}), 200)
    assert people.ended(ana.party, trade)["state"] == "paid"
    assert people.bank.balance(ana.account) == BALANCE_MINOR - 2_000
    assert people.town.wallet(ana.party)["available_minor"] == 0


def test_the_same_card_has_the_same_id_whenever_it_is_bound(people: CardTown) -> None:
    ana = people.holder()
    facts = assert_problem(people.begin(ana.party, ana.number), 409, "card_bound_before")
    assert facts["card"] == ana.card
    done(people.town.act(ana.party, f"/v1/cards/{ana.card}/unbind", None, fresh_id()), 200)
    spaced = " ".join(ana.number[place : place + 4] for place in range(0, 16, 4))
    assert done(people.begin(ana.party, spaced), 201).json()["id"] == ana.card
    bound = done(people.prove(ana.party, ana.card, people.code(ana.card)), 200).json()
    assert (bound["state"], people.card(ana)["day_left_minor"]) == ("bound", DAY_MINOR)


def test_the_card_of_one_person_has_another_id_for_another(people: CardTown) -> None:
    ana, bo = people.holder(), people.town.person()
    assert done(people.begin(bo, ana.number), 201).json()["id"] != ana.card
    path = f"/v1/cards/{ana.card}/unbind"
    assert_problem(people.town.act(bo, path, None, fresh_id()), 404, "card_not_found")
    trade = people.town.order(people.town.shop(), 100)
    body = {"sources": [{"kind": "card", "card": ana.card}]}
    pay = f"/v1/trades/{trade}/pay"
    assert_problem(people.town.act(bo, pay, body, fresh_id()), 404, "card_not_found")
    assert_problem(people.town.act(ana.party, pay, body), 400, "idempotency_key_missing")


def test_a_request_that_is_sent_again_is_one_binding_with_one_answer(people: CardTown) -> None:
    party, number, key = people.town.person(), card_number(), fresh_id()
    people.bank.customer(holder=HOLDER, card=number)
    first, second = (done(people.begin(party, number, key), 201) for _ in range(2))
    assert first.content == second.content
    assert_problem(people.begin(party, card_number(), key), 422, "id_used_for_another_request")


def test_64_bindings_of_one_card_at_once_are_one_card_and_one_code(people: CardTown) -> None:
    party, number = people.town.person(), card_number()
    people.bank.customer(holder=HOLDER, card=number)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: people.begin(party, number), range(64)))
    (card,) = {done(answer, 201).json()["id"] for answer in answers}
    code = people.code(card)
    with ThreadPoolExecutor(16) as threads:
        proofs = list(threads.map(lambda _: people.prove(party, card, code), range(64)))
    assert {"bound"} == {each.json()["state"] for each in proofs if each.status_code == 200}
    refused = {each.json()["code"] for each in proofs if each.status_code != 200}
    assert refused <= {"card_codes_used_up"}
    assert done(people.prove(party, card, code), 200).json()["state"] == "bound"


def test_wrong_codes_are_counted_and_end_the_challenge(people: CardTown) -> None:
    party, number = people.town.person(), card_number()
    people.bank.customer(holder=HOLDER, card=number)
    card = done(people.begin(party, number), 201).json()["id"]
    wrong = people.wrong_code(card)
    for left in (4, 3):
        assert assert_problem(people.prove(party, card, wrong), 422, "card_code_wrong")["left"] == left
    assert_problem(people.prove(party, card, wrong), 409, "card_codes_used_up")
    assert_problem(people.prove(party, card, people.code(card)), 409, "card_state_wrong")
    assert_problem(people.begin(party, number), 409, "card_binding_paused")


def test_64_wrong_codes_at_once_are_five_at_most_for_the_bank(people: CardTown) -> None:
    party, number = people.town.person(), card_number()
    people.bank.customer(holder=HOLDER, card=number)
    card = done(people.begin(party, number), 201).json()["id"]
    wrong = people.wrong_code(card)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: people.prove(party, card, wrong), range(64)))
    assert {answer.status_code for answer in answers} <= {409, 422}
    state, tries = people.row("SELECT state, tries FROM card WHERE id = %s", card)
    assert (state, tries <= 5) == ("refused", True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": "6200 0000 0000 0000"}, "card_number_wrong"),
        ({"number": "one two three four"}, "card_number_wrong"),
        ({"expiry": "2020-01"}, "card_expired"),
        ({"bank": 99}, "bank_not_open"),
        ({"currency": "USD"}, "currency_not_open"),
        ({"holder": "Somebody else"}, "card_refused"),
    ],
)
def test_what_cannot_be_bound_is_refused(people: CardTown, change: dict[str, object], code: str) -> None:
    number = card_number()
    people.bank.customer(holder=HOLDER, card=number)
    assert_problem(people.begin(people.town.person(), number, **change), 422, code)


def test_a_refused_card_can_be_bound_with_the_right_holder(people: CardTown) -> None:
    party, number = people.town.person(), card_number()
    people.bank.customer(holder=HOLDER, card=number)
    assert_problem(people.begin(party, number, holder="Ana Wong"), 422, "card_refused")
    card = done(people.begin(party, number), 201).json()["id"]
    assert done(people.prove(party, card, people.code(card)), 200).json()["state"] == "bound"


def test_the_eleventh_card_of_a_day_is_refused_and_no_bank_hears_of_it(people: CardTown) -> None:
    party, heard = people.town.person(), people.bank.bindings()
    for _ in range(ATTEMPTS_MAX):
        assert_problem(people.begin(party, card_number()), 422, "card_refused")
    number = card_number()
    people.bank.customer(holder=HOLDER, card=number)
    assert_problem(people.begin(party, number), 429, "card_bindings_used_up")
    assert people.bank.bindings() - heard == ATTEMPTS_MAX
    assert done(people.begin(people.town.person(), number), 201).json()["state"] == "asked"


def test_64_cards_at_once_are_no_more_for_the_bank_than_may_be_tried(people: CardTown) -> None:
    party, heard = people.town.person(), people.bank.bindings()
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: people.begin(party, card_number()), range(64)))
    codes = Counter(answer.json()["code"] for answer in answers)
    assert codes == {"card_refused": ATTEMPTS_MAX, "card_bindings_used_up": 64 - ATTEMPTS_MAX}
    assert people.bank.bindings() - heard == ATTEMPTS_MAX


def test_an_unbound_card_pays_nothing_new_but_what_runs_ends_and_refunds_find_it(people: CardTown) -> None:
    ana, shop = people.holder(), people.town.shop()
    running, later = people.town.order(shop, 2_000, mode="direct"), people.town.order(shop, 100)
    people.bank.behave(ana.reference, "succeed_later", queries=2)
    done(people.pay(ana, running), 200)
    done(people.town.act(ana.party, f"/v1/cards/{ana.card}/unbind", None, fresh_id()), 200)
    assert assert_problem(people.pay(ana, later), 409, "card_not_bound")["state"] == "unbound"
    assert people.ended(ana.party, running)["state"] == "finished"
    refund = {"reference": fresh_id(), "amount_minor": 2_000}
    done(people.town.act(shop, f"/v1/trades/{running}/refunds", refund), 201)
    people.until(lambda: people.bank.balance(ana.account) == BALANCE_MINOR, "the refund")
    sealed, _ = people.row("SELECT sealed, 1 FROM card_number WHERE token = %s", ana.card)
    assert sealed is None


def test_a_card_pays_within_its_limits_which_its_holder_changes_below_the_house_s(people: CardTown) -> None:
    ana, shop = people.holder(), people.town.shop()
    limits = f"/v1/cards/{ana.card}/limits"

    def change(payment: int, day: int) -> httpx.Response:
        body = {"payment_max_minor": payment, "day_max_minor": day}
        headers = {"Acting-For": ana.party, "Idempotency-Key": fresh_id()}
        return people.town.bank.put(limits, json=body, headers=headers)

    assert_problem(people.pay(ana, people.town.order(shop, 500_001)), 422, "card_payment_limit_exceeded")
    assert_problem(change(5_000_001, 9_000_000), 422, "card_limits_out_of_range")
    assert_problem(change(2_000, 1_000), 422, "card_limits_out_of_range")
    done(change(1_000, 1_500), 200)
    first, second = people.town.order(shop, 1_000), people.town.order(shop, 600)
    done(people.pay(ana, first), 200)
    assert people.ended(ana.party, first)["state"] == "paid"
    assert_problem(people.pay(ana, second), 422, "card_day_limit_exceeded")
    assert_problem(change(500, 900), 409, "card_limit_in_use")
    done(change(1_000, 2_000), 200)
    done(people.pay(ana, second), 200)
    assert people.ended(ana.party, second)["state"] == "paid"


def test_64_payments_at_once_never_exceed_the_limit_of_the_day(people: CardTown) -> None:
    ana, shop = people.holder(), people.town.shop()
    trades = [people.town.order(shop, 300_000) for _ in range(64)]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda trade: people.pay(ana, trade), trades))
    accepted = [trade for trade, answer in zip(trades, answers, strict=True) if answer.status_code == 200]
    assert len(accepted) == 3
    refused = {answer.json()["code"] for answer in answers if answer.status_code != 200}
    assert refused == {"card_day_limit_exceeded"}
    assert {people.ended(ana.party, trade)["state"] for trade in accepted} == {"paid"}
    assert people.bank.balance(ana.account) == BALANCE_MINOR - 900_000


@pytest.mark.parametrize("same_key", [True, False])
def test_64_payments_of_one_trade_at_once_are_one_payment(people: CardTown, same_key: bool) -> None:
    ana = people.holder()
    trade, key = people.town.order(people.town.shop(), 700), fresh_id()
    with ThreadPoolExecutor(16) as threads:
        keys = [key if same_key else fresh_id() for _ in range(64)]
        answers = list(threads.map(lambda each: people.pay(ana, trade, each), keys))
    accepted = [answer for answer in answers if answer.status_code == 200]
    assert len({answer.content for answer in accepted}) == 1
    assert len(accepted) == (64 if same_key else 1)
    assert {answer.json()["code"] for answer in answers if answer.status_code != 200} <= {"trade_state_wrong"}
    assert people.ended(ana.party, trade)["state"] == "paid"
    assert people.bank.balance(ana.account) == BALANCE_MINOR - 700
    assert people.card(ana)["day_left_minor"] == DAY_MINOR - 700


@pytest.mark.parametrize("behaviour", ["time_out_before", "time_out_after", "error_after", "reset_after"])
def test_a_payment_without_an_answer_is_asked_for_until_it_is_known(people: CardTown, behaviour: str) -> None:
    ana = people.holder()
    trade = people.town.order(people.town.shop(), 800)
    people.bank.behave(ana.reference, behaviour)
    done(people.pay(ana, trade), 200)
    assert people.ended(ana.party, trade)["state"] == "paid"
    assert people.bank.balance(ana.account) == BALANCE_MINOR - 800
    assert_problem(people.pay(ana, trade, fresh_id()), 409, "trade_state_wrong")


@pytest.mark.parametrize("behaviour", ["answer_late", "answer_twice", "succeed_later", "wrong_duplicate"])
def test_a_payment_is_taken_once_however_its_bank_answers(people: CardTown, behaviour: str) -> None:
    ana = people.holder()
    trade = people.town.order(people.town.shop(), 900)
    people.bank.behave(ana.reference, behaviour, delay_ms=1_000)
    done(people.pay(ana, trade), 200)
    assert people.ended(ana.party, trade)["state"] == "paid"
    assert people.bank.balance(ana.account) == BALANCE_MINOR - 900
    assert people.card(ana)["day_left_minor"] == DAY_MINOR - 900


@pytest.mark.parametrize("behaviour", ["decline", "decline_later"])
def test_what_the_bank_declines_can_be_paid_again_with_the_whole_limit(
    people: CardTown, behaviour: str
) -> None:
    ana = people.holder()
    trade = people.town.order(people.town.shop(), 1_100)
    people.bank.behave(ana.reference, behaviour)
    done(people.pay(ana, trade, fresh_id()), 200)
    assert people.ended(ana.party, trade)["state"] == "created"
    assert people.card(ana)["day_left_minor"] == DAY_MINOR
    assert people.bank.balance(ana.account) == BALANCE_MINOR
    done(people.pay(ana, trade, fresh_id()), 200)
    assert people.ended(ana.party, trade)["state"] == "paid"


def test_what_the_bank_takes_after_it_has_declined_is_the_payer_s(people: CardTown) -> None:
    ana = people.holder()
    trade = people.town.order(people.town.shop(), 1_200)
    people.bank.behave(ana.reference, "wrong_decline")
    done(people.pay(ana, trade), 200)
    assert people.ended(ana.party, trade)["state"] == "created"
    with people.owner() as conn:
        # A notice, a statement or the operator makes it be asked for once more.
        conn.execute("UPDATE bank_instruction SET due_ns = 1 WHERE id = %s", (people.instruction(trade),))
    people.until(lambda: people.town.wallet(ana.party)["available_minor"] == 1_200, "the late money")
    assert people.trade(ana.party, trade)["state"] == "created"
    assert people.card(ana)["day_left_minor"] == DAY_MINOR


def test_a_card_ends_with_its_last_month(people: CardTown) -> None:
    ana = people.holder()
    with people.owner() as conn:
        conn.execute("UPDATE card SET expiry = '2021-05' WHERE id = %s", (UUID(ana.card),))
    trade = people.town.order(people.town.shop(), 100)
    assert_problem(people.pay(ana, trade), 422, "card_expired")
    with people.owner() as conn:
        conn.execute("UPDATE card SET expiry = %s WHERE id = %s", (EXPIRY, UUID(ana.card)))
