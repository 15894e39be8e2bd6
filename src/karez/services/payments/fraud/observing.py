"""What is known about attempts to pay: one statement for any number of them.

For each subject that a rule counts, its latest attempts within the longest window of these rules are read from an
index, at most ``LOOKED_AT_MAX``, and summed by how long ago they were. Beyond that many, figures are lower bounds.

What others are doing at the same moment is not seen: of many payments at once a few may pass above a limit. These
limits are meant to slow a thief down. What must hold under any concurrency is an exact rule's (``exact.py``).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

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
from karez.services.payments.fraud.rules import (
    LOOKED_AT_MAX,
    NamedRule,
    ScoreAbove,
    Unfamiliar,
    Velocity,
)

_SECOND_NS = 1_000_000_000
_MINUTE_NS, _HOUR_NS, _DAY_NS = (LENGTH_S[window] * _SECOND_NS for window in Window)

_SUBJECTS = tuple(Subject)
_WINDOWS = tuple(Window)
_LISTED = {letter(subject): subject for subject in Subject}
_KNOWS_SHOP, _KNOWS_DEVICE = 4, 5


@dataclass(frozen=True, slots=True)
class Looking:
    """What a set of rules looks at.

    Attributes:
        counted: Subjects, each with the longest window in which it is counted.
        knows_shop: Whether it matters if the person has paid to the shop before.
        knows_device: Whether it matters if the person has paid with the device before.
    """

    counted: tuple[tuple[Subject, Window], ...] = ()
    knows_shop: bool = False
    knows_device: bool = False

    def __bool__(self) -> bool:
        return bool(self.counted) or self.knows_shop or self.knows_device


EVERYTHING = Looking(tuple((subject, Window.DAY) for subject in Subject), True, True)


def looking(rules: Sequence[NamedRule]) -> Looking:
    """Return what must be looked at for these rules; a model may use everything.

    Args:
        rules: Those that hold.
    """
    if any(isinstance(named.rule, ScoreAbove) for named in rules):
        return EVERYTHING
    windows: dict[Subject, list[Window]] = {}
    for rule in (named.rule for named in rules):
        if isinstance(rule, Velocity) and not rule.exact:
            windows.setdefault(rule.subject, []).append(rule.window)
    unfamiliar = {named.rule.subject for named in rules if isinstance(named.rule, Unfamiliar)}
    return Looking(
        counted=tuple((each, max(windows[each], key=_WINDOWS.index)) for each in Subject if each in windows),
        knows_shop="shop" in unfamiliar,
        knows_device="device" in unfamiliar,
    )


def _latest(subject: Subject, window: Window) -> str:
    number = _SUBJECTS.index(subject)
    return f"""
    (SELECT {number} AS found, d.at_ns, d.outcome, d.currency, d.amount_minor FROM fraud_decision d
     WHERE d.{subject} = a.{subject} AND d.at_ns > a.at_ns - {LENGTH_S[window] * _SECOND_NS}
     ORDER BY d.at_ns DESC LIMIT {LOOKED_AT_MAX})"""  # noqa: S608 - our own names and numbers


def _known(found: int, subject: Subject) -> str:
    return f"""
    (SELECT {found}, a.at_ns, 'allow', a.currency, 0 FROM fraud_decision d
     WHERE d.person = a.person AND d.{subject} = a.{subject} AND d.outcome = 'allow' LIMIT 1)"""  # noqa: S608


# One row for each kind of finding, by how long ago it was (0: this minute, 2: this hour, 4: this day) plus 1 if it
# was allowed. One number to group by, and no cast of the zeros to bigint, save a sixth of the time: with the cast,
# PostgreSQL plans the parts of the union as relations of their own.
@cache
def _statement(looking: Looking) -> str:
    parts = [_latest(subject, window) for subject, window in looking.counted]
    if looking.knows_shop:
        parts.append(_known(_KNOWS_SHOP, Subject.SHOP))
    if looking.knows_device:
        parts.append(_known(_KNOWS_DEVICE, Subject.DEVICE))
    return f"""
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
CROSS JOIN LATERAL ({"".join(f"{part} UNION ALL" for part in parts)}
    (SELECT get_byte(l.key, 0) AS found, a.at_ns, l.verdict AS outcome, a.currency, 0 AS amount_minor
     FROM fraud_list l
     WHERE l.key = ANY (a.keys) AND (l.until_ns IS NULL OR l.until_ns > a.at_ns))
) r
GROUP BY 1, 2, 3
"""  # noqa: S608 - our own names and numbers


_COUNTERS = "SELECT id FROM account WHERE id = ANY(%b::uuid[])"

_Row = tuple[int, int, int, int, int | None]


def observed(
    conn: psycopg.Connection[Any],
    attempts: Sequence[PaymentAttempt],
    looking: Looking = EVERYTHING,
    counters: Sequence[UUID] = (),
) -> list[Observed]:
    """Return what is known about each of some attempts.

    Args:
        conn: In a transaction of the operator: nobody else may see what others do.
        attempts: In any number.
        looking: At what; lists are always looked at.
        counters: Accounts of exact rules; which of them are open is read along.
    """
    with conn.pipeline(), conn.cursor(binary=True) as cursor, conn.cursor(binary=True) as also:
        cursor.execute(_statement(looking), _parameters(attempts))
        if counters:
            also.execute(_COUNTERS, (list(counters),))
        rows: dict[int, list[_Row]] = defaultdict(list)
        for row in cursor:
            rows[row[0]].append(row)
        open_counters = frozenset(id_ for (id_,) in also.fetchall()) if counters else frozenset()
    return [_observed(rows.get(place, ()), open_counters) for place in range(1, len(attempts) + 1)]


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


def _observed(rows: Iterable[_Row], counters: frozenset[UUID]) -> Observed:
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
        counters=counters,
    )
