"""Reading red packets."""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.services.payments.redpackets.splitting import Split, shares_of
from karez.storage.selecting import select


def share_id(packet: UUID, share: int) -> UUID:
    """Return the id of the reservation that holds a share until somebody takes it."""
    return derived_id(packet, "share", share)


@dataclass(frozen=True, slots=True)
class Grab:
    """A share that somebody has taken.

    Attributes:
        packet: Of which packet.
        party: By whom.
        share: Its number, from 0.
        amount_minor: How much it was.
        grabbed_ns: When.
    """

    packet: UUID
    party: UUID
    share: int
    amount_minor: int
    grabbed_ns: int


@dataclass(frozen=True, slots=True)
class RedPacket:
    """A gift of money in shares.

    Attributes:
        id: Its id, the operation's that made it.
        sender: Whose gift it is.
        recipients: Who may take a share; ``None`` is whoever was given the id.
        greeting: What is written on it.
        currency: ISO 4217 letters.
        amount_minor: All of it.
        share_count: In how many shares.
        split: ``equal`` or ``random``.
        seed: What decides the split, in hexadecimal.
        state: ``open`` or ``ended``.
        returned_minor: What went back to the sender.
        due_ns: When it ends; ``None`` once it has.
        sent_ns: When it was made.
        ended_ns: When it ended.
        grabs: What was taken, the first one first.
    """

    id: UUID
    sender: UUID
    recipients: list[UUID] | None
    greeting: str | None
    currency: str
    amount_minor: int
    share_count: int
    split: Split
    seed: str
    state: str
    returned_minor: int
    due_ns: int | None
    sent_ns: int
    ended_ns: int | None
    grabs: tuple[Grab, ...] = ()

    @property
    def shares(self) -> tuple[int, ...]:
        """Return all shares in minor units."""
        return shares_of(self.split, self.amount_minor, self.share_count, bytes.fromhex(self.seed))

    @property
    def free(self) -> tuple[int, ...]:
        """Return the numbers of the shares that nobody has taken."""
        taken = {grab.share for grab in self.grabs}
        return tuple(number for number in range(self.share_count) if number not in taken)

    def grab_of(self, party: UUID) -> Grab | None:
        """Return what somebody has taken."""
        return next((grab for grab in self.grabs if grab.party == party), None)


_PACKETS = select(RedPacket, "FROM red_packet", without="grabs")
_PACKET = _PACKETS + " WHERE id = %s"
_SENT = _PACKETS + " WHERE sender = %s AND sent_ns < %s ORDER BY sent_ns DESC FETCH FIRST %s ROWS WITH TIES"
_DUE = _PACKETS + " WHERE due_ns <= %s ORDER BY due_ns LIMIT %s"
_GRABS = select(Grab, "FROM red_packet_grab WHERE packet = ANY(%s) ORDER BY grabbed_ns, share")


def check_visible(conn: psycopg.Connection[Any], packet: UUID) -> None:
    """Refuse a packet that the caller may not see.

    Rejections: ``red_packet_not_found``.
    """
    if conn.execute("SELECT FROM red_packet WHERE id = %s", (packet,)).fetchone() is None:
        raise Rejected(
            "red_packet_not_found", f"There is no red packet {packet} for you; ask its sender for the id."
        )


def read_packet(conn: psycopg.Connection[Any], packet: UUID) -> RedPacket:
    """Return a packet that exists, with all that was taken of it.

    Args:
        conn: In a transaction of the operator: a taker sees no other taker's rows.
        packet: Its id.
    """
    with conn.cursor(row_factory=class_row(RedPacket), binary=True) as cursor:
        found = cursor.execute(_PACKET, (packet,)).fetchone()
    assert found is not None, "it was seen before"
    return _with_grabs(conn, [found])[0]


def sent_packets(conn: psycopg.Connection[Any], sender: UUID, before_ns: int, limit: int) -> list[RedPacket]:
    """Return packets of a sender with what was taken of them, the latest first."""
    with conn.cursor(row_factory=class_row(RedPacket), binary=True) as cursor:
        found = cursor.execute(_SENT, (sender, before_ns, limit)).fetchall()
    return _with_grabs(conn, found)


def due_packets(conn: psycopg.Connection[Any], now_ns: int, limit: int) -> list[RedPacket]:
    """Return packets whose time is over with what was taken of them, the longest overdue first."""
    with conn.cursor(row_factory=class_row(RedPacket), binary=True) as cursor:
        found = cursor.execute(_DUE, (now_ns, limit)).fetchall()
    return _with_grabs(conn, found)


def _with_grabs(conn: psycopg.Connection[Any], packets: list[RedPacket]) -> list[RedPacket]:
    with conn.cursor(row_factory=class_row(Grab), binary=True) as cursor:
        grabs = cursor.execute(_GRABS, ([packet.id for packet in packets],)).fetchall() if packets else []
    of_packet: defaultdict[UUID, list[Grab]] = defaultdict(list)
    for grab in grabs:
        of_packet[grab.packet].append(grab)
    return [replace(packet, grabs=tuple(of_packet[packet.id])) for packet in packets]
