"""Holds whose time is over."""

from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.holds.operations import expire
from karez.services.payments.holds.records import Hold, due_holds
from karez.services.sweeps import Connection, Due, Sweep


def _find(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    return [_due(hold) for hold in due_holds(conn, now_ns, limit)]


def _due(hold: Hold) -> Due:
    assert hold.due_ns is not None, "it was found by its due moment"

    def decide(asking: Asking) -> Operation:
        return expire(asking, hold)

    return Due(hold.id, hold.due_ns, decide)


SWEEPS = (Sweep("hold.expire", _find),)
