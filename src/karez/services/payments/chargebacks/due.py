"""Chargebacks that the shop has not answered in time: it has lost them."""

from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.chargebacks.operations import lose
from karez.services.payments.chargebacks.records import Chargeback, due_chargebacks, trades_of
from karez.services.payments.house import House, read_house
from karez.services.payments.trades.records import Trade
from karez.services.sweeps import Connection, Due, Sweep

_REASON = "The shop has not answered in time."


def _find(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    found = due_chargebacks(conn, now_ns, limit)
    if not found:
        return []
    house = read_house(conn)
    trades = trades_of(conn, found)
    return [_due(house, each, trades[each.trade]) for each in found]


def _due(house: House, found: Chargeback, trade: Trade) -> Due:
    assert found.due_ns is not None, "it was found by its due moment"

    def decide(asking: Asking) -> Operation:
        return lose(asking, house, found, trade, _REASON)

    return Due(found.id, found.due_ns, decide)


SWEEPS = (Sweep("chargeback.time_out", _find),)
