"""What is known about attempts to pay: one statement for any number of them.

For each of the four subjects the latest attempts of 24 hours are read from an index, at most ``LOOKED_AT_MAX``, and
summed by how long ago they were. Beyond that many, figures are lower bounds.

What others are doing at the same moment is not seen: of many payments at once a few may pass above a limit. These
limits are meant to slow a thief down. What must hold under any concurrency, such as a balance or what may be spent in
24 hours, is an account of the book.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from karez.services.payments.fraud.attempts import (
    LENGTH_S,
    NOTHING,
    Observed,
    PaymentAttempt,
    Seen,
    Subject,
    Window,
)
from karez.services.payments.fraud.listing import letter, list_keys
from karez.services.payments.fraud.rules import LOOKED_AT_MAX

_SECOND_NS = 1_000_000_000
_MINUTE_NS, _HOUR_NS, _DAY_NS = (LENGTH_S[window] * _SECOND_NS for window in Window)

_SUBJECTS = tuple(Subject)
_WINDOWS = tuple(Window)
_LISTED = {letter(subject): subject for subject in Subject}
_KNOWS_SHOP, _KNOWS_DEVICE = 4, 5


def _latest(subject: Subject) -> str:
    number = _SUBJECTS.index(subject)
    return f"""
    (SELECT {number} AS found, d.at_ns, d.outcome, d.currency, d.amount_minor FROM fraud_decision d
     WHERE d.{subject} = a.{subject} AND d.at_ns > a.at_ns - {_DAY_NS}
     ORDER BY d.at_ns DESC LIMIT {LOOKED_AT_MAX})"""  # noqa: S608 - our own names and numbers


def _known(found: int, subject: Subject) -> str:
    return f"""
    (SELECT {found}, a.at_ns, 'allow', a.currency, 0 FROM fraud_decision d
     WHERE d.person = a.person AND d.{subject} = a.{subject} AND d.outcome = 'allow' LIMIT 1)"""  # noqa: S608


# One row for each kind of finding, by how long ago it was (0: this minute, 2: this hour, 4: this day) plus 1 if it
# was allowed. One number to group by, and no cast of the zeros to bigint, save a sixth of the time: with the cast,
# PostgreSQL plans the parts of the union as relations of their own.
_OBSERVE = f"""
SELECT a.place, r.found,
       CASE WHEN r.at_ns > a.at_ns - {_MINUTE_NS} THEN 0 WHEN r.at_ns > a.at_ns - {_HOUR_NS} THEN 2 ELSE 4 END
           + (r.outcome = 'allow')::integer,
       count(*), (sum(r.amount_minor) FILTER (WHERE r.currency = a.currency))::bigint
FROM (
    SELECT u.*, (%b::bytea[])[u.first_key : u.last_key] AS keys
    FROM unnest(
        %b::uuid[], %b::uuid[], %b::bytea[], %b::bytea[], %b::text[], %b::bigint[], %b::integer[], %b::integer[]
    ) WITH ORDINALITY AS u (person, shop, card, device, currency, at_ns, first_key, last_key, place)
) a
CROSS JOIN LATERAL ({"UNION ALL".join(map(_latest, Subject))}
    UNION ALL {_known(_KNOWS_SHOP, Subject.SHOP)}
    UNION ALL {_known(_KNOWS_DEVICE, Subject.DEVICE)}
    UNION ALL
    (SELECT get_byte(l.key, 0), a.at_ns, l.verdict, a.currency, 0 FROM fraud_list l
     WHERE l.key = ANY (a.keys) AND (l.until_ns IS NULL OR l.until_ns > a.at_ns))
) r
GROUP BY 1, 2, 3
"""  # noqa: S608 - our own names and numbers

_Row = tuple[int, int, int, int, int | None]


def observed(conn: psycopg.Connection[Any], attempts: Sequence[PaymentAttempt]) -> list[Observed]:
    """Return what is known about each of some attempts.

    Args:
        conn: In a transaction of the operator: nobody else may see what others do.
        attempts: In any number.
    """
    rows: dict[int, list[_Row]] = defaultdict(list)
    with conn.cursor(binary=True) as cursor:
        for row in cursor.execute(_OBSERVE, _parameters(attempts)):
            rows[row[0]].append(row)
    return [_observed(rows.get(place, ())) for place in range(1, len(attempts) + 1)]


def _parameters(attempts: Sequence[PaymentAttempt]) -> list[list[Any]]:
    keys: list[bytes] = []
    first, last = [], []
    for attempt in attempts:
        first.append(len(keys) + 1)
        keys += list_keys(attempt)
        last.append(len(keys))
    return [
        keys,
        [attempt.person for attempt in attempts],
        [attempt.shop for attempt in attempts],
        [attempt.card[0] if attempt.card else None for attempt in attempts],
        [attempt.device[0] if attempt.device else None for attempt in attempts],
        [attempt.currency for attempt in attempts],
        [attempt.at_ns for attempt in attempts],
        first,
        last,
    ]


def _observed(rows: Iterable[_Row]) -> Observed:
    seen: dict[tuple[Subject, Window], Seen] = {}
    known: set[int] = set()
    listed: tuple[set[Subject], set[Subject]] = (set(), set())
    for _, found, when, count, amount_minor in rows:
        nearest, is_allowed = divmod(when, 2)
        if found in _LISTED:
            listed[is_allowed].add(_LISTED[found])
        elif found >= len(_SUBJECTS):
            known.add(found)
        else:
            more = Seen(count, amount_minor or 0) if is_allowed else Seen(stopped=count)
            for window in _WINDOWS[nearest:]:
                key = _SUBJECTS[found], window
                seen[key] = seen.get(key, NOTHING) + more
    return Observed(
        seen=seen,
        blocked=frozenset(listed[0]),
        trusted=frozenset(listed[1]),
        knows_shop=_KNOWS_SHOP in known,
        knows_device=_KNOWS_DEVICE in known,
    )
