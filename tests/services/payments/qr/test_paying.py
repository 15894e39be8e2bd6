"""Paying by sticker, by an order's code and by showing a code, on a real book."""

import secrets
from uuid import UUID

import pytest

from karez.core.clock import SimulatedClock
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.qr import operations
from karez.services.payments.qr.doors import PaymentAsked, resolve
from karez.services.payments.qr.emv import Shopfront
from karez.services.payments.qr.karez_codes import code_of_shop, code_of_trade
from karez.services.payments.qr.ordering import as_trade, from_balance
from karez.services.payments.qr.pay_codes import fingerprints, pay_code, sealer
from karez.services.payments.qr.records import (
    PayCode,
    ShopCode,
    ShownFront,
    find_front,
    find_pay_code,
    find_shop_code,
    forget_unused,
    shop_codes,
)
from karez.services.payments.trades import operations as trades
from karez.services.payments.trades.operations import Order
from karez.services.payments.trades.records import Trade, find_trade
from karez.services.payments.trades.states import State
from karez.services.payments.wallets.records import Wallet
from karez.storage.database import connect
from karez.storage.tenant import as_operator, as_person
from tests.conftest import SECRET_KEY
from tests.parties.making import refused
from tests.services.payments.qr.street import TEA_HOUSE, Street

CODES = sealer(SECRET_KEY)


def order_of(amount_minor: int, reference: str | None = None, mode: trades.Mode = "direct") -> Order:
    reference = reference or secrets.token_hex(8)
    return Order(reference, "Green tea", "service", mode, "CNY", amount_minor, None)


def ordered(street: Street, shop: UUID, new: Order) -> Trade:
    street.done(trades.order(street.asking(), street.house, shop, new))
    return trade(street, shop, trades.trade_id(shop, new.reference))


def trade(street: Street, party: UUID, id_: UUID) -> Trade:
    with connect(street.database.web) as conn, as_person(conn, party):
        return find_trade(conn, id_)


def scanned(street: Street, payer: UUID, text: str) -> PaymentAsked:
    with connect(street.database.web) as conn, as_person(conn, payer):
        return resolve(conn, text)


def sticker(street: Street, shop: ShownFront, label: str = "till 2") -> ShopCode:
    street.done(operations.make_shop_code(street.asking(), street.house, shop, "CNY", label))
    with connect(street.database.web) as conn, as_person(conn, shop.shop):
        return shop_codes(conn, shop.shop, None, 1)[0]


def by_sticker(
    asking: Asking, street: Street, code: ShopCode, shop: ShownFront, amount_minor: int, payer: Wallet
) -> Operation:
    new = operations.order_by_sticker(asking.id, code, shop, amount_minor, payer.party)
    payment = from_balance(as_trade(code.shop, new, asking.now_ns), payer)
    return operations.pay_shop_code(asking, street.house, code, new, payment, {})


def shown_code(street: Street, payer: UUID) -> str:
    asking = street.asking()
    street.done(operations.make_pay_code(asking, CODES, payer))
    return pay_code(CODES, asking.id)


def found(street: Street, code: str) -> PayCode:
    with connect(street.database.web) as conn, as_operator(conn):
        return find_pay_code(conn, fingerprints(CODES, code))


@pytest.fixture
def ana(street: Street) -> Wallet:
    return street.person(10_000)


@pytest.fixture
def tea_house(street: Street) -> ShownFront:
    return street.shop()


def test_a_payer_scans_a_sticker_types_the_amount_and_the_shop_has_it(
    street: Street, ana: Wallet, tea_house: ShownFront
) -> None:
    code = sticker(street, tea_house)
    asked = scanned(street, ana.party, code_of_shop(code.id, TEA_HOUSE, "CNY", code.label).text())
    assert asked == PaymentAsked(tea_house.shop, tea_house, "CNY", None, code=code)
    street.done(by_sticker(street.asking(), street, code, tea_house, 1_230, ana))
    assert (street.balance(ana.party), street.takings(tea_house.shop)) == (8_770, 1_230)


def test_paying_a_sticker_leaves_a_finished_trade_that_both_sides_see(
    street: Street, ana: Wallet, tea_house: ShownFront
) -> None:
    code = sticker(street, tea_house)
    asking = street.asking()
    street.done(by_sticker(asking, street, code, tea_house, 1_230, ana))
    id_ = trades.trade_id(tea_house.shop, f"qr-{asking.id.hex}")
    paid = trade(street, ana.party, id_)
    assert paid == trade(street, tea_house.shop, id_)
    assert (paid.standing, paid.buyer, paid.released_minor) == (State.FINISHED, ana.party, 1_230)
    assert paid.title == "坎儿井茶馆 (till 2)"
    assert paid.due_ns is None


def test_a_payer_scans_the_code_of_an_order_and_pays_it_once(
    street: Street, ana: Wallet, tea_house: ShownFront
) -> None:
    open_order = ordered(street, tea_house.shop, order_of(2_500))
    text = code_of_trade(open_order.id, open_order.reference, TEA_HOUSE, "CNY", 2_500).text()
    asked = scanned(street, ana.party, text)
    assert asked == PaymentAsked(tea_house.shop, tea_house, "CNY", 2_500, trade=open_order)
    pay = [trades.pay_from_balance(street.asking(), street.house, open_order, ana) for _ in range(2)]
    assert sorted(outcome.code for outcome in street.commit(*pay)) == ["", "row_state_changed"]
    assert street.balance(ana.party) == 7_500


@pytest.mark.parametrize(("currency", "amount_minor"), [("CNY", 2_499), ("CNY", 250), ("USD", 2_500)])
def test_a_forged_price_is_noticed(
    street: Street, ana: Wallet, tea_house: ShownFront, currency: str, amount_minor: int
) -> None:
    open_order = ordered(street, tea_house.shop, order_of(2_500))
    forged = code_of_trade(open_order.id, open_order.reference, TEA_HOUSE, currency, amount_minor)
    with refused("qr_price_differs"):
        scanned(street, ana.party, forged.text())


def test_the_order_of_another_buyer_is_not_shown(street: Street, ana: Wallet, tea_house: ShownFront) -> None:
    ben = street.person(0)
    new = Order("for-ben", "Green tea", "service", "direct", "CNY", 2_500, ben.party)
    street.done(trades.order(street.asking(), street.house, tea_house.shop, new))
    id_ = trades.trade_id(tea_house.shop, "for-ben")
    text = code_of_trade(id_, "for-ben", TEA_HOUSE, "CNY", 2_500).text()
    assert scanned(street, ben.party, text).amount_minor == 2_500
    with refused("qr_order_gone"):
        scanned(street, ana.party, text)


def test_a_withdrawn_sticker_pays_nobody(street: Street, ana: Wallet, tea_house: ShownFront) -> None:
    code = sticker(street, tea_house)
    text = code_of_shop(code.id, TEA_HOUSE, "CNY", code.label).text()
    street.done(operations.withdraw_shop_code(street.asking(), code, tea_house.shop))
    with refused("shop_code_withdrawn"):
        scanned(street, ana.party, text)
    with connect(street.database.web) as conn, as_person(conn, ana.party):
        withdrawn = find_shop_code(conn, code.id)
    with refused("shop_code_withdrawn"):
        by_sticker(street.asking(), street, withdrawn, tea_house, 1, ana)
    with refused("shop_code_withdrawn"):
        operations.withdraw_shop_code(street.asking(), withdrawn, tea_house.shop)


def test_only_its_shop_withdraws_a_sticker(street: Street, tea_house: ShownFront) -> None:
    code = sticker(street, tea_house)
    with refused("shop_code_unknown"):
        operations.withdraw_shop_code(street.asking(), code, street.shop().shop)


def test_a_sticker_that_karez_never_made_is_unknown(street: Street, ana: Wallet) -> None:
    with refused("shop_code_unknown"):
        scanned(street, ana.party, code_of_shop(street.asking().id, TEA_HOUSE, "CNY", "till").text())


def test_a_shop_sells_to_whoever_shows_a_code(street: Street, ana: Wallet, tea_house: ShownFront) -> None:
    code = found(street, shown_code(street, ana.party))
    assert (code.payer, code.state) == (ana.party, "open")
    new = order_of(1_800, "sale-1")
    street.done(operations.charge(street.asking(), street.house, tea_house.shop, new, code, ana))
    paid = trade(street, ana.party, trades.trade_id(tea_house.shop, "sale-1"))
    assert (paid.standing, paid.buyer) == (State.FINISHED, ana.party)
    assert (street.balance(ana.party), street.takings(tea_house.shop)) == (8_200, 1_800)


def test_a_code_can_pay_into_escrow_and_for_an_order_that_was_there_before(
    street: Street, ana: Wallet, tea_house: ShownFront
) -> None:
    open_order = ordered(street, tea_house.shop, order_of(2_500, mode="escrow"))
    code = found(street, shown_code(street, ana.party))
    street.done(operations.charge_trade(street.asking(), street.house, tea_house.shop, open_order, code, ana))
    assert trade(street, ana.party, open_order.id).held_minor == 2_500
    with connect(street.database.web) as conn, as_person(conn, ana.party):
        used = find_pay_code(conn, [code.fingerprint])
    assert (used.state, used.trade) == ("used", open_order.id)


def test_a_shop_charges_its_own_orders_only(street: Street, ana: Wallet, tea_house: ShownFront) -> None:
    open_order = ordered(street, tea_house.shop, order_of(2_500))
    code = found(street, shown_code(street, ana.party))
    with refused("trade_not_yours"):
        operations.charge_trade(street.asking(), street.house, street.shop().shop, open_order, code, ana)


def test_a_used_code_pays_nothing_more(street: Street, ana: Wallet, tea_house: ShownFront) -> None:
    text = shown_code(street, ana.party)
    fresh = found(street, text)
    charge = operations.charge
    street.done(charge(street.asking(), street.house, tea_house.shop, order_of(1_000), fresh, ana))
    late = charge(street.asking(), street.house, tea_house.shop, order_of(1_000), fresh, ana)
    (outcome,) = street.commit(late)
    assert outcome.code == "row_state_changed"
    with refused("pay_code_used"):
        charge(street.asking(), street.house, tea_house.shop, order_of(1_000), found(street, text), ana)
    assert street.balance(ana.party) == 9_000


def test_a_code_that_could_not_pay_is_still_good(street: Street, ana: Wallet, tea_house: ShownFront) -> None:
    text = shown_code(street, ana.party)
    too_much = operations.charge(
        street.asking(), street.house, tea_house.shop, order_of(10_001), found(street, text), ana
    )
    (outcome,) = street.commit(too_much)
    assert outcome.code == "exceeds_credits"
    assert found(street, text).state == "open"


def test_a_code_pays_for_60_seconds(
    street: Street, ana: Wallet, tea_house: ShownFront, clock: SimulatedClock
) -> None:
    code = found(street, shown_code(street, ana.party))
    clock.advance(60 - 1e-9)
    operations.use_pay_code(code, street.asking().id, clock.now_ns())
    clock.advance(1e-9)
    with refused("pay_code_expired"):
        operations.use_pay_code(code, street.asking().id, clock.now_ns())


def test_a_code_is_nowhere_in_the_database(street: Street, ana: Wallet, tea_house: ShownFront) -> None:
    text = shown_code(street, ana.party)
    code = found(street, text)
    street.done(operations.charge(street.asking(), street.house, tea_house.shop, order_of(1), code, ana))
    with connect(street.database.owner) as conn:
        tables = conn.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        holding = [
            table
            for (table,) in tables
            if conn.execute(f"SELECT 1 FROM {table} t WHERE t::text LIKE '%{text}%'".encode()).fetchone()
        ]
    assert holding == []


def test_an_unknown_code_is_refused(street: Street) -> None:
    with refused("pay_code_unknown"):
        found(street, "280000000000000000")


def test_a_payer_sees_its_own_codes_and_a_shop_none(
    street: Street, ana: Wallet, tea_house: ShownFront
) -> None:
    by = fingerprints(CODES, shown_code(street, ana.party))
    with connect(street.database.web) as conn:
        with as_person(conn, ana.party):
            assert find_pay_code(conn, by).payer == ana.party
        with as_person(conn, tea_house.shop), refused("pay_code_unknown"):
            find_pay_code(conn, by)


def test_unused_codes_are_forgotten_and_used_ones_stay(
    street: Street, ana: Wallet, tea_house: ShownFront, clock: SimulatedClock
) -> None:
    used, unused, later = (shown_code(street, ana.party) for _ in range(3))
    code = found(street, used)
    street.done(operations.charge(street.asking(), street.house, tea_house.shop, order_of(1), code, ana))
    clock.advance(3_600)
    later = shown_code(street, ana.party)
    with connect(street.database.worker) as conn:
        assert forget_unused(conn, clock.now_ns(), limit=1) == 1
        assert forget_unused(conn, clock.now_ns(), limit=10) == 1
        assert forget_unused(conn, clock.now_ns(), limit=10) == 0
        assert conn.execute("DELETE FROM pay_code WHERE state = 'used'").rowcount == 0
    assert found(street, used).state == "used"
    assert found(street, later).state == "open"
    with refused("pay_code_unknown"):
        found(street, unused)


def test_a_shop_changes_what_its_codes_tell(street: Street, tea_house: ShownFront) -> None:
    new = Shopfront("NEW TEA HOUSE", "TURPAN", "CN", "5812")
    street.done(operations.show_front(street.asking(), tea_house.shop, tea_house, new))
    with connect(street.database.web) as conn, as_person(conn, tea_house.shop):
        shown = find_front(conn, tea_house.shop)
    assert shown is not None
    assert shown.front == new


def test_a_shopfront_that_no_code_could_tell_is_refused(street: Street, tea_house: ShownFront) -> None:
    with pytest.raises(Rejected) as rejection:
        operations.show_front(
            street.asking(), tea_house.shop, tea_house, Shopfront("A" * 26, "B", "CN", "5812")
        )
    assert rejection.value.facts == {"tag": "59"}


@pytest.mark.parametrize(
    ("currency", "label", "code"),
    [
        ("EUR", "till 2", "currency_not_open"),
        ("CNY", "窗口", "qr_field_malformed"),
        ("CNY", "t" * 26, "qr_too_long"),
    ],
)
def test_a_sticker_that_no_code_could_tell_is_refused(
    street: Street, tea_house: ShownFront, currency: str, label: str, code: str
) -> None:
    with refused(code):
        operations.make_shop_code(street.asking(), street.house, tea_house, currency, label)


def test_a_shop_that_shows_its_own_code_does_not_pay_itself(street: Street, tea_house: ShownFront) -> None:
    wallet = Wallet(tea_house.shop, "CNY", "shop", "open", "full", None, 0)
    code = found(street, shown_code(street, tea_house.shop))
    with refused("buyer_is_shop"):
        operations.charge(street.asking(), street.house, tea_house.shop, order_of(1), code, wallet)
