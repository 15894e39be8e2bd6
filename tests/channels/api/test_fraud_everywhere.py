"""Whichever way money leaves a payer, it is judged before; and what was judged or agreed to before is not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from karez.core.ids import derived_id
from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from karez.services.payments.agreements.due import SWEEPS
from tests.channels.api.billing import Biller, biller
from tests.channels.api.making import DAY_NS, HARBOUR_BANK, assert_problem, fresh_id
from tests.channels.api.test_agreements import DAILY, leap_to_nine, sign, takings
from tests.channels.api.test_exchange import ask_quote, give_rate, put, sold_in_usd
from tests.channels.api.test_fraud import FUNDS, LARGE, confirm, decisions
from tests.channels.api.test_holds import capture, place
from tests.channels.api.timed import TimedTown
from tests.channels.api.town import CURRENCY, Town, done, open_town

NUMBER = "0012345678"


@dataclass(frozen=True)
class Street(TimedTown):
    """A town with a biller, a bank that exchanges dollars, and a program that makes sure of people in a second way.

    Attributes:
        water: Sends bills.
        second: Makes sure of people.
    """

    water: Biller
    second: httpx.Client


@pytest.fixture(scope="module")
def street(timed_town: TimedTown) -> Iterator[Street]:
    open_town(timed_town.bank, timed_town.operator, "USD")
    for currency in ("USD", CURRENCY):
        done(put(timed_town.bank, f"/v1/exchange-limits/{currency}", {"limit_minor": FUNDS}), 200)
    pair = {"paid": CURRENCY, "priced": "USD", "margin_bps": 100, "quote_s": 300}
    done(put(timed_town.operator, "/v1/exchange-pairs", pair), 200)
    give_rate(timed_town)
    scopes = (Permission.PAYMENTS_READ, Permission.PAYMENTS_WRITE)
    token = timed_town.world.token(Owner(institution=HARBOUR_BANK), *scopes, life_ns=3_650 * DAY_NS)
    with (
        biller(timed_town.api, timed_town.world, timed_town.operator) as water,
        timed_town.api.client(token) as second,
    ):
        yield Street(**vars(timed_town), water=water, second=second)


@dataclass(frozen=True)
class Way:
    """A payment that is asked for in the same way again and again.

    Attributes:
        path: Where it is asked for.
        asker: For whom: the payer or, of a deduction, the shop.
        body: What is asked for.
        shop: Who is paid, as it is judged.
        amount_minor: What the payer loses.
    """

    path: str
    asker: str
    body: Any
    shop: str
    amount_minor: int

    def ask(self, town: Town, device: str | None = None, key: str | None = None) -> httpx.Response:
        """Ask for it."""
        headers = {"Acting-For": self.asker}
        headers |= {} if device is None else {"Device-Id": device}
        headers |= {} if key is None else {"Idempotency-Key": key}
        return town.bank.post(self.path, json=self.body, headers=headers)


def a_bill(street: Street, payer: str) -> Way:
    service = street.water.service()
    (bill,) = street.water.upload(service, [{"account_number": NUMBER, "amount_minor": 6_000}])
    body = {"id": fresh_id(), "account_number": NUMBER, "amount_minor": 6_000}
    return Way(f"/v1/bills/{bill}/pay", payer, body, service, 6_000)


def a_hold(street: Street, payer: str) -> Way:
    shop = street.shop()
    body = {"id": fresh_id(), "shop": shop, "title": "Room", "currency": CURRENCY, "amount_minor": 6_000}
    return Way("/v1/holds", payer, body, shop, 6_000)


def a_red_packet(street: Street, payer: str) -> Way:
    body = {"id": fresh_id(), "currency": CURRENCY, "amount_minor": 6_000, "share_count": 3}
    return Way("/v1/red-packets", payer, body, str(derived_id(UUID(payer), "red packets")), 6_000)


def a_quote(street: Street, payer: str) -> Way:
    shop, trade = sold_in_usd(street, 1_000)
    quote = ask_quote(street, payer, trade)
    return Way(f"/v1/exchange-quotes/{quote['id']}/pay", payer, None, shop, 7_070)


def a_deduction(street: Street, payer: str) -> Way:
    shop = street.shop()
    agreement = sign(street, payer, shop, amount_max_minor=6_000)
    body = {"reference": fresh_id(), "amount_minor": 6_000}
    return Way(f"/v1/agreements/{agreement}/deductions", shop, body, shop, 6_000)


BY_THE_PAYER = (a_bill, a_hold, a_red_packet, a_quote)
ANY_WAY = (*BY_THE_PAYER, a_deduction)
Making = Callable[[Street, str], Way]


def purse(town: Town, party: str) -> tuple[int, int]:
    wallet = town.wallet(party)
    return wallet["available_minor"], wallet["reserved_minor"]


def block(town: Town, **whom: str) -> None:
    town.decide("/v1/fraud/list", {**whom, "verdict": "block", "reason": "Stolen."})


@pytest.mark.parametrize("making", ANY_WAY)
def test_a_blocked_payer_pays_in_no_way(street: Street, making: Making) -> None:
    street.judge_by({})
    payer = street.person(FUNDS)
    way = making(street, payer)
    block(street, kind="person", party=payer)
    first = way.ask(street)
    assert_problem(first, 403, "payment_refused")
    assert way.ask(street).content == first.content
    assert purse(street, payer) == (FUNDS, 0)
    (decision,) = decisions(street, party=payer)
    assert (decision["shop"], decision["amount_minor"]) == (way.shop, way.amount_minor)
    assert decision["reasons"][0]["rule"] == "blocked_person"


@pytest.mark.parametrize("making", BY_THE_PAYER)
def test_a_blocked_device_pays_in_no_way(street: Street, making: Making) -> None:
    street.judge_by({})
    payer, device = street.person(FUNDS), f"phone-{fresh_id()}"
    block(street, kind="device", device=device)
    assert_problem(making(street, payer).ask(street, device), 403, "payment_refused")
    assert purse(street, payer) == (FUNDS, 0)


@pytest.mark.parametrize("making", ANY_WAY)
def test_what_the_payer_confirms_passes_once(street: Street, making: Making) -> None:
    street.judge_by(LARGE)
    payer = street.person(FUNDS)
    way = making(street, payer)
    challenge = assert_problem(way.ask(street), 403, "payment_needs_confirmation")["challenge"]
    own = street.act(payer, f"/v1/payment-challenges/{challenge}/confirm")
    assert_problem(own, 403, "challenge_asked_by_you")
    assert purse(street, payer) == (FUNDS, 0)
    done(confirm(street.second, payer, challenge), 200)
    paid = way.ask(street)
    assert paid.status_code in {200, 201}, paid.text
    left_minor, reserved_minor = purse(street, payer)
    assert (left_minor, reserved_minor in {0, way.amount_minor}) == (FUNDS - way.amount_minor, True)
    assert way.ask(street).content == paid.content
    assert purse(street, payer) == (left_minor, reserved_minor)
    if "location" in paid.headers:
        done(street.bank.get(paid.headers["location"], headers={"Acting-For": payer}), 200)


def test_a_deduction_that_was_not_confirmed_in_time_is_asked_for_anew_in_the_same_period(
    street: Street,
) -> None:
    street.judge_by(LARGE)
    payer = street.person(FUNDS)
    way = a_deduction(street, payer)
    first = way.ask(street)
    street.clock.leap(15 * 60)
    assert way.ask(street).content == first.content
    key = fresh_id()
    challenge = assert_problem(way.ask(street, key=key), 403, "payment_needs_confirmation")["challenge"]
    assert challenge != first.json()["facts"]["challenge"]
    done(confirm(street.second, payer, challenge), 200)
    assert done(way.ask(street, key=key), 201).json()["period"] == 0
    assert purse(street, payer) == (FUNDS - way.amount_minor, 0)


def test_what_is_captured_of_a_hold_was_judged_with_the_hold(street: Street) -> None:
    street.judge_by({})
    payer, shop = street.person(FUNDS), street.shop()
    hold = place(street, payer, shop)
    block(street, kind="person", party=payer)
    done(capture(street, hold, shop, 400), 200)


def test_what_the_payer_has_agreed_to_beforehand_is_deducted_by_its_schedule(street: Street) -> None:
    street.judge_by({})
    payer, shop = street.person(FUNDS), street.shop()
    sign(street, payer, shop, fixed_minor=1_000, period=DAILY, notice_days=0)
    block(street, kind="person", party=payer)
    for _ in range(3):
        leap_to_nine(street)
        street.sweep(SWEEPS)
    assert takings(street, shop) > 0
