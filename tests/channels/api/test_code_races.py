"""Sixty-four at once: an order's code and a pay code pay once, a sticker pays as often as people pay by it."""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx
import pytest

from tests.channels.api.making import fresh_id
from tests.channels.api.till import (
    charge,
    code_of_order,
    funds,
    pay,
    pay_code,
    read,
    sticker,
    takings,
    tea_house,
)
from tests.channels.api.town import Town, done

SEEDS = range(20 if os.environ.get("KAREZ_LONG") else 2)
MANY = 64
BALANCE_MINOR = 10_000

T = TypeVar("T")


@pytest.fixture(scope="module")
def payers(town: Town) -> list[str]:
    """Sixty-four people."""
    return [town.person(len(SEEDS) * BALANCE_MINOR) for _ in range(MANY)]


@pytest.fixture(scope="module")
def shops(town: Town) -> list[str]:
    """Sixty-four shops."""
    return [town.shop() for _ in range(MANY)]


def at_once(ask: Callable[[T], httpx.Response], each: Iterable[T]) -> list[httpx.Response]:
    with ThreadPoolExecutor(MANY) as threads:
        return list(threads.map(ask, each))


def outcomes(answers: Iterable[httpx.Response]) -> Counter[str]:
    """Count what was answered: a status below 300 as such, a refusal by its code."""
    return Counter(
        str(answer.status_code) if answer.is_success else answer.json()["code"] for answer in answers
    )


def total(town: Town, parties: Iterable[str]) -> int:
    return sum(funds(town, party) for party in parties)


@pytest.mark.parametrize("seed", SEEDS)
def test_of_64_payers_one_pays_an_order(town: Town, payers: list[str], seed: int) -> None:
    shop, before = tea_house(town), total(town, payers)
    trade, text = code_of_order(town, shop, 100 + seed, mode=("direct", "escrow")[seed % 2])
    answers = at_once(lambda payer: pay(town, payer, text), payers)
    assert outcomes(answers) == {"200": 1, "qr_order_gone": MANY - 1}
    assert before - total(town, payers) == 100 + seed
    (winner,) = [payer for payer, answer in zip(payers, answers, strict=True) if answer.is_success]
    assert done(read(town, shop, f"/v1/trades/{trade}"), 200).json()["buyer"] == winner


@pytest.mark.parametrize("seed", SEEDS)
def test_of_64_shops_one_charges_a_code(town: Town, shops: list[str], seed: int) -> None:
    ana = town.person(BALANCE_MINOR)
    shown = pay_code(town, ana)
    answers = at_once(lambda shop: charge(town, shop, shown["code"], 100 + seed), shops)
    assert outcomes(answers) == {"201": 1, "pay_code_used": MANY - 1}
    assert funds(town, ana) == BALANCE_MINOR - 100 - seed
    (charged,) = [answer.json()["id"] for answer in answers if answer.is_success]
    assert done(read(town, ana, f"/v1/pay-codes/{shown['id']}"), 200).json()["trade"] == charged


@pytest.mark.parametrize("seed", SEEDS)
def test_one_shop_that_asks_64_times_charges_once(town: Town, seed: int) -> None:
    shop, ana = town.shop(), town.person(BALANCE_MINOR)
    code = pay_code(town, ana)["code"]
    answers = at_once(lambda number: charge(town, shop, code, 100 + number), range(MANY))
    assert outcomes(answers) == {"201": 1, "pay_code_used": MANY - 1}
    (charged,) = [answer.json()["amount_minor"] for answer in answers if answer.is_success]
    assert (BALANCE_MINOR - funds(town, ana), takings(town, shop)) == (charged, charged)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_request_that_is_sent_64_times_charges_once_and_gets_one_answer(town: Town, seed: int) -> None:
    shop, ana = town.shop(), town.person(BALANCE_MINOR)
    code, key, reference = pay_code(town, ana)["code"], fresh_id(), fresh_id()
    answers = at_once(lambda _: charge(town, shop, code, 100 + seed, key, reference=reference), range(MANY))
    assert outcomes(answers) == {"201": MANY}
    assert len({answer.content for answer in answers}) == 1
    assert funds(town, ana) == BALANCE_MINOR - 100 - seed


@pytest.mark.parametrize("seed", SEEDS)
def test_64_codes_for_one_reference_are_one_sale(town: Town, payers: list[str], seed: int) -> None:
    shop, reference, before = town.shop(), fresh_id(), total(town, payers)
    codes = [pay_code(town, payer)["code"] for payer in payers]
    answers = at_once(lambda code: charge(town, shop, code, 100 + seed, reference=reference), codes)
    assert outcomes(answers) == {"201": 1, "reference_used": MANY - 1}
    assert before - total(town, payers) == 100 + seed == takings(town, shop)


@pytest.mark.parametrize("seed", SEEDS)
def test_64_payers_all_pay_by_one_sticker(town: Town, payers: list[str], seed: int) -> None:
    shop, before = tea_house(town), total(town, payers)
    text = sticker(town, shop)["text"]
    asked = [(payer, 100 + seed + number) for number, payer in enumerate(payers)]
    answers = at_once(lambda each: pay(town, each[0], text, each[1]), asked)
    assert outcomes(answers) == {"200": MANY}
    assert len({answer.json()["id"] for answer in answers}) == MANY
    paid_minor = sum(amount_minor for _, amount_minor in asked)
    assert before - total(town, payers) == paid_minor == takings(town, shop)
