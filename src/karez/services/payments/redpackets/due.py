"""Red packets whose time is over."""

from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.house import House, read_house
from karez.services.payments.redpackets.operations import end
from karez.services.payments.redpackets.records import RedPacket, due_packets
from karez.services.sweeps import Connection, Due, Sweep


def _find(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    packets = due_packets(conn, now_ns, limit)
    if not packets:
        return []
    house = read_house(conn)
    return [_due(house, packet) for packet in packets]


def _due(house: House, packet: RedPacket) -> Due:
    assert packet.due_ns is not None, "it was found by its due moment"

    def decide(asking: Asking) -> Operation:
        return end(asking, house, packet)

    return Due(packet.id, packet.due_ns, decide)


SWEEPS = (Sweep("red_packet.end", _find),)
