"""What of each way to pay is judged: whose money it is, who is paid, how much, and on which device."""

from uuid import UUID

import pytest

from karez.core.ids import derived_id, new_id
from karez.services.payments.agreements.deductions import Deduction, deduction_attempt
from karez.services.payments.bills.paying import bill_attempt
from karez.services.payments.bills.records import Bill
from karez.services.payments.exchange.operations import quote_attempt
from karez.services.payments.exchange.records import Quote
from karez.services.payments.fraud.attempts import PaymentAttempt
from karez.services.payments.holds.operations import Placing, placing_attempt
from karez.services.payments.redpackets.operations import Gift, gift_attempt
from karez.services.payments.trades.records import Trade
from tests.services.payments.agreements.test_schedules import MONTHLY
from tests.services.payments.fraud.conftest import asking
from tests.services.payments.fraud.making import ANA, DEVICE, NOW_NS, TEA_HOUSE

ASKING = asking()
ON_PHONE = (DEVICE,)
SERVICE = new_id(NOW_NS)
BILL = Bill(
    id=new_id(NOW_NS),
    service=SERVICE,
    institution=8,
    reference="2026-10-0001",
    account_number="0012345678",
    label="Water, October",
    currency="CNY",
    amount_minor=5_000,
    paid_minor=0,
    allows_parts=True,
    state="open",
    due_ns=NOW_NS,
    auto_payer=None,
    auto_due_ns=None,
    auto_attempt=0,
    created_ns=NOW_NS,
)
TRADE = Trade(
    id=new_id(NOW_NS),
    reference="tea",
    shop=TEA_HOUSE,
    buyer=None,
    title="Tea",
    category="goods",
    mode="direct",
    currency="USD",
    amount_minor=100,
    state="created",
    held_minor=0,
    released_minor=0,
    returned_minor=0,
    legs="[]",
    legs_refunded_minor=0,
    extended=False,
    due_ns=None,
    created_ns=NOW_NS,
    paid_ns=None,
    finished_ns=None,
)
QUOTE = Quote(
    id=new_id(NOW_NS),
    payer=ANA,
    trade=TRADE.id,
    bank=2,
    rate=new_id(NOW_NS),
    priced="USD",
    price_minor=100,
    paid="CNY",
    bank_minor=700,
    margin_minor=7,
    state="open",
    expires_ns=NOW_NS + 1,
    quoted_ns=NOW_NS,
)
PLACING = Placing(TEA_HOUSE, None, "Room 12", "CNY", 5_000, 60)
GIFT = Gift("CNY", 5_000, 3, "random", None, None)


@pytest.mark.parametrize(
    ("attempt", "shop", "amount_minor"),
    [
        (bill_attempt(ASKING, BILL, ANA, 2_000, ON_PHONE), SERVICE, 2_000),
        (placing_attempt(ASKING, ANA, PLACING, ON_PHONE), TEA_HOUSE, 5_000),
        (gift_attempt(ASKING, ANA, GIFT, ON_PHONE), derived_id(ANA, "red packets"), 5_000),
        (quote_attempt(ASKING, TRADE, ANA, QUOTE, ON_PHONE), TEA_HOUSE, 707),
    ],
    ids=[
        "a bill: a part of it, to its service",
        "a hold",
        "a red packet",
        "a quote: what it costs the payer",
    ],
)
def test_what_a_payer_asks_for_is_judged_with_the_device(
    attempt: PaymentAttempt, shop: UUID, amount_minor: int
) -> None:
    assert attempt == PaymentAttempt(
        id=ASKING.id,
        person=ANA,
        shop=shop,
        currency="CNY",
        amount_minor=amount_minor,
        at_ns=NOW_NS,
        device=ON_PHONE,
    )


def test_what_a_shop_deducts_is_a_payment_of_the_payer_without_a_device() -> None:
    assert deduction_attempt(ASKING, MONTHLY, Deduction("usage-1", 1_000)) == PaymentAttempt(
        id=ASKING.id,
        person=MONTHLY.payer,
        shop=MONTHLY.shop,
        currency="CNY",
        amount_minor=1_000,
        at_ns=NOW_NS,
    )
