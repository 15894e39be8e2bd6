"""The life of a break: somebody proposes what to do, somebody else decides.

open --propose--> proposed --approve--> approved
                   |    |
                   |    +-- ask bank --> queried --propose--> proposed
                decline
                   +--> declined --propose--> proposed

A later run that does not find it any more: superseded. One that finds it again: open.

Two persons, because an action moves money: whoever proposed it cannot approve it ("four eyes").
"""

from collections.abc import Mapping
from enum import StrEnum

from karez.core.outcomes import Rejected


class BreakState(StrEnum):
    """Where a break is in its life."""

    OPEN = "open"
    PROPOSED = "proposed"
    APPROVED = "approved"
    QUERIED = "queried"
    DECLINED = "declined"
    SUPERSEDED = "superseded"


class Step(StrEnum):
    """What happens to a break."""

    PROPOSE = "propose"
    APPROVE = "approve"
    ASK_BANK = "ask_bank"
    DECLINE = "decline"
    SUPERSEDE = "supersede"
    FIND_AGAIN = "find_again"


WAITING = frozenset({BreakState.OPEN, BreakState.PROPOSED, BreakState.QUERIED, BreakState.DECLINED})
"""The states of a break that is not done with."""

TRANSITIONS: Mapping[Step, Mapping[BreakState, BreakState]] = {
    Step.PROPOSE: dict.fromkeys(WAITING - {BreakState.PROPOSED}, BreakState.PROPOSED),
    Step.APPROVE: {BreakState.PROPOSED: BreakState.APPROVED},
    Step.ASK_BANK: {BreakState.PROPOSED: BreakState.QUERIED},
    Step.DECLINE: {BreakState.PROPOSED: BreakState.DECLINED},
    Step.SUPERSEDE: dict.fromkeys(WAITING, BreakState.SUPERSEDED),
    Step.FIND_AGAIN: {BreakState.SUPERSEDED: BreakState.OPEN},
}
"""For each step the states in which it can be taken, and where it leads."""


def reached(state: BreakState, step: Step) -> BreakState:
    """Return where a step leads.

    Rejections: ``break_state_wrong``.
    """
    after = TRANSITIONS[step].get(state)
    if after is None:
        possible = " or ".join(sorted(TRANSITIONS[step]))
        raise Rejected(
            "break_state_wrong",
            f"This break is {state} and one can only {step} what is {possible}; read it again.",
        )
    return after
