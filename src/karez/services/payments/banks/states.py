"""The states of an instruction: one table that can be held against the diagram in ``docs/payments.md``.

created --before the call--> sent --no answer--> unknown --asked--> processing
   ^                           |                    |
   +---- the bank never saw it +--------------------+

any of these --the bank's word--> succeeded, declined        any of these --people's--> given up
declined, given up --the bank's word that it was carried out after all--> succeeded late

An order is sent to the bank from ``created`` alone, and nothing but the bank's own word that it never saw the order
leads back there. Before the call the row says ``sent``: whoever finds it so, after a crash, asks and does not send.
"""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where an instruction stands."""

    CREATED = "created"
    """The bank does not know of it."""
    SENT = "sent"
    """It is on its way to the bank; whether it has arrived is not known yet."""
    UNKNOWN = "unknown"
    """The bank has not answered."""
    PROCESSING = "processing"
    """The bank has it and has not decided yet."""
    SUCCEEDED = "succeeded"
    """The bank has moved the money."""
    DECLINED = "declined"
    """The bank has not moved the money."""
    GIVEN_UP = "given_up"
    """People decided not to wait any longer; for the book it is as if it were declined."""
    SUCCEEDED_LATE = "succeeded_late"
    """The bank has moved the money although it was declined or given up here."""


class Happening(StrEnum):
    """What happens to an instruction."""

    SENDING = "sending"
    NO_ANSWER = "no_answer"
    NEVER_SEEN = "never_seen"
    PROCESSING = "processing"
    SUCCESS = "success"
    DECLINE = "decline"
    GIVING_UP = "giving_up"


OPEN = frozenset({State.CREATED, State.SENT, State.UNKNOWN, State.PROCESSING})
"""The states in which money waits for the bank."""

TRANSITIONS: Mapping[Happening, Mapping[State, State]] = {
    Happening.SENDING: {State.CREATED: State.SENT},
    Happening.NO_ANSWER: {
        State.SENT: State.UNKNOWN,
        State.UNKNOWN: State.UNKNOWN,
        State.PROCESSING: State.PROCESSING,
        State.DECLINED: State.DECLINED,
        State.GIVEN_UP: State.GIVEN_UP,
    },
    Happening.NEVER_SEEN: {
        State.SENT: State.CREATED,
        State.UNKNOWN: State.CREATED,
        # The bank has told that it has it: what it says now is its mistake, and no reason to send it again.
        State.PROCESSING: State.PROCESSING,
        State.DECLINED: State.DECLINED,
        State.GIVEN_UP: State.GIVEN_UP,
    },
    Happening.PROCESSING: {
        State.SENT: State.PROCESSING,
        State.UNKNOWN: State.PROCESSING,
        State.PROCESSING: State.PROCESSING,
        State.DECLINED: State.DECLINED,
        State.GIVEN_UP: State.GIVEN_UP,
    },
    Happening.SUCCESS: {
        # A slow request may arrive after the bank has said that it never saw it.
        State.CREATED: State.SUCCEEDED,
        State.SENT: State.SUCCEEDED,
        State.UNKNOWN: State.SUCCEEDED,
        State.PROCESSING: State.SUCCEEDED,
        State.DECLINED: State.SUCCEEDED_LATE,
        State.GIVEN_UP: State.SUCCEEDED_LATE,
    },
    Happening.DECLINE: {
        State.CREATED: State.DECLINED,
        State.SENT: State.DECLINED,
        State.UNKNOWN: State.DECLINED,
        State.PROCESSING: State.DECLINED,
        State.DECLINED: State.DECLINED,
        State.GIVEN_UP: State.DECLINED,
    },
    Happening.GIVING_UP: {
        State.CREATED: State.GIVEN_UP,
        State.SENT: State.GIVEN_UP,
        State.UNKNOWN: State.GIVEN_UP,
        State.PROCESSING: State.GIVEN_UP,
    },
}
"""For each happening, from which state it leads to which; what is missing here cannot happen."""


def reached(state: State, happening: Happening) -> State | None:
    """Return the state that a happening leads to; ``None`` where it means nothing."""
    return TRANSITIONS[happening].get(state)


def moves_money(old: State, new: State) -> bool:
    """Tell whether a change is one of the book: a reservation ends, or money comes or goes.

    All other changes only record how the asking goes on.
    """
    return old is not new and (new is State.SUCCEEDED_LATE or (old in OPEN and new not in OPEN))
