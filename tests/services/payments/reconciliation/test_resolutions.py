"""One person proposes, another decides, and the clearing account holds what the bank holds."""

from itertools import product

import pytest

from karez.core.outcomes import Rejected
from karez.services.payments.reconciliation.break_states import (
    TRANSITIONS,
    WAITING,
    BreakState,
    Step,
    reached,
)
from karez.services.payments.reconciliation.matching.breaks import ALLOWED, Action, BreakKind
from karez.services.payments.reconciliation.records import BreakRecord
from karez.services.payments.reconciliation.resolutions import check_action, propose
from tests.services.payments.drawn import arrows_of_guide, arrows_of_table
from tests.services.payments.reconciliation.matching.making import movement
from tests.services.payments.reconciliation.office import Office

DAY_OF = "2026-03-02"
NOTHING = {"clearing": 0, "suspense": 0, "fees": 0}


def refused(code: str, act: object) -> str:
    """Expect a refusal, and return its sentence."""
    assert callable(act)
    with pytest.raises(Rejected) as rejection:
        act()
    assert rejection.value.code == code
    return rejection.value.sentence


@pytest.fixture
def surprise(office: Office) -> BreakRecord:
    """7.00 that nobody expects."""
    office.say(f"{DAY_OF} 7.00 X-1")
    office.run()
    return office.queue()[0]


def test_who_proposes_cannot_approve_or_decline(office: Office, surprise: BreakRecord) -> None:
    proposed = office.propose(surprise, Action.POST_TO_SUSPENSE, "ana")
    assert "proposed this yourself" in refused(
        "second_person_needed", lambda: office.approve(proposed, "ana")
    )
    refused("second_person_needed", lambda: office.decline(proposed, "ana"))
    assert office.balances() == NOTHING
    office.done(office.approve(proposed, "ben"))
    done = office.find_break(surprise.id)
    assert (done.state, done.proposed_by, done.decided_by) == ("approved", "ana", "ben")


def test_nothing_is_approved_that_nobody_has_proposed(office: Office, surprise: BreakRecord) -> None:
    refused("break_state_wrong", lambda: office.approve(surprise))
    refused("break_state_wrong", lambda: office.decline(surprise))


def test_what_was_declined_moves_nothing_and_can_be_proposed_anew_by_anybody(
    office: Office, surprise: BreakRecord
) -> None:
    declined = office.decline(office.propose(surprise, Action.POST_TO_SUSPENSE))
    assert (declined.state, office.balances()) == ("declined", NOTHING)
    refused("break_state_wrong", lambda: office.approve(declined, "cai"))
    again = office.propose(declined, Action.REFUND_PAYER, "ben")
    assert (again.proposed_by, again.decided_by) == ("ben", None)
    office.done(office.approve(again, "ana"))


def test_of_two_approvals_at_once_one_passes(office: Office, surprise: BreakRecord) -> None:
    proposed = office.propose(surprise, Action.POST_TO_SUSPENSE)
    first, second = office.approve(proposed, "ben"), office.approve(proposed, "cai")
    office.done(first)
    assert office.submit(second).code == "row_state_changed"
    assert office.balances() == {"clearing": -700, "suspense": 700, "fees": 0}


def test_of_an_approval_and_a_refusal_at_once_one_passes(office: Office, surprise: BreakRecord) -> None:
    approval = office.approve(office.propose(surprise, Action.POST_TO_SUSPENSE), "ben")
    office.decline(office.find_break(surprise.id), "cai")
    assert office.submit(approval).code == "row_state_changed"
    assert office.balances() == NOTHING


def test_an_approval_of_what_was_proposed_before_does_not_approve_what_is_proposed_now(
    office: Office, surprise: BreakRecord
) -> None:
    late = office.approve(office.propose(surprise, Action.POST_TO_SUSPENSE), "cai")
    declined = office.decline(office.find_break(surprise.id))
    office.clock.advance(1_000_000_000)
    office.propose(declined, Action.QUERY_BANK)
    assert office.submit(late).code == "row_state_changed"


@pytest.mark.parametrize(
    ("said", "action", "moved"),
    [
        ("7.00 X-1", Action.POST_TO_SUSPENSE, {"clearing": -700, "suspense": 700, "fees": 0}),
        ("7.00 X-1", Action.REFUND_PAYER, {"clearing": -700, "suspense": 700, "fees": 0}),
        ("-7.00 X-1", Action.POST_TO_SUSPENSE, {"clearing": 700, "suspense": -700, "fees": 0}),
        ("-7.00 X-1", Action.BOOK_BANK_FEE, {"clearing": 700, "suspense": 0, "fees": -700}),
        ("98.00 PO-1", Action.BOOK_BANK_FEE, {"clearing": 200, "suspense": 0, "fees": -200}),
        ("150.00 PO-1", Action.POST_TO_SUSPENSE, {"clearing": -5000, "suspense": 5000, "fees": 0}),
    ],
)
def test_the_difference_is_booked_and_the_items_are_settled(
    office: Office, said: str, action: Action, moved: dict[str, int]
) -> None:
    if "PO-1" in said:
        office.expect(movement("PO-1"))
    office.say(f"{DAY_OF} {said}")
    office.run()
    (found,) = office.queue()
    office.done(office.approve(office.propose(found, action)))
    assert office.balances() == moved
    assert office.count("bank_entry", f"settled_by = '{found.id}' AND settled_rule = '{action}'") == 1
    assert office.queue() == []
    assert not office.run().found.breaks


def test_a_late_day_is_accepted_without_moving_money(office: Office) -> None:
    office.expect(movement("PO-1"))
    office.say("2026-03-12 100.00 PO-1")
    office.run()
    (found,) = office.queue()
    office.done(office.approve(office.propose(found, Action.ACCEPT_DAY)))
    assert office.balances() == NOTHING
    assert office.compared().movements == 0


def test_a_query_settles_nothing_and_ends_when_the_bank_explains_it(office: Office) -> None:
    office.expect(movement("PO-1"))
    office.say("2026-03-12 7.00 X-1")
    office.run()
    missing = next(each for each in office.queue() if each.kind == "missing_at_bank")
    office.done(office.approve(office.propose(missing, Action.QUERY_BANK)))
    assert office.find_break(missing.id).state == "queried"
    assert office.count("outbox_event", "topic = 'reconciliation.query_bank'") == 1
    office.run()
    assert office.find_break(missing.id).state == "queried"
    office.say(f"{DAY_OF} 100.00 PO-1", day=movement().day)
    office.run()
    assert office.find_break(missing.id).state == "superseded"


def test_a_query_that_the_bank_answers_with_no_can_be_followed_by_another_action(office: Office) -> None:
    office.say(f"{DAY_OF} -7.00 X-1")
    office.run()
    (found,) = office.queue()
    office.done(office.approve(office.propose(found, Action.QUERY_BANK)))
    queried = office.find_break(found.id)
    office.done(office.approve(office.propose(queried, Action.BOOK_BANK_FEE)))
    assert office.balances() == {"clearing": 700, "suspense": 0, "fees": -700}


def test_a_break_whose_items_a_run_has_matched_in_the_meantime_moves_no_money(office: Office) -> None:
    office.expect(movement("PO-1"))
    office.say(f"{DAY_OF} 60.00 PO-1")
    office.run()
    approval = office.approve(office.propose(office.queue()[0], Action.POST_TO_SUSPENSE))
    office.say("2026-03-03 40.00 PO-1")
    office.run()
    assert office.submit(approval).code == "row_state_changed"
    assert office.balances() == NOTHING


def test_an_action_that_does_not_fit_cannot_even_be_proposed(office: Office, surprise: BreakRecord) -> None:
    refused("action_not_allowed", lambda: office.propose(surprise, Action.CONFIRM_MATCH))
    refused("action_does_not_fit", lambda: office.propose(surprise, Action.BOOK_BANK_FEE))
    long = "x" * 501
    items = office.items(surprise)
    refused(
        "note_too_long",
        lambda: propose(office.asking(), surprise, *items, Action.POST_TO_SUSPENSE, long),
    )


@pytest.mark.parametrize("kind", BreakKind)
@pytest.mark.parametrize("difference", [{}, {"CNY": 5}, {"CNY": -5}, {"CNY": 5, "USD": -5}])
def test_an_action_passes_only_where_the_kind_allows_it_and_the_sums_fit(
    kind: BreakKind, difference: dict[str, int]
) -> None:
    signs = {amount > 0 for amount in difference.values()}
    fits = {
        Action.CONFIRM_MATCH: not difference,
        Action.ACCEPT_DAY: not difference,
        Action.BOOK_BANK_FEE: signs == {False},
        Action.REFUND_PAYER: signs == {True},
        Action.GIVE_BACK: signs == {True},
    }
    for action in Action:
        if action in ALLOWED[kind] and fits.get(action, True):
            check_action(kind, action, difference)
        else:
            code = "action_does_not_fit" if action in ALLOWED[kind] else "action_not_allowed"
            refused(code, lambda action=action: check_action(kind, action, difference))


def test_every_step_leads_where_the_table_says_and_nowhere_else() -> None:
    for step, state in product(Step, BreakState):
        after = TRANSITIONS[step].get(state)
        if after is None:
            sentence = refused("break_state_wrong", lambda step=step, state=state: reached(state, step))
            assert f"This break is {state}" in sentence
        else:
            assert reached(state, step) is after


def test_what_is_approved_stays_approved() -> None:
    assert BreakState.APPROVED not in WAITING
    assert all(BreakState.APPROVED not in steps for steps in TRANSITIONS.values())


def test_the_diagram_in_the_guide_is_the_table() -> None:
    assert sorted(arrows_of_guide("States of a break")) == sorted(arrows_of_table(TRANSITIONS))
