"""The invariants of payments hold while people trade, and each one sees its own kind of damage."""

from collections.abc import Iterator

import pytest

from karez.core.clock import SimulatedClock
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.invariants import check_book
from karez.services.payments.cards import invariants as cards
from karez.services.payments.invariants import INVARIANTS
from karez.services.payments.qr.operations import charge, make_pay_code
from karez.services.payments.qr.pay_codes import fingerprints, pay_code, sealer
from karez.services.payments.qr.records import find_pay_code
from karez.services.payments.trades.operations import Order, confirm, order, pay_from_balance, trade_id
from karez.services.payments.trades.records import find_trade
from karez.storage.database import Database, connect
from tests.conftest import SECRET_KEY
from tests.parties.making import NOW_NS
from tests.services.payments.promises import make_promises
from tests.services.payments.qr.street import Street

CODES = sealer(SECRET_KEY)

_INSTRUCTION = """
INSERT INTO bank_instruction (id, bank, party, direction, purpose, subject, currency, amount_minor, account,
    reservation, reference, remark, state, answer_code, attempts, due_ns, created_ns, ended_ns)
SELECT gen_random_uuid(), number, gen_random_uuid(), '{way}', 'top_up', gen_random_uuid(), 'CNY', 5,
    gen_random_uuid(), {held}, 'A', '', '{state}', '', 0, CASE WHEN {ended} IS NULL THEN 0 END, 0, {ended}
FROM institution LIMIT 1
"""

DAMAGE = {
    "escrow_holds_what_open_trades_hold": "UPDATE trade SET held_minor = held_minor - 1,"
    " released_minor = released_minor + 1 WHERE state = 'paid'",
    "every_payment_is_taken_once": "UPDATE trade SET amount_minor = amount_minor + 1,"
    " released_minor = released_minor + 1 WHERE state = 'finished'",
    "ended_trades_hold_nothing": "UPDATE trade SET state = 'finished' WHERE state = 'paid'",
    "a_used_pay_code_has_paid_one_trade": "UPDATE pay_code SET payer = trade WHERE state = 'used'",
    "every_hold_is_reserved_in_the_book": "UPDATE hold SET held_minor = held_minor - 1 WHERE state = 'held'",
    "every_deduction_is_counted_and_became_a_trade": "UPDATE agreement SET deducted_count = 2",
    "every_bill_is_paid_what_its_payments_are": "UPDATE bill SET paid_minor = paid_minor + 1",
    "billers_got_what_was_paid": "UPDATE bill_payment SET amount_minor = amount_minor + 1 WHERE state = 'paid'",
    "what_was_sent_was_moved": "UPDATE money_transfer SET amount_minor = amount_minor - 1",
    "every_red_packet_is_whole": "UPDATE red_packet SET returned_minor = returned_minor - 1 WHERE state = 'ended'",
    "takers_got_what_they_took": "UPDATE red_packet_grab SET amount_minor = amount_minor + 1",
    "pay_outs_hold_their_money_until_they_end": _INSTRUCTION.format(
        way="pay_out", held="gen_random_uuid()", state="sent", ended="NULL"
    ),
    "every_collection_is_booked_once": _INSTRUCTION.format(
        way="collect", held="NULL", state="succeeded", ended="0"
    ),
    "what_banks_are_to_pay_is_in_transit": "INSERT INTO payout SELECT gen_random_uuid(), gen_random_uuid(),"
    " gen_random_uuid(), number, gen_random_uuid(), 'CNY', 5, 'waiting', NULL, NULL, 0, 0 FROM institution LIMIT 1",
    "payout_files_keep_what_they_were_made_of": "INSERT INTO payout_file SELECT gen_random_uuid(), number, 'CNY',"
    " '2026-03-02', 1, 2, 10, 0 FROM institution LIMIT 1",
    "billers_are_paid_what_their_bills_brought": "INSERT INTO payout SELECT gen_random_uuid(), NULL, NULL, number,"
    " gen_random_uuid(), 'CNY', 5, 'paid', gen_random_uuid(), NULL, 0, 0, number"
    " FROM institution WHERE kind = 'biller'",
    "both_sides_of_a_match_agree": "INSERT INTO bank_movement SELECT number, gen_random_uuid(), 'R', '', 5, 'CNY',"
    " '2026-03-02', NULL, 0, gen_random_uuid(), 'reference', 0 FROM institution LIMIT 1",
    "every_wallet_has_its_account": "UPDATE wallet SET currency = 'USD' WHERE kind = 'person'",
}


@pytest.fixture
def street(database: Database) -> Iterator[Street]:
    clock = SimulatedClock(NOW_NS)
    with Bookkeeper(database.book, clock) as book:
        yield Street(database, book, clock)


def trade(street: Street) -> None:
    """Let somebody buy twice, confirm once, and show a code at a till."""
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
    shown = street.asking()
    street.done(make_pay_code(shown, CODES, buyer.party))
    with connect(street.database.owner) as conn:
        code = find_pay_code(conn, fingerprints(CODES, pay_code(CODES, shown.id)))
    sale = Order("sale", "Tea", "service", "direct", "CNY", 500, None)
    make_promises(street)
    street.done(charge(street.asking(), street.house, shop.shop, sale, code, buyer))


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
    # Those of cards are damaged where there are people with cards, in the tests of the API.
    others = [invariant for invariant in INVARIANTS if invariant not in cards.INVARIANTS]
    assert {invariant.__name__ for invariant in others} == set(DAMAGE)
