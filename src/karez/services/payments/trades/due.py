"""Trades whose timer has run out."""

from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.house import House, read_house
from karez.services.payments.trades.operations import time_out
from karez.services.payments.trades.records import Trade, due_trades
from karez.services.sweeps import Connection, Due, Sweep


def _find(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    trades = due_trades(conn, now_ns, limit)
    if not trades:
        return []
    house = read_house(conn)
    return [_due(house, trade) for trade in trades]


def _due(house: House, trade: Trade) -> Due:
    assert trade.due_ns is not None, "it was found by its due moment"

    def decide(asking: Asking) -> Operation:
        return time_out(asking, house, trade)

    return Due(trade.id, trade.due_ns, decide)


SWEEPS = (Sweep("trade.time_out", _find),)
