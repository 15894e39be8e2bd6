"""What settlement leaves behind, put straight into the database for tests that need it without its history."""

from uuid import UUID

from karez.storage.database import connect
from tests.channels.api.making import HARBOUR_BANK, fresh_id

_BATCH = """
INSERT INTO settlement_batch VALUES (
    %(batch)s, %(shop)s, 'CNY', '2026-03-02', 0, 1, 1, 100, 0, 0, 0, 1, 0, 99, 0, %(payout)s, 2
)
"""
_PAYOUT = """
INSERT INTO payout VALUES (
    %(payout)s, %(shop)s, %(batch)s, %(bank)s, %(bank_account)s, 'CNY', 99, 'in_file', %(payout_file)s, NULL, 2, 2
)
"""
_FILE = "INSERT INTO payout_file VALUES (%(payout_file)s, %(bank)s, 'CNY', '2026-03-02', 1, 1, 99, 2)"
_QUOTE = """
INSERT INTO exchange_quote VALUES (
    %(quote)s, %(shop)s, %(batch)s, %(bank)s, %(batch)s, 'USD', 1, 'CNY', 7, 1, 'open', 9223372036854775807, 2
)
"""
_CHARGEBACK = """
INSERT INTO chargeback VALUES (
    %(batch)s, 1, %(chargeback)s, 'x', %(shop)s, %(batch)s, %(bank)s, 'CNY', 1, 'x', 'open', NULL, NULL, NULL, 1, 1
)
"""


def put_settled(owner: str, shop: str) -> dict[str, str]:
    """Put a batch of a shop, its payout through Harbour Bank, its file, a quote and a chargeback into the database.

    Args:
        owner: Connection string of the database's owner.
        shop: Whose.
    """
    ids = {
        name: fresh_id() for name in ("quote", "chargeback", "batch", "payout", "bank_account", "payout_file")
    }
    with connect(owner) as conn:
        for statement in (_FILE, _BATCH, _PAYOUT, _QUOTE, _CHARGEBACK):
            conn.execute(statement, {**ids, "shop": UUID(shop), "bank": HARBOUR_BANK})
    return ids
