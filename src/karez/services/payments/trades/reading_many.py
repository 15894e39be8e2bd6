"""Reading many trades, each with the wallet of somebody who has to do with it, by one statement."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

from karez.services.payments.trades.records import COLUMNS, Trade
from karez.services.payments.wallets.records import Wallet

_WALLET_COLUMNS = ("party", "currency", "kind", "state", "level", "freeze_id", "opened_ns")

_READ = f"""
SELECT asked.place, {", ".join("t." + name for name in COLUMNS.split(", "))},
    {", ".join("w." + name for name in _WALLET_COLUMNS)}
FROM unnest(%s::uuid[], %s::uuid[]) WITH ORDINALITY AS asked (trade, party, place)
JOIN trade t ON t.id = asked.trade AND (asked.party IN (t.shop, t.buyer) OR t.buyer IS NULL)
LEFT JOIN wallet w ON w.party = asked.party AND w.currency = t.currency
"""  # noqa: S608 - names of our own columns

_TRADE_WIDTH = len(COLUMNS.split(", "))


def trades_and_wallets(
    conn: psycopg.Connection[Any], pairs: Sequence[tuple[UUID, UUID]]
) -> list[tuple[Trade, Wallet | None] | None]:
    """Return for each pair of a trade and a party what that party may see of it; ``None`` where that is nothing.

    Args:
        conn: With rights to all trades; the statement itself shows a party its own ones only.
        pairs: Trades and parties.
    """
    found: list[tuple[Trade, Wallet | None] | None] = [None] * len(pairs)
    with conn.cursor(binary=True) as cursor:
        cursor.execute(_READ, ([trade for trade, _ in pairs], [party for _, party in pairs]))
        for place, *columns in cursor.fetchall():
            wallet = columns[_TRADE_WIDTH:]
            found[place - 1] = (
                Trade(*columns[:_TRADE_WIDTH]),
                None if wallet[0] is None else Wallet(*wallet),
            )
    return found
