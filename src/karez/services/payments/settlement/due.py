"""What time brings to shops, billers and their banks.

Batches and payouts of billers whose cut has come, files of payouts whose hour has come, and payouts that a bank's
statement has.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from uuid import UUID

from karez.core.ids import NIL, derived_id
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.house import House, read_house
from karez.services.payments.settlement.agreed_calendars import read_calendars
from karez.services.payments.settlement.batches import NOTHING, Totals, add_up
from karez.services.payments.settlement.biller_records import biller_totals, due_billers
from karez.services.payments.settlement.billers import DueBiller, pay_biller
from karez.services.payments.settlement.days import cut_of
from karez.services.payments.settlement.fees import AgreedPlans
from karez.services.payments.settlement.movements import Span, movements
from karez.services.payments.settlement.operations import DueBatch, settle
from karez.services.payments.settlement.payout_banks import PayoutBank, due_banks
from karez.services.payments.settlement.payout_files import DueFile, make_file, waiting_payouts
from karez.services.payments.settlement.payouts import Payout, booked_payouts, mark_paid
from karez.services.payments.settlement.records import (
    Shopfront,
    calendars_of,
    due_accounts,
    plans_of,
)
from karez.services.sweeps import Connection, Due, Sweep


def _batches(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    accounts = due_accounts(conn, now_ns, limit)
    if not accounts:
        return []
    house, calendars = read_house(conn), calendars_of(conn, accounts)
    spans = [
        Span(
            each.shop,
            each.currency,
            each.settled_until_ns,
            cut_of(calendars[each.calendar], each.day).until_ns,
        )
        for each in accounts
    ]
    totals = _totals(conn, spans)
    return [
        _batch_due(
            house,
            DueBatch(each, calendars[each.calendar], totals[each.shop, each.currency]),
        )
        for each in accounts
    ]


def _totals(conn: Connection, spans: Iterable[Span]) -> dict[Shopfront, Totals]:
    wanted = list(spans)
    plans = plans_of(conn, [(span.shop, span.currency) for span in wanted])
    totals: dict[Shopfront, Totals] = defaultdict(lambda: NOTHING)
    with conn.transaction():
        for pair, found in groupby(movements(conn, wanted), lambda each: (each.shop, each.currency)):
            totals[pair] = add_up(AgreedPlans(plans[pair]), found)
    return totals


def _batch_due(house: House, due: DueBatch) -> Due:
    def decide(asking: Asking) -> Operation:
        return settle(asking, house, due)

    account = due.account
    return Due(derived_id(account.shop, "settling", account.currency), account.due_ns, decide)


def _billers(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    due = due_billers(conn, now_ns, limit)
    if not due:
        return []
    house, calendars = read_house(conn), read_calendars(conn, {each.calendar for each in due})
    totals = biller_totals(conn, due, [cut_of(calendars[each.calendar], each.day).until_ns for each in due])
    return [
        _biller_due(house, DueBiller(each, calendars[each.calendar], total))
        for each, total in zip(due, totals, strict=True)
    ]


def _biller_due(house: House, due: DueBiller) -> Due:
    def decide(asking: Asking) -> Operation:
        return pay_biller(asking, house, due)

    account = due.account
    return Due(derived_id(NIL, "paying biller", account.biller, account.currency), account.due_ns, decide)


def _files(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    banks = due_banks(conn, now_ns, limit)
    calendars = read_calendars(conn, {bank.calendar for bank in banks})
    return [
        _file_due(DueFile(bank, calendars[bank.calendar], waiting_payouts(conn, bank, now_ns)))
        for bank in banks
    ]


def _file_due(due: DueFile) -> Due:
    def decide(asking: Asking) -> Operation:
        return make_file(asking, due)

    return Due(_turn_of(due.bank), due.bank.due_ns, decide)


def _turn_of(bank: PayoutBank) -> UUID:
    return derived_id(NIL, "payout file", bank.bank, bank.currency, bank.number)


def _booked(conn: Connection, _now_ns: int, limit: int) -> list[Due]:
    found = booked_payouts(conn, limit)
    house = read_house(conn) if found else None
    return [] if house is None else [_booked_due(house, each) for each in found]


def _booked_due(house: House, payout: Payout) -> Due:
    def decide(asking: Asking) -> Operation:
        return mark_paid(asking, house, payout)

    return Due(payout.id, payout.changed_ns, decide)


SWEEPS = (
    Sweep("settlement.settle", _batches),
    Sweep("biller.pay", _billers),
    Sweep("payout.make_file", _files),
    Sweep("payout.find_booked", _booked),
)
