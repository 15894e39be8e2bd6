"""What a shop took, day by day."""

from typing import Any
from uuid import UUID

import psycopg

_BY_DAY = """
SELECT (paid_ns + %(offset_ns)s) / 86400000000000, sum(amount_minor - returned_minor)::bigint
FROM trade
WHERE shop = %(shop)s AND currency = %(currency)s AND created_ns >= %(since_ns)s AND paid_ns IS NOT NULL
GROUP BY 1
"""


def taken_by_day(
    conn: psycopg.Connection[Any], shop: UUID, currency: str, since_ns: int, offset_ns: int
) -> dict[int, int]:
    """Return what was paid to a shop and not returned, in minor units by the day of payment.

    Args:
        conn: In a transaction of the shop.
        shop: Its id.
        currency: ISO 4217 letters.
        since_ns: Of orders from this moment on.
        offset_ns: How far the clocks of the place are ahead of UTC; days are counted from 1970-01-01 there.
    """
    rows = conn.execute(
        _BY_DAY, {"shop": shop, "currency": currency, "since_ns": since_ns, "offset_ns": offset_ns}
    )
    return dict(rows.fetchall())
