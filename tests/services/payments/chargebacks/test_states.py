"""A chargeback is answered once and decided once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.services.payments.chargebacks.states import TRANSITIONS, Action, State, reached

DECIDED = (State.WON, State.LOST)


@given(st.lists(st.sampled_from(Action), max_size=8))
def test_whatever_is_tried_it_is_decided_at_most_once(actions: list[Action]) -> None:
    state, decisions = State.OPEN, 0
    for action in actions:
        if state in TRANSITIONS[action]:
            state = reached(state, action)
            decisions += state in DECIDED
    assert decisions == (state in DECIDED)


@pytest.mark.parametrize("state", DECIDED)
@pytest.mark.parametrize("action", Action)
def test_what_is_decided_takes_nothing_more(state: State, action: Action) -> None:
    with pytest.raises(Rejected) as refused:
        reached(state, action)
    assert (refused.value.code, refused.value.facts) == ("chargeback_state_wrong", {"state": state.value})
