"""The states of a chargeback.

open --represent--> represented --decide--> won or lost
  |
  +-- decide for the shop --> won
  +-- ten days without an answer --> lost

Nobody decides against a shop that may still answer.
"""

from collections.abc import Mapping
from enum import StrEnum

from karez.core.outcomes import Rejected

REPRESENT_S = 10 * 86_400
"""How long a shop has for its evidence; then it has lost."""


class State(StrEnum):
    """Where a chargeback stands."""

    OPEN = "open"
    """The money is reserved, and the shop may answer."""
    REPRESENTED = "represented"
    """The shop has answered, and whoever opened it decides."""
    WON = "won"
    """The shop has its money again."""
    LOST = "lost"
    """The money went back to the bank or the buyer."""


class Action(StrEnum):
    """What somebody does to a chargeback."""

    REPRESENT = "represent"
    WIN = "win"
    LOSE = "lose"


TRANSITIONS: Mapping[Action, Mapping[State, State]] = {
    Action.REPRESENT: {State.OPEN: State.REPRESENTED},
    Action.WIN: {State.OPEN: State.WON, State.REPRESENTED: State.WON},
    Action.LOSE: {State.OPEN: State.LOST, State.REPRESENTED: State.LOST},
}
"""For each action, from which state it leads to which."""


def reached(state: State, action: Action) -> State:
    """Return the state that an action leads to.

    Rejections: ``chargeback_state_wrong``.
    """
    if state not in TRANSITIONS[action]:
        raise Rejected(
            "chargeback_state_wrong",
            f"This chargeback is {state.value!r} and cannot take {action.value!r}; read it again.",
            state=state.value,
        )
    return TRANSITIONS[action][state]
