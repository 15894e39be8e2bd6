"""When a bank is asked again: soon at first, then ever more seldom, and after a day people are called as well.

An instruction that was given up is asked for once a day for another 30 days, so that money that the bank moves late
is found by itself.
"""

from dataclasses import dataclass

from karez.services.payments.banks.records import Instruction
from karez.services.payments.banks.states import OPEN, State

PAUSES_S = (5, 30, 300, 1_800, 3_600)
"""After the first, second, ... call without a decision; the last one for all further calls."""
FLAG_AFTER_S = 86_400
FLAGGED_PAUSE_S = 6 * 3_600
WATCH_PAUSE_S = 86_400
WATCH_S = 30 * 86_400

_NANOSECONDS = 1_000_000_000
_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Next:
    """What comes next.

    Attributes:
        due_ns: When the bank is called; ``None`` is never by itself.
        flagged_ns: Since when people should look at it.
    """

    due_ns: int | None
    flagged_ns: int | None


def next_call(instruction: Instruction, new: State, now_ns: int, chance: float, *, is_alarming: bool) -> Next:
    """Return when the bank is called again after a call without a decision.

    Args:
        instruction: As it was for the call, which is counted in its attempts.
        new: The state that the call has led to.
        now_ns: The present moment.
        chance: From 0 up to 1: calls that failed together are not repeated together.
        is_alarming: Whether people should look at it at once.
    """
    if new is State.CREATED:
        return Next(now_ns, instruction.flagged_ns)
    if new not in OPEN:
        is_watched = (
            instruction.ended_ns is not None and now_ns - instruction.ended_ns < WATCH_S * _NANOSECONDS
        )
        due_ns = _later_ns(now_ns, WATCH_PAUSE_S, chance) if is_watched and new is State.GIVEN_UP else None
        return Next(due_ns, instruction.flagged_ns)
    is_old = now_ns - instruction.created_ns >= FLAG_AFTER_S * _NANOSECONDS
    pause_s = FLAGGED_PAUSE_S if is_old else PAUSES_S[min(instruction.attempts, len(PAUSES_S)) - 1]
    flagged_ns = instruction.flagged_ns
    if flagged_ns is None and (is_old or is_alarming):
        flagged_ns = now_ns
    return Next(_later_ns(now_ns, pause_s, chance), flagged_ns)


def watched_from(now_ns: int) -> int:
    """Return when an instruction that was just given up is asked for again."""
    return now_ns + WATCH_PAUSE_S * _NANOSECONDS


def _later_ns(now_ns: int, pause_s: int, chance: float) -> int:
    return now_ns + round(pause_s * (1 + _SPREAD * chance) * _NANOSECONDS)
