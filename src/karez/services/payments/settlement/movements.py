"""What happened to shops' takings in a span of time, read from where it is recorded.

The lines of a batch are not stored a second time. A batch is a span that begins where the one before it ended, and
nothing that is in a span changes once its batch is cut: trades that are finished, refunds and chargebacks are kept as
they were. So reading the span again gives the same lines, and what is not written twice cannot disagree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.ids import NIL
from karez.services.payments.settlement.batches import Movement

_ROWS_AT_ONCE = 10_000

_WITHIN = """
WITH wanted AS (
    SELECT * FROM unnest(%(shops)s::uuid[], %(currencies)s::text[], %(from)s::bigint[], %(until)s::bigint[])
        AS w (shop, currency, from_ns, until_ns)
), movement AS (
    SELECT w.shop, w.currency, 'payment' AS kind, t.id, t.id AS trade, t.reference, t.category,
        t.released_minor - parts.amount_minor AS amount_minor, t.paid_ns, t.released_minor AS trade_minor,
        parts.amount_minor AS before_minor, t.finished_ns AS moment_ns
    FROM wanted w
    JOIN trade t ON t.shop = w.shop AND t.currency = w.currency
        AND t.finished_ns >= w.from_ns AND t.finished_ns < w.until_ns AND t.released_minor > 0
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(p.amount_minor), 0)::bigint AS amount_minor FROM trade_release p WHERE p.trade = t.id
    ) parts
    WHERE t.released_minor > parts.amount_minor
    UNION ALL
    SELECT w.shop, w.currency, 'release', p.id, p.trade, t.reference, t.category,
        p.amount_minor, t.paid_ns, p.before_minor + p.amount_minor, p.before_minor, p.released_ns
    FROM wanted w
    JOIN trade_release p ON p.shop = w.shop AND p.currency = w.currency
        AND p.released_ns >= w.from_ns AND p.released_ns < w.until_ns
    JOIN trade t ON t.id = p.trade
    UNION ALL
    SELECT w.shop, w.currency, 'refund', r.id, r.trade, t.reference, t.category,
        -r.amount_minor, t.paid_ns, t.released_minor,
        (
            SELECT coalesce(sum(e.amount_minor), 0)::bigint FROM refund e
            WHERE e.trade = r.trade AND e.taken_from = 'takings' AND (e.refunded_ns, e.id) < (r.refunded_ns, r.id)
        ),
        r.refunded_ns
    FROM wanted w
    JOIN refund r ON r.shop = w.shop AND r.currency = w.currency AND r.taken_from = 'takings'
        AND r.refunded_ns >= w.from_ns AND r.refunded_ns < w.until_ns
    JOIN trade t ON t.id = r.trade
    UNION ALL
    SELECT w.shop, w.currency, 'chargeback', c.id, c.trade, t.reference, t.category,
        -c.amount_minor, t.paid_ns, t.released_minor, 0, c.opened_ns
    FROM wanted w
    JOIN chargeback c ON c.shop = w.shop AND c.currency = w.currency
        AND c.opened_ns >= w.from_ns AND c.opened_ns < w.until_ns
    JOIN trade t ON t.id = c.trade
    UNION ALL
    SELECT w.shop, w.currency, 'chargeback_won', c.id, c.trade, t.reference, t.category,
        c.amount_minor, t.paid_ns, t.released_minor, 0, c.decided_ns
    FROM wanted w
    JOIN chargeback c ON c.shop = w.shop AND c.currency = w.currency AND c.state = 'won'
        AND c.decided_ns >= w.from_ns AND c.decided_ns < w.until_ns
    JOIN trade t ON t.id = c.trade
)
SELECT shop, currency, kind, id, trade, reference, category, amount_minor, paid_ns, trade_minor, before_minor,
    moment_ns
FROM movement
"""
_IN_ORDER = " ORDER BY shop, currency"
_PAGE = " WHERE (moment_ns, id) > (%(after_ns)s, %(after)s) ORDER BY moment_ns, id LIMIT %(limit)s"


@dataclass(frozen=True, slots=True)
class Span:
    """A time of one shop in one currency.

    Attributes:
        shop: Whose.
        currency: ISO 4217 letters.
        from_ns: The first moment.
        until_ns: The first moment after it.
    """

    shop: UUID
    currency: str
    from_ns: int
    until_ns: int


def movements(conn: psycopg.Connection[Any], spans: Sequence[Span]) -> Iterator[Movement]:
    """Yield what happened in spans, shop by shop; however much it is, little of it is in memory at once.

    Args:
        conn: Inside a transaction of the worker.
        spans: At most one for each shop and currency.
    """
    with conn.cursor("movements", row_factory=class_row(Movement)) as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        yield from cursor.execute(_WITHIN + _IN_ORDER, _parameters(spans))


def movements_page(
    conn: psycopg.Connection[Any], span: Span, after_ns: int, after: UUID | None, limit: int
) -> list[Movement]:
    """Return what happened in a span, in the order of time.

    Args:
        conn: In a transaction of the shop.
        span: Such as a batch's.
        after_ns: After this moment.
        after: Or at this moment after the one with this id.
        limit: How many at most.
    """
    parameters = {**_parameters([span]), "after_ns": after_ns, "after": after or NIL, "limit": limit}
    with conn.cursor(row_factory=class_row(Movement), binary=True) as cursor:
        return cursor.execute(_WITHIN + _PAGE, parameters).fetchall()


def _parameters(spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "shops": [span.shop for span in spans],
        "currencies": [span.currency for span in spans],
        "from": [span.from_ns for span in spans],
        "until": [span.until_ns for span in spans],
    }
