"""One worker has an instruction until its lease ends; the next one knows that the bank may have been called."""

from karez.services.payments.banks.interventions import give_up
from karez.services.payments.banks.leases import Taken, note, take_instructions
from karez.services.payments.banks.records import Connection
from karez.services.payments.banks.schedule import Next
from karez.services.payments.banks.states import State
from karez.storage.database import connect
from tests.services.payments.banks.desk import SETTLERS, Desk

LEASE_S = 60
LEASE_NS = LEASE_S * 1_000_000_000


def take(desk: Desk, conn: Connection, limit: int = 10) -> list[Taken]:
    now_ns = desk.clock.now_ns()
    return take_instructions(conn, {desk.number: limit}, now_ns, now_ns + LEASE_NS)


def test_what_is_taken_is_nobody_else_s_until_its_lease_ends(desk: Desk) -> None:
    instruction = desk.instruct("collect", desk.person(), "A1")
    with connect(desk.office.database.worker) as conn:
        (taken,) = take(desk, conn)
        assert (taken.instruction.id, taken.sends) == (instruction, True)
        assert (taken.instruction.standing, taken.instruction.attempts) == (State.SENT, 1)
        assert desk.read(instruction).standing is State.SENT
        assert take(desk, conn) == []
        desk.clock.advance(LEASE_S)
        (again,) = take(desk, conn)
    assert (again.sends, again.instruction.attempts) == (False, 2)


def test_what_another_worker_is_just_taking_is_passed_over(desk: Desk) -> None:
    party = desk.person()
    first, second = (desk.instruct("collect", party, "A1") for _ in range(2))
    with connect(desk.office.database.owner) as other, connect(desk.office.database.worker) as conn:
        with other.transaction():
            other.execute("SELECT FROM bank_instruction WHERE id = %s FOR UPDATE", (first,))
            assert [each.instruction.id for each in take(desk, conn)] == [second]
        assert [each.instruction.id for each in take(desk, conn)] == [first]


def test_each_bank_gets_as_many_calls_as_it_may_have(desk: Desk, other_desk: Desk) -> None:
    party = desk.person()
    for _ in range(5):
        desk.instruct("collect", party, "A1")
        other_desk.instruct("collect", party, "A1")
    now_ns = other_desk.clock.now_ns() + 1
    with connect(desk.office.database.worker) as conn:
        free = {desk.number: 2, other_desk.number: 3}
        taken = take_instructions(conn, free, now_ns, now_ns + LEASE_NS)
        banks = [each.instruction.bank for each in taken]
        assert (banks.count(desk.number), banks.count(other_desk.number)) == (2, 3)
        assert take_instructions(conn, {}, now_ns, now_ns + LEASE_NS) == []


def test_a_worker_whose_lease_has_run_out_records_nothing(desk: Desk) -> None:
    instruction = desk.instruct("collect", desk.person(), "A1")
    later = Next(desk.clock.now_ns() + 10**12, None)
    with connect(desk.office.database.worker) as conn:
        (slow,) = take(desk, conn)
        desk.clock.advance(LEASE_S)
        (quick,) = take(desk, conn)
        assert not note(conn, slow, State.CREATED, "late", later)
        assert desk.read(instruction) == quick.instruction
        assert note(conn, quick, State.UNKNOWN, "timed_out", later)
        assert not note(conn, quick, State.CREATED, "twice", later)
    kept = desk.read(instruction)
    assert (kept.standing, kept.answer_code, kept.due_ns) == (State.UNKNOWN, "timed_out", later.due_ns)


def test_a_worker_records_nothing_on_what_people_have_given_up(desk: Desk) -> None:
    instruction = desk.instruct("collect", desk.person(), "A1")
    with connect(desk.office.database.worker) as conn:
        (taken,) = take(desk, conn)
        made = give_up(
            desk.asking(), desk.office.house, desk.read(instruction), SETTLERS["top_up"], None, "x"
        )
        desk.office.done(made)
        assert not note(conn, taken, State.UNKNOWN, "timed_out", Next(desk.clock.now_ns(), None))
    assert desk.read(instruction).standing is State.GIVEN_UP
