"""Where a bank pays a part, the other parts wait for its answer, and all of them are paid or none is."""

import pytest

from karez.services.payments import accounts
from karez.services.payments.banks.endings import unsettled
from karez.services.payments.banks.records import BankChoice, Instruction
from karez.services.payments.banks.states import State
from karez.services.payments.sources.attempts import Attempt
from karez.services.payments.sources.banked import BankFunds
from karez.services.payments.sources.coupon_records import Coupon
from karez.services.payments.wallets import operations as wallets
from tests.services.payments.buying import DAY_NS, Market
from tests.services.payments.memory_karez import BANK, HOUSE, refused

pytestmark = pytest.mark.usefixtures("cards")

CLEARING = accounts.clearing(BANK, "CNY")
TOKEN = "token-1"


@pytest.fixture
def market() -> Market:
    return Market()


def wallet(market: Market) -> tuple[int, int]:
    """Return what is in the buyer's wallet, and what can be spent of it."""
    account = accounts.wallet(market.buyer, "CNY")
    return market.karez.owed(account), market.karez.free(account)


def asked(market: Market) -> Instruction:
    (found,) = market.waiting()
    return found


def test_the_bank_is_asked_for_what_the_other_sources_leave(market: Market) -> None:
    gift = market.coupon(500)
    id_ = market.order(150_000)
    assert market.pay(id_, gift, None, TOKEN)["state"] == "paying"
    assert wallet(market) == (100_000, 0)
    instruction = asked(market)
    assert (instruction.amount_minor, instruction.reference, instruction.direction) == (
        49_500,
        TOKEN,
        "collect",
    )
    held_before = market.karez.owed(CLEARING)
    market.answer(instruction, State.SUCCEEDED)
    trade = market.trade(id_)
    assert (trade.state, trade.held_minor, trade.buyer) == ("paid", 150_000, market.buyer)
    assert [(leg.source, leg.amount_minor) for leg in trade.paid_from] == [
        ("coupon", 500),
        ("balance", 100_000),
        ("card", 49_500),
    ]
    assert market.karez.owed(accounts.escrow("CNY")) == 150_000
    assert market.karez.owed(CLEARING) == held_before - 49_500
    assert wallet(market) == (0, 0)


@pytest.mark.parametrize("end", [State.DECLINED, State.GIVEN_UP])
def test_when_the_bank_declines_everybody_has_back_what_was_reserved(market: Market, end: State) -> None:
    gift = market.coupon(500)
    id_ = market.order(150_000)
    market.pay(id_, gift, None, TOKEN)
    market.karez.now_ns += DAY_NS // 2
    market.answer(asked(market), end)
    trade = market.trade(id_)
    assert (trade.state, trade.legs, trade.held_minor) == ("created", "[]", 0)
    assert trade.due_ns == market.karez.now_ns + DAY_NS
    assert wallet(market) == (100_000, 100_000)
    assert market.karez.row("coupon", Coupon).state == "claimed"
    assert market.karez.row("payment_attempt", Attempt).state == "declined"
    market.pay(id_, gift, None, TOKEN)
    market.answer(asked(market), State.SUCCEEDED)
    assert market.trade(id_).state == "paid"


def test_while_the_bank_is_asked_nobody_else_pays_and_nothing_is_spent_twice(market: Market) -> None:
    gift = market.coupon(500)
    id_, other = market.order(101_000), market.order(400)
    market.pay(id_, gift, None, TOKEN)
    with refused("trade_state_wrong"):
        market.pay(id_, None)
    with refused("coupon_used"):
        market.pay(other, gift)
    with refused("balance_too_low"):
        market.pay(other)


def test_the_limit_of_24_hours_is_used_while_the_bank_is_asked_and_free_when_it_declines(
    market: Market,
) -> None:
    karez = market.karez
    karez.carry(wallets.change_level(karez.asking(), HOUSE, karez.wallet(market.buyer), "basic"))
    room = accounts.limit(market.buyer, "CNY")
    before = karez.free(room)
    id_ = market.order(101_000)
    with refused("payment_limit_exceeded"):
        market.pay(market.order(100_001), None)
    market.pay(id_, None, TOKEN)
    assert karez.free(room) == before - 100_000
    market.answer(asked(market), State.DECLINED)
    assert karez.free(room) == before
    market.pay(id_, None, TOKEN)
    # By the time of this answer the use of the limit has ended by itself, and is nothing to be lifted.
    karez.now_ns += DAY_NS
    market.answer(asked(market), State.DECLINED)
    assert market.trade(id_).state == "created"


def test_what_the_bank_pays_after_it_declined_is_the_buyers(market: Market) -> None:
    id_ = market.order(3_000)
    market.pay(id_, TOKEN)
    market.answer(asked(market), State.DECLINED)
    (late,) = market.karez.rows("bank_instruction", Instruction)
    karez = market.karez
    karez.carry(
        unsettled(karez.asking(), HOUSE, late, State.SUCCEEDED_LATE, "", has_wallet=True, why="It paid late.")
    )
    assert wallet(market) == (103_000, 103_000)
    assert market.trade(id_).state == "created"


def test_a_refund_goes_out_to_the_card_again_the_card_first(market: Market) -> None:
    id_ = market.order(103_000, "direct")
    market.pay(id_, None, TOKEN)
    market.answer(asked(market), State.SUCCEEDED)
    made = market.refund(id_, 4_000)
    assert made["parts"] == [
        {"source": "card", "amount_minor": 3_000},
        {"source": "balance", "amount_minor": 1_000},
    ]
    assert wallet(market) == (4_000, 1_000)
    instruction = asked(market)
    assert (instruction.direction, instruction.amount_minor, instruction.reference) == (
        "pay_out",
        3_000,
        TOKEN,
    )
    held_before = market.karez.owed(CLEARING)
    market.answer(instruction, State.SUCCEEDED)
    assert market.karez.owed(CLEARING) == held_before + 3_000
    assert wallet(market) == (1_000, 1_000)


def test_what_the_bank_cannot_pay_out_to_the_card_stays_in_the_wallet(market: Market) -> None:
    id_ = market.order(3_000)
    market.pay(id_, TOKEN)
    market.answer(asked(market), State.SUCCEEDED)
    market.refund(id_, 3_000)
    assert wallet(market) == (103_000, 100_000)
    market.answer(asked(market), State.DECLINED)
    assert wallet(market) == (103_000, 103_000)


def test_many_refunds_to_a_card_alone_need_not_know_of_each_other(market: Market) -> None:
    id_ = market.order(3_000, "direct")
    market.pay(id_, TOKEN)
    market.answer(asked(market), State.SUCCEEDED)
    made = [market.refund_operation(id_, 1_000), market.refund_operation(id_, 2_000)]
    assert market.karez.submit(made[0]).accepted
    # The second one was decided before the first was made, and opens the same account of what is left.
    assert market.karez.submit(made[1]).code == "account_exists"
    again = [market.refund_operation(id_, 500), market.refund_operation(id_, 500)]
    assert [market.karez.submit(each).accepted for each in again] == [True, True]


def test_a_payment_asks_one_bank_within_its_limit(market: Market) -> None:
    id_ = market.order(3_000)
    funds = BankFunds("card", market.card_bank, "CNY", TOKEN, payment_max_minor=2_999)
    with refused("bank_payment_limit_exceeded"):
        funds.most_minor(0, 3_000, None)
    assert funds.most_minor(0, 2_999, None) == 2_999
    market.card_bank = BankChoice(BANK, ["CNY"], "paused")
    with refused("bank_not_open"):
        market.pay(id_, TOKEN)


def test_a_card_that_is_not_needed_is_not_asked(market: Market) -> None:
    id_ = market.order(3_000)
    assert market.pay(id_, None, TOKEN)["state"] == "paid"
    assert market.waiting() == []
