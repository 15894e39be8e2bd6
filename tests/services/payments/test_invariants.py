"""The invariants of payments hold while people trade, and each one sees its own kind of damage."""

from collections.abc import Iterator

import pytest

from karez.core.clock import SimulatedClock
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.invariants import check_book
from karez.services.payments.invariants import INVARIANTS
from karez.services.payments.trades.operations import Order, confirm, order, pay_from_balance, trade_id
from karez.services.payments.trades.records import find_trade
from karez.storage.database import Database, connect
from tests.parties.making import NOW_NS
from tests.services.payments.qr.street import Street

DAMAGE = {
    "escrow_holds_what_open_trades_hold": "UPDATE trade SET held_minor = held_minor - 1,"
    " released_minor = released_minor + 1 WHERE state = 'paid'",
    "every_payment_is_taken_once": "UPDATE trade SET amount_minor = amount_minor + 1,"
    " released_minor = released_minor + 1 WHERE state = 'finished'",
    "ended_trades_hold_nothing": "UPDATE trade SET state = 'finished' WHERE state = 'paid'",
    "every_wallet_has_its_account": "UPDATE wallet SET currency = 'USD' WHERE kind = 'person'",
}


@pytest.fixture
def street(database: Database) -> Iterator[Street]:
    clock = SimulatedClock(NOW_NS)
    with Bookkeeper(database.book, clock) as book:
        yield Street(database, book, clock)


def trade(street: Street) -> None:
    """Let somebody buy twice and confirm once."""
    shop, buyer = street.shop(), street.person(10_000)
    for reference in ("confirmed", "open"):
        new = Order(reference, "Tea", "goods", "escrow", "CNY", 1_000, None)
        street.done(order(street.asking(), street.house, shop.shop, new))
        with connect(street.database.owner) as conn:
            made = find_trade(conn, trade_id(shop.shop, reference))
        street.done(pay_from_balance(street.asking(), street.house, made, buyer))
        if reference == "confirmed":
            with connect(street.database.owner) as conn:
                made = find_trade(conn, made.id)
            street.done(confirm(street.asking(), street.house, made, buyer.party))


def broken(street: Street) -> set[str]:
    """Return the names of the invariants that do not hold."""
    with connect(street.database.owner) as conn:
        return {result.name for result in check_book(conn, INVARIANTS) if result.violations}


def test_all_hold_while_people_trade(street: Street) -> None:
    assert broken(street) == set()
    trade(street)
    assert broken(street) == set()


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_seen(street: Street, name: str) -> None:
    trade(street)
    with connect(street.database.owner) as conn:
        conn.execute(DAMAGE[name].encode())
    assert name in broken(street)


def test_each_invariant_has_its_damage() -> None:
    assert {invariant.__name__ for invariant in INVARIANTS} == set(DAMAGE)
