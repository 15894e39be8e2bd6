"""Whoever comes too late hears that, and not that money is missing which is there."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.town import Town, done

BALANCE = {"sources": [{"kind": "balance"}]}


def paid_at_once(town: Town, payer: str, trade: str, body: Any) -> list[httpx.Response]:
    with ThreadPoolExecutor(64) as pool:
        path, keys = f"/v1/trades/{trade}/pay", [fresh_id() for _ in range(64)]
        return list(pool.map(lambda key: town.act(payer, path, body, key), keys))


@pytest.mark.parametrize("body", [None, BALANCE], ids=["at the desk", "from sources"])
def test_of_64_who_pay_one_trade_from_one_wallet_63_hear_that_it_is_paid(town: Town, body: Any) -> None:
    for _ in range(5):
        payer, trade = town.person(150), town.order(town.shop(), 100)
        answers = paid_at_once(town, payer, trade, body)
        losers = [answer for answer in answers if answer.status_code != 200]
        assert len(losers) == 63
        for answer in losers:
            assert_problem(answer, 409, "trade_state_wrong")
        assert town.wallet(payer)["available_minor"] == 50


@pytest.mark.parametrize("body", [None, BALANCE], ids=["at the desk", "from sources"])
def test_whoever_has_too_little_still_hears_that(town: Town, body: Any) -> None:
    payer, trade = town.person(99), town.order(town.shop(), 100)
    answer = town.act(payer, f"/v1/trades/{trade}/pay", body, fresh_id())
    assert_problem(answer, 422, "balance_too_low")
    town.deposit(payer, 1)
    done(town.act(payer, f"/v1/trades/{trade}/pay", body, fresh_id()), 200)
