"""Red packets whose time is over."""

from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.redpackets.operations import end
from karez.services.payments.redpackets.records import RedPacket, due_packets
from karez.services.sweeps import Connection, Due, Sweep


def _find(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    return [_due(packet) for packet in due_packets(conn, now_ns, limit)]


def _due(packet: RedPacket) -> Due:
    assert packet.due_ns is not None, "it was found by its due moment"

    def decide(asking: Asking) -> Operation:
        return end(asking, packet)

    return Due(packet.id, packet.due_ns, decide)


SWEEPS = (Sweep("red_packet.end", _find),)
