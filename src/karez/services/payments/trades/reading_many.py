"""Reading many trades at once, each with the wallet of somebody who has to do with it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

from karez.services.payments.trades.records import COLUMNS, Trade
from karez.services.payments.wallets.records import Wallet

_TRADES = f"SELECT {COLUMNS} FROM trade WHERE id = ANY(%s)"  # noqa: S608 - names of our own columns
_WALLETS = """
SELECT party, currency, kind, state, level, freeze_id, opened_ns FROM wallet WHERE party = ANY(%s)
"""

Facts = tuple[Trade, Wallet | None]


def trades_and_wallets(
    conn: psycopg.Connection[Any], pairs: Sequence[tuple[UUID, UUID]]
) -> list[Facts | None]:
    """Return for each pair of a trade and a party what that party may see of it; ``None`` where that is nothing.

    Args:
        conn: With rights to all trades and wallets; here a party is shown its own ones only.
        pairs: Trades and parties.
    """
    with conn.pipeline(), conn.cursor(binary=True) as asked, conn.cursor(binary=True) as also_asked:
        asked.execute(_TRADES, ([trade for trade, _ in pairs],))
        also_asked.execute(_WALLETS, ([party for _, party in pairs],))
        trades = {row[0]: Trade(*row) for row in asked.fetchall()}
        wallets = {row[:2]: Wallet(*row) for row in also_asked.fetchall()}
    return [_seen(trades.get(trade), party, wallets) for trade, party in pairs]


def _seen(trade: Trade | None, party: UUID, wallets: dict[tuple[UUID, str], Wallet]) -> Facts | None:
    if trade is None or (trade.buyer is not None and party not in (trade.shop, trade.buyer)):
        return None
    return trade, wallets.get((party, trade.currency))
