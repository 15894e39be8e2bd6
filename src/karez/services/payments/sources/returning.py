"""Money that goes back: to the sources it came from, the one that paid last first, to the fen."""

from dataclasses import dataclass
from uuid import UUID

from karez.ledger.model import Transfer
from karez.ledger.operations import RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments.accounts import TransferCode
from karez.services.payments.house import House, money_moves
from karez.services.payments.sources.door import TakingBack
from karez.services.payments.sources.registry import SOURCES
from karez.services.payments.trades.legs import Leg, returned_of, returns
from karez.services.payments.trades.records import Trade


@dataclass(frozen=True, slots=True)
class Returning:
    """What it means that an amount goes back.

    Attributes:
        parts: The legs that get something, with how much.
        transfers: The money's way, and what the sources add to it.
        rows: What the sources record.
    """

    parts: tuple[tuple[Leg, int], ...]
    transfers: tuple[Transfer, ...]
    rows: tuple[RowInsert | RowUpdate, ...]


def going_back(
    asking: Asking,
    house: House,
    trade: Trade,
    *,
    source: UUID,
    code: TransferCode,
    before_minor: int,
    amount_minor: int,
) -> Returning:
    """Return what it means that an amount of a trade goes back to where it came from.

    Args:
        asking: The request.
        house: The payment house.
        trade: What was paid.
        source: The account that the money is in: escrow, or the shop's takings.
        code: Why it moves.
        before_minor: What has gone back before.
        amount_minor: What goes back now; with the former at most the price.
    """
    if amount_minor == 0:
        return Returning((), (), ())
    unit = house.currency(trade.currency).money
    is_all = before_minor + amount_minor == trade.amount_minor
    parts: list[tuple[Leg, int]] = []
    transfers: list[Transfer] = []
    rows: list[RowInsert | RowUpdate] = []
    for number, leg, part_minor in returns(trade.paid_from, before_minor, amount_minor):
        gone_minor = returned_of(trade.paid_from, number, before_minor)
        taken = SOURCES[leg.source].take_back(
            TakingBack(asking, house, trade, number, leg, gone_minor, part_minor, is_all)
        )
        way = money_moves(asking.made_id("return", number), source, taken.account, part_minor, unit, code)
        parts.append((leg, part_minor))
        transfers += (way, *taken.after)
        rows += taken.rows
    return Returning(tuple(parts), tuple(transfers), tuple(rows))


def is_plain(trade: Trade) -> bool:
    """Tell whether a trade's refunds need not know of each other: one source, whose returns are nothing but money."""
    legs = trade.paid_from
    return len(legs) == 1 and SOURCES[legs[0].source].is_plain
