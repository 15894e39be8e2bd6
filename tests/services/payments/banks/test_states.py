"""The table of states, by itself: what can never happen whatever banks and people do."""

import itertools

from karez.services.payments.banks.states import (
    OPEN,
    TRANSITIONS,
    Happening,
    State,
    moves_money,
    reached,
)
from tests.services.payments.drawn import arrows_of_guide, arrows_of_table

DONE = frozenset({State.SUCCEEDED, State.SUCCEEDED_LATE})


def test_the_bank_is_sent_an_order_from_created_alone() -> None:
    assert dict(TRANSITIONS[Happening.SENDING]) == {State.CREATED: State.SENT}


def test_only_the_bank_s_word_that_it_never_saw_an_order_lets_it_be_sent_again() -> None:
    ways = {
        (happening, old)
        for happening, table in TRANSITIONS.items()
        for old, new in table.items()
        if new is State.CREATED
    }
    assert ways == {(Happening.NEVER_SEEN, State.SENT), (Happening.NEVER_SEEN, State.UNKNOWN)}


def test_no_answer_decides_nothing() -> None:
    for happening in (Happening.NO_ANSWER, Happening.PROCESSING, Happening.NEVER_SEEN):
        for old, new in TRANSITIONS[happening].items():
            assert not moves_money(old, new), (happening, old, new)


def test_what_the_bank_has_carried_out_stays_so() -> None:
    assert not any(old in DONE for table in TRANSITIONS.values() for old in table)


def test_success_and_refusal_are_heard_in_every_state_that_is_not_done() -> None:
    for state in set(State) - DONE:
        assert reached(state, Happening.SUCCESS) in DONE
        assert reached(state, Happening.DECLINE) is State.DECLINED


def test_what_was_given_back_can_only_be_booked_as_late() -> None:
    for old in set(State) - OPEN - DONE:
        assert reached(old, Happening.SUCCESS) is State.SUCCEEDED_LATE
    for old in OPEN:
        assert reached(old, Happening.SUCCESS) is State.SUCCEEDED


def test_on_every_way_money_moves_by_the_bank_s_word_once() -> None:
    """All ways of four happenings: reserved money ends once, and money comes or goes once."""
    for happenings in itertools.product(Happening, repeat=4):
        state, ends, moves = State.CREATED, 0, 0
        for happening in happenings:
            new = reached(state, happening)
            if new is None:
                continue
            if moves_money(state, new):
                ends += state in OPEN
                moves += new in DONE
            state = new
        assert ends <= 1
        assert moves <= 1
        assert (state in OPEN) is (ends == 0)
        assert (state in DONE) is (moves == 1)


def test_the_diagram_in_the_guide_is_the_table() -> None:
    drawn = arrows_of_guide("States of an instruction to a bank")
    assert sorted(drawn) == sorted(arrows_of_table(TRANSITIONS))
