"""A run settles what matches, queues what does not, and takes back what later statements explain."""

import pytest

from karez.core.outcomes import Rejected
from karez.services.payments.reconciliation.doors import Expectation, expect_movement, settled_movements
from karez.services.payments.reconciliation.matching.breaks import Action
from karez.services.payments.reconciliation.matching.items import Movement
from karez.services.payments.reconciliation.runs import run_operations
from karez.storage.database import connect
from tests.services.payments.reconciliation.matching.making import movement
from tests.services.payments.reconciliation.office import Office, kinds

DAY_OF = "2026-03-02"
LATER = "2026-03-20"


def test_what_matches_is_settled_on_both_sides_by_one_id(office: Office) -> None:
    one, two = movement("PO-1"), movement("PO-2", -500)
    office.expect(one, two)
    office.say(f"{DAY_OF} 100.00 po-1", f"{DAY_OF} -5 PO-2")
    compared = office.run()
    assert (len(compared.found.matches), compared.found.breaks) == (2, ())
    with connect(office.database.owner) as conn:
        pairs = conn.execute("""
            SELECT m.reference, e.names[1], m.settled_rule
            FROM bank_movement m JOIN bank_entry e USING (institution, settled_by) ORDER BY 1
        """).fetchall()
    assert pairs == [("PO-1", "po-1", "reference"), ("PO-2", "PO-2", "reference")]
    with connect(office.database.worker) as conn:
        assert settled_movements(conn, office.bank, [one.id, two.id]) == {one.id, two.id}
    assert office.compared().movements == 0


def test_a_run_says_what_it_has_found(office: Office) -> None:
    office.expect(movement("PO-1"), movement("PO-2"))
    office.say(f"{DAY_OF} 100.00 PO-1", f"{DAY_OF} 7.00 X-1")
    office.run()
    with connect(office.database.owner) as conn:
        row = conn.execute(
            "SELECT covered_until::text, movements, entries, matches, breaks, waiting FROM reconciliation_run"
        ).fetchone()
    assert row == (DAY_OF, 2, 2, 1, 1, 1)
    assert kinds(office.queue()) == ["missing_in_book"]


def test_without_any_statement_nothing_can_be_compared(office: Office) -> None:
    with pytest.raises(Rejected, match="statements_missing"):
        office.compared()


def test_a_break_is_in_the_queue_once_however_often_it_is_found(office: Office) -> None:
    office.expect(movement("PO-1"))
    office.say(f"{DAY_OF} 99.00 PO-1")
    office.run()
    (first,) = office.queue()
    office.clock.advance(1_000_000_000)
    office.run()
    assert office.queue() == [first]
    assert [each.id for each in office.items(first)[0]] == [office.compared().found.breaks[0].movements[0].id]


def test_a_break_that_the_next_statement_explains_leaves_the_queue_by_itself(office: Office) -> None:
    office.expect(movement("PO-1"))
    office.say(f"{DAY_OF} 60.00 PO-1")
    office.run()
    (found,) = office.queue()
    assert found.kind == "amount_differs"
    office.say("2026-03-03 40.00 PO-1")
    office.run()
    assert office.queue() == []
    assert office.find_break(found.id).state == "superseded"
    assert office.count("bank_movement", "settled_by IS NULL") == 0


def test_a_break_that_is_found_again_is_open_again_with_nothing_proposed(office: Office) -> None:
    office.expect(movement("PO-1"))
    office.say(f"{DAY_OF} 60.00 PO-1")
    office.run()
    (found,) = office.queue()
    office.propose(found, Action.POST_TO_SUSPENSE)
    with connect(office.database.owner) as conn:
        conn.execute("UPDATE reconciliation_break SET state = 'superseded'")
    office.run()
    assert office.queue() == [found]


def test_what_may_still_come_is_no_break_until_its_days_are_over(office: Office) -> None:
    office.expect(movement("PO-1"))
    office.say(day=movement().day)
    assert len(office.run().found.waiting) == 1
    assert office.queue() == []
    office.say(f"{LATER} 1.00 X-1")
    office.run()
    assert kinds(office.queue()) == ["missing_at_bank", "missing_in_book"]


def test_what_an_earlier_run_has_settled_is_known_when_it_comes_again(office: Office) -> None:
    office.expect(movement("po-1"), movement("PO-2", -300, batch="b-7"), movement("PO-3", -400, batch="b-7"))
    office.say(f"{DAY_OF} 100.00 PO-1", f"{DAY_OF} -7.00 B-7")
    assert not office.run().found.breaks
    office.say("2026-03-04 100.00 PO-1", "2026-03-04 -7.00 b-7", "2026-03-04 -1.00 PO-1")
    office.run()
    assert kinds(office.queue()) == ["duplicate_at_bank", "duplicate_at_bank", "fee_deducted"]


def test_of_two_runs_at_once_the_second_is_refused_and_compares_again(office: Office) -> None:
    office.expect(movement("PO-1"))
    office.say(f"{DAY_OF} 100.00 PO-1", f"{DAY_OF} 7.00 X-1")
    first, second = office.compared(), office.compared()
    office.done(*run_operations(office.asking(), first))
    operations = list(run_operations(office.asking(), second))
    assert office.submit(operations[0]).code == "row_state_changed"
    assert office.submit(operations[1]).code == "row_exists"
    assert office.compared().entries == 1


def test_a_run_that_broke_off_is_completed_by_the_next(office: Office) -> None:
    office.expect(movement("PO-1"))
    office.say(f"{DAY_OF} 100.00 PO-1", f"{DAY_OF} 7.00 X-1")
    office.done(*list(run_operations(office.asking(), office.compared()))[:1])
    assert (office.queue(), office.count("reconciliation_run")) == ([], 0)
    office.run()
    assert kinds(office.queue()) == ["missing_in_book"]


def test_a_run_that_compares_again_writes_what_it_has_found_then(office: Office) -> None:
    office.expect(movement("PO-1"), movement("PO-2"))
    office.say(f"{DAY_OF} 100.00 PO-1")
    asking = office.asking()
    office.done(*list(run_operations(asking, office.compared()))[:1])
    office.say("2026-03-03 100.00 PO-2")
    office.done(*run_operations(asking, office.compared()))
    assert office.count("bank_entry", "settled_by IS NULL") == 0


def test_the_same_run_again_is_the_same_run(office: Office) -> None:
    office.expect(movement("PO-1"))
    office.say(f"{DAY_OF} 100.00 PO-1", f"{DAY_OF} 7.00 X-1")
    operations = list(run_operations(office.asking(), office.compared()))
    office.done(*operations)
    assert all(office.submit(operation).repeated for operation in operations)


def test_what_is_expected_of_another_bank_is_not_compared(office: Office) -> None:
    asking = office.asking()
    row = expect_movement(asking, office.sealer, Expectation(office.other_bank, movement("PO-1")))
    office.done(asking.operation("test.expect", None, rows=(row,)))
    office.say(f"{DAY_OF} 100.00 PO-1")
    office.run()
    assert kinds(office.queue()) == ["missing_in_book"]


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        (movement("has space"), "bank_field_refused"),
        (movement(""), "bank_field_refused"),
        (movement("x" * 36), "bank_field_refused"),
        (movement("A", batch="x" * 36), "bank_field_refused"),
        (movement("A", 0), "amount_not_positive"),
    ],
)
def test_what_a_bank_could_not_tell_back_is_not_expected(
    office: Office, expected: Movement, code: str
) -> None:
    with pytest.raises(Rejected) as rejection:
        expect_movement(office.asking(), office.sealer, Expectation(1, expected))
    assert rejection.value.code == code
