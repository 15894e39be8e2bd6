"""How often somebody may try: failures of a login name, of an address, of a browser that was let in before.

Each subject may fail some times at once and then once in an interval. It is one number a subject: the moment until
which its tries are used up (the generic cell rate algorithm of ITU-T I.371). A try is paid for before the password is
looked at, so tries at the same moment are counted, and given back if it was right.

An attacker can use up the tries of somebody's name, never those of a browser in which they have logged in before; and
an interval after the attack the name can be tried from everywhere again.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from karez.core.outcomes import Rejected

_SECOND_NS = 1_000_000_000
_KEPT_NS = 24 * 3_600 * _SECOND_NS


@dataclass(frozen=True, slots=True)
class Allowed:
    """How many tries there are.

    Attributes:
        at_once: In a row, after a pause.
        interval_s: In which one more is allowed.
    """

    at_once: int
    interval_s: int


BY_NAME = Allowed(at_once=8, interval_s=120)
BY_BROWSER = Allowed(at_once=8, interval_s=120)
BY_ADDRESS = Allowed(at_once=40, interval_s=15)

_TAKE = """
INSERT INTO login_throttle AS known (subject, used_until_ns)
VALUES (%(subject)s, %(now_ns)s + %(interval_ns)s)
ON CONFLICT (subject) DO UPDATE
SET used_until_ns = greatest(known.used_until_ns, %(now_ns)s) + %(interval_ns)s
WHERE greatest(known.used_until_ns, %(now_ns)s) + %(interval_ns)s <= %(now_ns)s + %(burst_ns)s
RETURNING used_until_ns
"""


def take_try(conn: psycopg.Connection[Any], subject: bytes, allowed: Allowed, now_ns: int) -> None:
    """Pay for one try.

    Args:
        conn: In a transaction of the entrance.
        subject: A fingerprint of what is counted.
        allowed: How many.
        now_ns: The present moment.

    Rejections: ``too_many_tries`` with ``retry_after_s``.
    """
    interval_ns = allowed.interval_s * _SECOND_NS
    taken = conn.execute(
        _TAKE,
        {
            "subject": subject,
            "now_ns": now_ns,
            "interval_ns": interval_ns,
            "burst_ns": allowed.at_once * interval_ns,
        },
    ).fetchone()
    if taken is None:
        raise Rejected(
            "too_many_tries",
            f"There were too many tries; wait {allowed.interval_s} seconds and try again.",
            retry_after_s=allowed.interval_s,
        )


def give_back(conn: psycopg.Connection[Any], subject: bytes, allowed: Allowed) -> None:
    """Give a try back that turned out to be right.

    Args:
        conn: In a transaction of the entrance.
        subject: As it was taken.
        allowed: The same.
    """
    conn.execute(
        "UPDATE login_throttle SET used_until_ns = used_until_ns - %s WHERE subject = %s",
        (allowed.interval_s * _SECOND_NS, subject),
    )


def forget_old(conn: psycopg.Connection[Any], now_ns: int) -> None:
    """Delete subjects whose tries are all there again since a day.

    Args:
        conn: In a transaction of the entrance.
        now_ns: The present moment.
    """
    conn.execute("DELETE FROM login_throttle WHERE used_until_ns < %s", (now_ns - _KEPT_NS,))
