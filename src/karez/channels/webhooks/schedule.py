"""When a message is sent again, when it is given up, and when an endpoint is.

A message is sent at once and then, if need be, after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h, each
counted from the attempt before: ten attempts in at least 75 h 35 min. Each pause is longer by up to a fifth, left to
chance, so that messages which failed together do not come back together.

An endpoint that answers 410 is disabled at once, one from which for three days nothing came but failures at its next
failure. Source: Standard Webhooks 1.0.0, "Deliverability and reliability".
"""

from dataclasses import dataclass
from typing import Literal

from karez.channels.webhooks.sender import Answer

RETRY_PAUSES_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
ATTEMPTS_MAX = len(RETRY_PAUSES_S) + 1
DISABLED_AFTER_S = 3 * 86_400

_SPREAD = 0.2
_NANOSECONDS = 1_000_000_000

State = Literal["waiting", "delivered", "failed"]
Disabling = Literal["gone", "failing"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a delivery.

    Attributes:
        state: ``waiting`` for another attempt, ``delivered``, or ``failed`` for good.
        due_ns: When the next attempt is due, if it waits.
    """

    state: State
    due_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint is.

    Attributes:
        failing_since_ns: Since when nothing came from it but failures; ``None`` if its last answer was a success.
        disabling: Why it is to be disabled, if it is.
    """

    failing_since_ns: int | None
    disabling: Disabling | None = None


def verdict_on(answer: Answer, tries: int, now_ns: int, chance: float) -> Verdict:
    """Return what becomes of a delivery after an attempt.

    Args:
        answer: What came of it.
        tries: How many attempts there were, this one among them, since it was queued or sent again by hand.
        now_ns: The present moment.
        chance: From 0 up to 1; decides how far the pause is spread.
    """
    if answer.is_success:
        return Verdict("delivered")
    if answer.is_gone or tries >= ATTEMPTS_MAX:
        return Verdict("failed")
    pause_s = RETRY_PAUSES_S[tries - 1] * (1 + _SPREAD * chance)
    return Verdict("waiting", now_ns + round(pause_s * _NANOSECONDS))


def health_after(answers: list[Answer], failing_since_ns: int | None, now_ns: int) -> Health:
    """Return how an endpoint is after some attempts.

    Args:
        answers: What came of them, at least one.
        failing_since_ns: Its state before.
        now_ns: The present moment.
    """
    if any(answer.is_gone for answer in answers):
        return Health(now_ns if failing_since_ns is None else failing_since_ns, "gone")
    if any(answer.is_success for answer in answers):
        return Health(None)
    if failing_since_ns is None:
        return Health(now_ns)
    is_lost = now_ns - failing_since_ns >= DISABLED_AFTER_S * _NANOSECONDS
    return Health(failing_since_ns, "failing" if is_lost else None)
