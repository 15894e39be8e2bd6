"""What happened lately on a person's balance: money sent and received, and what was bought."""

from dataclasses import dataclass
from uuid import UUID

from karez.channels.api.caller_database import Connection
from karez.services.payments.trades.records import trades_page
from karez.services.payments.transfers.records import transfers_page

_LATEST_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Happening:
    """One line.

    Attributes:
        kind: ``sent``, ``received`` or ``bought``.
        id: Of the transfer or trade.
        title: The other side's name, a note, or what was bought; none if nothing is known.
        state: Of a trade.
        currency: ISO 4217 letters.
        amount_minor: How much, below zero if it left the balance.
        at_ns: When.
    """

    kind: str
    id: UUID
    title: str | None
    state: str | None
    currency: str
    amount_minor: int
    at_ns: int


def latest(conn: Connection, party: UUID, limit: int) -> list[Happening]:
    """Return what happened lately, the latest first.

    Args:
        conn: In a transaction of the party.
        party: Whose.
        limit: How many lines at most.
    """
    lines = [
        Happening("sent", each.id, each.payee_name, None, each.currency, -each.amount_minor, each.made_ns)
        for each in transfers_page(conn, party, "sent", _LATEST_NS, limit)
    ]
    lines += [
        Happening("received", each.id, each.note, None, each.currency, each.amount_minor, each.made_ns)
        for each in transfers_page(conn, party, "received", _LATEST_NS, limit)
    ]
    lines += [
        Happening(
            "bought", each.id, each.title, each.state, each.currency, -each.amount_minor, each.created_ns
        )
        for each in trades_page(conn, party, "bought", None, limit)
    ]
    return sorted(lines, key=lambda line: -line.at_ns)[:limit]
