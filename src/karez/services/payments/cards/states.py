"""The states of a card: one table that can be held against the diagram in ``docs/payments.md``.

        +---------------- ask -----------------+
        v                                      |
[*] -> asked --prove--> bound --unbind--> unbound
        | ^                                    ^
 refuse | | ask                                |
        v |                                    |
      refused          asked --unbind----------+

A challenge that nobody has answered in time leaves its card ``asked``, and the next ``ask`` begins another one.
"""

from collections.abc import Mapping
from enum import StrEnum

from karez.core.outcomes import Rejected


class State(StrEnum):
    """Where a card stands."""

    ASKED = "asked"
    """The bank has sent its holder a code, which has not come back yet."""
    BOUND = "bound"
    """It can be paid with."""
    REFUSED = "refused"
    """The bank does not know the card or its holder, or too many codes were wrong."""
    UNBOUND = "unbound"
    """Its holder does not want to pay with it any more."""


class Action(StrEnum):
    """What happens to a card."""

    ASK = "ask"
    TRY = "try"
    PROVE = "prove"
    REFUSE = "refuse"
    CHANGE_LIMITS = "change_limits"
    UNBIND = "unbind"


TRANSITIONS: Mapping[Action, Mapping[State, State]] = {
    Action.ASK: {
        State.ASKED: State.ASKED,
        State.REFUSED: State.ASKED,
        State.UNBOUND: State.ASKED,
    },
    Action.TRY: {State.ASKED: State.ASKED},
    Action.PROVE: {State.ASKED: State.BOUND},
    Action.REFUSE: {State.ASKED: State.REFUSED},
    Action.CHANGE_LIMITS: {State.BOUND: State.BOUND},
    Action.UNBIND: {State.ASKED: State.UNBOUND, State.BOUND: State.UNBOUND},
}
"""For each action, from which state it leads to which."""

_WHY_NOT: Mapping[State, str] = {
    State.ASKED: "the code that its bank has sent has not come back yet",
    State.BOUND: "it is bound",
    State.REFUSED: "its bank has refused it; bind it again",
    State.UNBOUND: "it is not bound any more; bind it again",
}


def reached(state: State, action: Action) -> State:
    """Return the state that an action leads to.

    Rejections: ``card_state_wrong``.
    """
    found = TRANSITIONS[action].get(state)
    if found is None:
        raise Rejected(
            "card_state_wrong",
            f"This card cannot take {action.replace('_', ' ')!r}: {_WHY_NOT[state]}.",
            state=state,
        )
    return found
