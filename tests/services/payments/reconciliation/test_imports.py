"""A bank's file is taken in once, whole, and an entry that comes in two files is one."""

import psycopg
import pytest

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.statement_writing import write_statement
from karez.services.payments.reconciliation import parts
from karez.services.payments.reconciliation.imports import import_statements
from karez.storage.database import connect
from karez.storage.tenant import as_institution, as_operator
from tests.services.payments.bankfiles.making import NOW_NS, entry, statement
from tests.services.payments.reconciliation.office import Office

FILE = write_statement(
    statement(
        entry(references=("PO-1", 'quo"ted', "back\\slash", "a,b"), bank_reference="B-1", text="für 坎儿井"),
        entry(references=(), counterparty="6222021", counterparty_name="Ana"),
        entry(amount_minor=0),
        entry(booked=False),
    ),
    "MSG-1",
    NOW_NS,
)


def test_a_statement_is_there_with_its_booked_entries(office: Office) -> None:
    office.take_in(FILE)
    with connect(office.database.owner) as conn:
        rows = conn.execute("SELECT account, until_day::text, entries FROM bank_statement").fetchall()
        names = conn.execute("SELECT names, amount_minor FROM bank_entry ORDER BY place").fetchall()
    assert rows == [("12345678", "2026-03-02", 2)]
    assert names == [(["PO-1", 'quo"ted', "back\\slash", "a,b"], 1000), ([], 1000)]


def test_the_same_file_again_changes_nothing_and_gets_the_same_answer(office: Office) -> None:
    first = office.take_in(FILE)
    rows = [office.count(table) for table in ("bank_statement", "bank_entry", "outbox_event")]
    again = office.take_in(FILE)
    assert (again.repeated, bytes(again.reply)) == (True, bytes(first.reply))
    assert [office.count(table) for table in ("bank_statement", "bank_entry", "outbox_event")] == rows


def test_an_import_that_broke_off_is_completed_by_the_same_file(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "ROWS_AT_ONCE", 2)
    file = write_statement(statement(*(entry(bank_reference=f"B-{n}") for n in range(7))), "MSG-1", NOW_NS)
    operations = office.import_operations(file)
    assert len(operations) == 5
    office.done(*operations[:2])
    assert (office.count("bank_entry"), office.count("bank_statement")) == (4, 0)
    office.take_in(file)
    assert (office.count("bank_entry"), office.count("bank_statement")) == (7, 1)


def test_an_entry_that_was_notified_before_the_statement_is_one_entry(office: Office) -> None:
    notified = statement(entry(bank_reference="B-1", text="short"), identification="N-1", until_day=None)
    whole = statement(entry(bank_reference="B-1", text="longer"), entry(bank_reference="B-2"))
    office.take_in(write_statement(notified, "MSG-0", NOW_NS))
    office.take_in(write_statement(whole, "MSG-1", NOW_NS))
    assert office.count("bank_entry") == 2


def test_entries_that_say_the_same_in_one_statement_are_as_many_as_there_are(office: Office) -> None:
    twice = statement(entry(text="rent"), entry(text="rent"))
    office.take_in(write_statement(twice, "MSG-1", NOW_NS))
    assert office.count("bank_entry") == 2
    office.take_in(write_statement(twice, "MSG-2", NOW_NS))
    assert office.count("bank_entry") == 2


def test_the_same_entry_at_another_bank_or_account_is_another(office: Office) -> None:
    office.take_in(FILE)
    office.take_in(FILE, office.other_bank)
    other = statement(entry(references=("PO-1",), bank_reference="B-1"), account="999")
    office.take_in(write_statement(other, "MSG-2", NOW_NS))
    assert office.count("bank_entry") == 5


def test_of_two_files_with_one_entry_at_the_same_time_the_second_looks_again(office: Office) -> None:
    files = [
        write_statement(statement(entry(bank_reference="B-1"), identification=name), name, NOW_NS)
        for name in ("A", "B")
    ]
    read = [office.read_file(data) for data in files]
    first, second = (
        list(import_statements(office.asking(), office.sealer, file, known)) for file, known in read
    )
    office.done(*first)
    assert office.submit(second[0]).code == "row_exists"
    office.take_in(files[1])
    assert (office.count("bank_entry"), office.count("bank_statement")) == (1, 2)


def test_a_statement_that_does_not_add_up_is_refused_whole(office: Office) -> None:
    wrong = FILE.replace(b'<Amt Ccy="CNY">20.00</Amt>', b'<Amt Ccy="CNY">20.01</Amt>')
    assert wrong != FILE
    with pytest.raises(Rejected, match="statement_not_balanced"):
        office.take_in(wrong)
    assert office.count("bank_entry") == 0


def test_who_paid_and_what_they_wrote_is_not_readable_in_the_database(office: Office) -> None:
    office.take_in(FILE)
    with connect(office.database.owner) as conn:
        rows = conn.execute("SELECT to_json(e)::text, details FROM bank_entry e").fetchall()
    for told, details in rows:
        for personal in ("6222021", "Ana", "坎儿井"):
            assert personal not in told
            assert personal.encode() not in details


def test_a_bank_sees_its_own_statements_and_nothing_of_what_is_made_of_them(office: Office) -> None:
    office.take_in(FILE)
    tables = ("bank_statement", "bank_entry")
    with connect(office.database.web) as conn:
        for bank, seen in ((office.bank, [1, 2]), (office.other_bank, [0, 0])):
            with as_institution(conn, bank):
                counts = [
                    conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in tables
                ]
            assert counts == [(count,) for count in seen]
        with as_operator(conn):
            assert conn.execute("SELECT count(*) FROM bank_movement").fetchone() == (0,)
    for table in ("bank_movement", "reconciliation_run", "reconciliation_break", "reconciliation_break_item"):
        with (
            connect(office.database.web) as conn,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            as_institution(conn, office.bank),
        ):
            conn.execute(f"SELECT FROM {table}".encode())
