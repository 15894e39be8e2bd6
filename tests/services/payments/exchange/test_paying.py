"""Whatever is paid by exchange and goes back in parts: each currency balances, and the margin is never short."""

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from karez.core.ids import NIL, derived_id
from karez.ledger.model import Transfer
from karez.ledger.operations import RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.exchange.legs import exchanged_by
from karez.services.payments.exchange.operations import pay_by_quote
from karez.services.payments.exchange.rates import Rate, cost_of
from karez.services.payments.exchange.records import Quote
from karez.services.payments.house import Currency, House
from karez.services.payments.sources.returning import going_back
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.records import Trade
from karez.services.payments.wallets.records import Wallet

CNY, USD = Currency("CNY", 2, 1, 2, 3), Currency("USD", 2, 4, 5, 6)
HOUSE = House(9, {"CNY": CNY, "USD": USD})
BUYER, SHOP = derived_id(NIL, "buyer"), derived_id(NIL, "shop")
BANK = 2
WALLET = Wallet(BUYER, "CNY", "person", "open", "full", None, 0)

Balances = Counter[tuple[int, UUID]]


def trade_of(price_minor: int, legs: str = "[]") -> Trade:
    return Trade(
        id=derived_id(NIL, "trade"),
        reference="x",
        shop=SHOP,
        buyer=BUYER,
        title="x",
        category="goods",
        mode="escrow",
        currency="USD",
        amount_minor=price_minor,
        state="created",
        held_minor=0,
        released_minor=0,
        returned_minor=0,
        legs=legs,
        legs_refunded_minor=0,
        extended=False,
        due_ns=None,
        created_ns=0,
        paid_ns=None,
        finished_ns=None,
    )


def asking(number: int) -> Asking:
    return Asking(derived_id(NIL, "asking", number), "test", b"", 0)


def book(balances: Balances, transfers: tuple[Transfer, ...]) -> None:
    for each in transfers:
        balances[each.ledger, each.debit_account_id] -= each.amount
        balances[each.ledger, each.credit_account_id] += each.amount


@given(
    price_minor=st.integers(1, 10**9),
    ask=st.integers(1, 10**6),
    margin_bps=st.integers(0, 2_000),
    shares=st.lists(st.integers(1, 50), min_size=1, max_size=6),
    kept=st.integers(0, 50),
)
def test_each_currency_balances_and_the_margin_is_never_short(
    price_minor: int, ask: int, margin_bps: int, shares: list[int], kept: int
) -> None:
    cost = cost_of(Rate(NIL, BANK, "USD", "CNY", 1, ask, 4, 1), price_minor, USD, CNY, margin_bps)
    quote = Quote(
        NIL,
        BUYER,
        NIL,
        BANK,
        NIL,
        "USD",
        price_minor,
        "CNY",
        cost.bank_minor,
        cost.margin_minor,
        "open",
        1,
        0,
    )
    balances: Balances = Counter()
    paid = pay_by_quote(asking(0), HOUSE, trade_of(price_minor), WALLET, quote)
    book(balances, paid.transfers)
    (legs,) = [
        row.changes["legs"] for row in paid.rows if isinstance(row, RowUpdate) and row.table == "trade"
    ]
    before_minor = 0
    for number, share in enumerate(shares, 1):
        part_minor = price_minor * share // (sum(shares) + kept)
        back = going_back(
            asking(number),
            HOUSE,
            trade_of(price_minor, str(legs)),
            source=accounts.escrow("USD"),
            code=TransferCode.RETURN_FROM_ESCROW,
            before_minor=before_minor,
            amount_minor=part_minor,
        )
        book(balances, back.transfers)
        before_minor += part_minor
    for currency in (CNY, USD):
        assert sum(amount for (unit, _), amount in balances.items() if unit == currency.money) == 0
    assert balances[CNY.money, accounts.exchange_margin("CNY")] >= 0
    assert balances[USD.money, accounts.exchange_delivery("USD")] == 0
    assert balances[USD.money, accounts.exchange_position(BANK, "USD")] == before_minor - price_minor
    assert balances[USD.money, accounts.escrow("USD")] == price_minor - before_minor
    assert balances[CNY.money, accounts.wallet(BUYER, "CNY")] <= 0
    back = going_back(
        asking(len(shares) + 1),
        HOUSE,
        trade_of(price_minor, str(legs)),
        source=accounts.escrow("USD"),
        code=TransferCode.RETURN_FROM_ESCROW,
        before_minor=before_minor,
        amount_minor=price_minor - before_minor,
    )
    book(balances, back.transfers)
    assert set(balances.values()) == {0}


def test_a_leg_remembers_how_it_was_exchanged() -> None:
    leg = Leg(source="exchange", account=NIL, amount_minor=1, reference=f"CNY 7124 71 2 {BUYER}")
    found = exchanged_by(leg)
    assert (found.quote, found.bank, found.currency, found.cost.paid_minor) == (BUYER, 2, "CNY", 7_195)
