"""The states of a trade: one table that can be held against the diagram in ``docs/payments.md``.

created --pay--> paid --ship--> shipped --confirm--> finished
   |               |               |
 close           refund         dispute --decide--> finished, returned, or where it was

A state tells where the escrowed money is. What a shop refunds after it has got the money changes no state: the
refunds of a finished trade are a list of their own.
"""

from collections.abc import Mapping
from enum import StrEnum

from karez.core.outcomes import Rejected


class State(StrEnum):
    """Where a trade stands."""

    CREATED = "created"
    """Ordered and not paid."""
    PAYING = "paying"
    """A bank has been asked to pay a part; the other parts are reserved."""
    PAID = "paid"
    """The money is in escrow."""
    SHIPPED = "shipped"
    """The shop has handed the goods over to a carrier."""
    DISPUTED = "disputed"
    """Buyer and shop disagree; the timer stands still."""
    FINISHED = "finished"
    """Nothing is in escrow any more, and the shop has got something of it."""
    RETURNED = "returned"
    """Everything went back to the buyer."""
    CLOSED = "closed"
    """It was never paid, and cannot be any more."""


class Action(StrEnum):
    """What somebody does to a trade."""

    PAY = "pay"
    ASK_BANK = "ask_bank"
    BANK_PAYS = "bank_pays"
    BANK_DECLINES = "bank_declines"
    CLOSE = "close"
    SHIP = "ship"
    CONFIRM = "confirm"
    EXTEND = "extend"
    RELEASE_PART = "release_part"
    REFUND = "refund"
    DISPUTE = "dispute"
    WITHDRAW_DISPUTE = "withdraw_dispute"
    ACCEPT_CLAIM = "accept_claim"
    DECIDE = "decide"


TRANSITIONS: Mapping[Action, Mapping[State, frozenset[State]]] = {
    Action.PAY: {State.CREATED: frozenset({State.PAID, State.FINISHED})},
    Action.ASK_BANK: {State.CREATED: frozenset({State.PAYING})},
    Action.BANK_PAYS: {State.PAYING: frozenset({State.PAID, State.FINISHED})},
    Action.BANK_DECLINES: {State.PAYING: frozenset({State.CREATED})},
    Action.CLOSE: {State.CREATED: frozenset({State.CLOSED})},
    Action.SHIP: {State.PAID: frozenset({State.SHIPPED})},
    Action.CONFIRM: {
        State.PAID: frozenset({State.FINISHED}),
        State.SHIPPED: frozenset({State.FINISHED}),
    },
    Action.EXTEND: {
        State.PAID: frozenset({State.PAID}),
        State.SHIPPED: frozenset({State.SHIPPED}),
    },
    Action.RELEASE_PART: {
        State.PAID: frozenset({State.PAID, State.FINISHED}),
        State.SHIPPED: frozenset({State.SHIPPED, State.FINISHED}),
    },
    Action.REFUND: {
        State.PAID: frozenset({State.PAID, State.FINISHED, State.RETURNED}),
        State.SHIPPED: frozenset({State.SHIPPED, State.FINISHED, State.RETURNED}),
        State.FINISHED: frozenset({State.FINISHED}),
    },
    Action.DISPUTE: {
        State.PAID: frozenset({State.DISPUTED}),
        State.SHIPPED: frozenset({State.DISPUTED}),
    },
    Action.WITHDRAW_DISPUTE: {State.DISPUTED: frozenset({State.PAID, State.SHIPPED})},
    Action.ACCEPT_CLAIM: {
        State.DISPUTED: frozenset({State.PAID, State.SHIPPED, State.FINISHED, State.RETURNED}),
    },
    Action.DECIDE: {
        State.DISPUTED: frozenset({State.PAID, State.SHIPPED, State.FINISHED, State.RETURNED}),
    },
}
"""For each action, from which states it leads to which."""

_WHY_NOT: Mapping[State, str] = {
    State.CREATED: "it has not been paid yet",
    State.PAYING: "a bank is being asked for its payment; wait for the answer",
    State.PAID: "it is paid and waits for the shop",
    State.SHIPPED: "it is on its way to the buyer",
    State.DISPUTED: "it is in dispute; wait for the decision or withdraw the dispute",
    State.FINISHED: "it is finished",
    State.RETURNED: "all of its money went back to the buyer",
    State.CLOSED: "it was closed without payment; make a new order",
}


def check_action(state: State, action: Action) -> None:
    """Refuse an action that a trade in this state does not know.

    Rejections: ``trade_state_wrong``.
    """
    if state not in TRANSITIONS[action]:
        raise Rejected(
            "trade_state_wrong",
            f"This trade cannot take {action.replace('_', ' ')!r}: {_WHY_NOT[state]}.",
            state=state,
        )


def reached(state: State, action: Action, new: State) -> State:
    """Return the state that an action leads to, which must be one of the table.

    Rejections: ``trade_state_wrong``.
    """
    check_action(state, action)
    assert new in TRANSITIONS[action][state], f"{action} does not lead from {state} to {new}"
    return new
