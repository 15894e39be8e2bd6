"""A coupon is money that its campaign has set aside, and what becomes of it."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karez.core.ids import NIL
from karez.services.payments import accounts
from karez.services.payments.sources import campaigns
from karez.services.payments.sources.coupon import reservation
from karez.services.payments.sources.coupon_records import Campaign, Coupon
from tests.services.payments.buying import DAY_NS, Market
from tests.services.payments.memory_karez import BANK, CNY, HOUSE, refused

SECOND_NS = 1_000_000_000


@pytest.fixture
def market() -> Market:
    return Market()


def coupon(market: Market) -> Coupon:
    return market.karez.row("coupon", Coupon)


def test_a_campaign_of_two_coupons_gives_two_people_one_each(market: Market) -> None:
    campaign = market.campaign(500, count=2)
    people = [market.karez.party("person") for _ in range(3)]
    for person in people[:2]:
        market.claim(campaign, person)
    with refused("coupons_gone"):
        market.claim(campaign, people[2])
    with refused("coupon_claimed_before"):
        market.claim(campaign, people[0])


def test_a_campaign_that_is_over_gives_nothing_and_its_coupons_pay_nothing(market: Market) -> None:
    campaign = market.campaign(500)
    gift = market.claim(campaign)
    market.karez.now_ns += 30 * DAY_NS
    with refused("campaign_closed"):
        market.claim(campaign, market.shop)
    with refused("coupon_expired"):
        market.pay(market.order(1_000), gift, None)


@given(until_ns=st.integers(1, 10**18))
def test_the_money_of_a_coupon_is_free_when_it_is_worth_nothing_and_not_before(until_ns: int) -> None:
    transfer = reservation(NIL, NIL, 500, CNY, 0, until_ns)
    assert until_ns <= transfer.timeout_s * SECOND_NS < until_ns + SECOND_NS


def test_a_coupon_that_expired_meanwhile_is_not_given_back(market: Market) -> None:
    id_ = market.finished(1_000, market.coupon(300), None)
    market.karez.now_ns += 30 * DAY_NS
    market.refund(id_, 1_000)
    assert coupon(market).state == "used"
    assert market.karez.owed(accounts.wallet(market.buyer, "CNY")) == 100_000


def test_a_coupon_is_given_back_by_a_return_of_everything_alone(market: Market) -> None:
    gift = market.coupon(300)
    market.refund(market.paid(1_000, gift, None), 1_000)
    assert coupon(market).state == "claimed"
    id_ = market.finished(1_000, gift, None)
    market.refund(id_, 700)
    market.refund(id_, 300)
    assert (coupon(market).state, coupon(market).worth_minor) == ("claimed", 300)
    id_ = market.finished(1_000, gift, None)
    market.refund(id_, 701)
    market.refund(id_, 299)
    assert coupon(market).state == "used"


def test_a_coupon_behind_the_balance_is_not_given_back_while_something_is_sold(market: Market) -> None:
    poor = market.coupon(300)
    market.karez.now_ns += 1
    id_ = market.finished(100_200, None, poor)
    market.refund(id_, 200)
    assert coupon(market).state == "used"


def test_the_funder_gets_what_nobody_holds_and_later_what_comes_back(market: Market) -> None:
    campaign = market.campaign(500, count=10)
    kept = market.claim(campaign)
    clearing = accounts.clearing(BANK, "CNY")
    before = market.karez.owed(clearing)

    def close() -> int:
        now = market.karez.row("coupon_campaign", Campaign, id=campaign.id)
        market.karez.carry(campaigns.close(market.karez.asking(), HOUSE, now, BANK))
        return market.karez.owed(clearing) - before

    assert close() == 4_500
    id_ = market.finished(1_000, kept, None)
    market.refund(id_, 600)
    assert close() == 4_600
    with refused("campaign_closed"):
        market.claim(market.karez.row("coupon_campaign", Campaign, id=campaign.id), market.shop)


def test_a_shop_pays_for_its_campaign_from_its_wallet(market: Market) -> None:
    with refused("balance_too_low"):
        market.campaign(500, by_shop=True)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_campaigns_money_is_never_lost_nor_made(data: st.DataObject) -> None:
    market = Market()
    campaign = market.campaign(500, count=4)
    people = [market.buyer, market.karez.party("person"), market.karez.party("person")]
    for person in people:
        market.claim(campaign, person)
    gift = campaigns.coupon_id(campaign.id, market.buyer)
    price = data.draw(st.integers(1, 1_500))
    id_ = market.finished(price, gift, None)
    cuts = data.draw(st.sets(st.integers(0, price), max_size=5))
    for before, after in itertools.pairwise(sorted({0, price, *cuts})):
        market.refund(id_, after - before)
    assert market.karez.owed(accounts.coupon_budget(campaign.id)) == 2_000
    assert market.karez.owed(accounts.wallet(market.buyer, "CNY")) == 100_000
    held = market.karez.rows("coupon", Coupon, state="claimed")
    set_aside = market.karez.balance(accounts.coupon_budget(campaign.id)).debits_pending
    assert set_aside == sum(each.worth_minor for each in held)
