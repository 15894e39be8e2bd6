"""Bills that standing orders pay now, and standing orders that take in what was uploaded before."""

from functools import partial
from uuid import UUID

from karez.ledger.operations import Operation, Outcome
from karez.services.asking import Asking
from karez.services.payments.agreements.records import payers_wallets
from karez.services.payments.bills.auto_paying import Choice, choose, fail, pay_by_order
from karez.services.payments.bills.order_records import (
    StandingOrder,
    bills_to_attach,
    orders_for,
    orders_to_attach,
)
from karez.services.payments.bills.records import Bill, bills_to_pay
from karez.services.payments.bills.standing_orders import ATTACH_MAX, attach
from karez.services.payments.house import House, read_house
from karez.services.payments.refusals import explain
from karez.services.payments.wallets.records import Wallet
from karez.services.sweeps import Connection, Due, Sweep


def _find_payments(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    bills = bills_to_pay(conn, now_ns, limit)
    if not bills:
        return []
    house = read_house(conn)
    wallets = payers_wallets(conn, {(_payer(bill), bill.currency) for bill in bills})
    orders = orders_for(conn, bills)
    return [
        _payment(house, bill, choose(bill, orders[bill.id]), wallets[_payer(bill), bill.currency])
        for bill in bills
    ]


def _payer(bill: Bill) -> UUID:
    assert bill.auto_payer is not None, "it has a standing order"
    return bill.auto_payer


def _payment(house: House, bill: Bill, chosen: Choice, wallet: Wallet) -> Due:
    assert bill.auto_due_ns is not None, "it was found by this moment"

    def decide(asking: Asking) -> Operation:
        return pay_by_order(asking, house, bill, chosen, wallet)

    def otherwise(asking: Asking, operation: Operation, outcome: Outcome) -> Operation:
        return fail(asking, bill, chosen, explain(operation, outcome))

    return Due(bill.id, bill.auto_due_ns, decide, otherwise)


def _find_orders(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    orders = orders_to_attach(conn, now_ns, limit)
    bills = bills_to_attach(conn, orders, ATTACH_MAX) if orders else {}
    return [Due(order.id, _moment(order), partial(_attach, order, bills[order.id])) for order in orders]


def _moment(order: StandingOrder) -> int:
    assert order.attach_ns is not None, "it was found by this moment"
    return order.attach_ns


def _attach(order: StandingOrder, bills: list[Bill], asking: Asking) -> Operation:
    return attach(asking, order, bills)


SWEEPS = (Sweep("standing_order.attach", _find_orders), Sweep("bill.auto_pay", _find_payments))
