"""MT940 statements are read in the forms that banks export, and each fault in them is told with its line."""

from datetime import date

import pytest

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.reading import read_bank_file
from karez.services.payments.bankfiles.statements import Balance, BankEntry, Direction, check_balances
from tests.services.payments.bankfiles.making import DAY, entry

STATEMENT = """\
:20:STMT1
:25:12345678
:28C:44/1
:60F:C260301CNY1000,00
:61:2603020302D50,00NTRFPO-17//B881
more of it
:86:166?00TRANSFER?20EREF+PO-17-LONG-?21NAME KREF+BATCH-1 SVWZ+thank you?31DE89?32Shop?33 A
:61:260302C12,5NMSCNONREF
:86:paid by a friend
in two lines
:62F:C260302CNY962,50
"""


def changed(old: str, new: str) -> bytes:
    """The statement with something else in one place."""
    assert old in STATEMENT
    return STATEMENT.replace(old, new).encode()


def only_entries(old: str, new: str) -> tuple[BankEntry, ...]:
    """The entries after a change."""
    return read_bank_file(changed(old, new))[0].entries


def test_a_statement_is_read_with_its_balances_and_entries() -> None:
    (read,) = read_bank_file(STATEMENT.encode())
    check_balances(read)
    assert (read.identification, read.account, read.until_day) == ("STMT1", "12345678", DAY)
    assert read.opening == Balance(100000, "CNY", date(2026, 3, 1))
    assert read.closing == Balance(96250, "CNY", DAY)
    assert read.entries == (
        entry(
            amount_minor=5000,
            direction=Direction.DEBIT,
            references=("PO-17-LONG-NAME", "BATCH-1", "PO-17"),
            bank_reference="B881",
            counterparty="DE89",
            counterparty_name="Shop A",
            text="EREF+PO-17-LONG-NAME KREF+BATCH-1 SVWZ+thank you",
        ),
        entry(amount_minor=1250, text="paid by a friend in two lines"),
    )


def test_a_file_in_its_swift_envelope_with_several_statements_is_read() -> None:
    wrapped = "{1:F01BANKCNBJAXXX0000000000}{2:O940}{4:\r\n" + STATEMENT.replace("\n", "\r\n") + "-}\r\n"
    both = read_bank_file((wrapped + wrapped.replace("STMT1", "STMT2")).encode())
    assert [each.identification for each in both] == ["STMT1", "STMT2"]
    assert both[0].entries == both[1].entries


def test_a_file_in_latin_1_is_read() -> None:
    (read,) = read_bank_file(changed("?32Shop", "?32Müller").decode().encode("latin-1"))
    assert read.entries[0].counterparty_name == "Müller A"


@pytest.mark.parametrize(
    ("mark", "direction"),
    [("C", "credit"), ("D", "debit"), ("RC", "debit"), ("RD", "credit"), ("DY", "debit")],
)
def test_marks_tell_the_direction_also_of_reversals(mark: str, direction: str) -> None:
    assert only_entries("0302D50", f"0302{mark}50")[0].direction == direction


@pytest.mark.parametrize(
    ("value", "booking", "day"),
    [
        ("251231", "0102", date(2026, 1, 2)),
        ("260101", "1231", date(2025, 12, 31)),
        ("240228", "0229", date(2024, 2, 29)),
        ("250301", "0229", date(2024, 2, 29)),
        ("260302", "", date(2026, 3, 2)),
    ],
)
def test_a_booking_day_without_a_year_is_the_one_nearest_to_the_value_day(
    value: str, booking: str, day: date
) -> None:
    assert only_entries("2603020302D", f"{value}{booking}D")[0].booking_day == day


def test_a_reference_between_slashes_is_found() -> None:
    assert only_entries("paid by a friend", "/TRTP/SEPA/EREF/PO-99/NAME/x")[1].references == ("PO-99",)


def test_what_is_written_to_the_whole_statement_belongs_to_no_entry() -> None:
    (read,) = read_bank_file((STATEMENT + ":86:EREF+PO-0\n").encode())
    assert "PO-0" not in {name for each in read.entries for name in each.references}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("D50,00N", "D50.00N", "line 5, :61:: '2603020302D50.00NTRFPO-17//B881"),
        ("D50,00N", "D5,0,0N", "line 5, :61:: amount '5,0,0' is not an amount"),
        ("D50,00N", "D5,001N", "line 5, :61:: amount '5,001' has more decimals than CNY has"),
        ("2603020302D", "2602300302D", "line 5, :61:: '260230' is not a day of the calendar"),
        ("2603020302D", "2603020232D", "line 5, :61:: booking date '0232' is not a day of the calendar"),
        (
            ":60F:C260301CNY1000,00\n",
            "",
            "line 1, :20:: the statement that begins here has no opening balance",
        ),
        (
            ":62F:C260302CNY962,50\n",
            "",
            "line 1, :20:: the statement that begins here has no closing balance",
        ),
        (":25:12345678\n", "", "line 1, :20:: the statement that begins here has no account"),
        ("C260301CNY1000,00", "C260301CNY", "line 4, :60F:: 'C260301CNY' is not a balance"),
        ("C260301CNY1000", "C260301QQQ1000", "line 4, :60F:: currency 'QQQ' is not known"),
        (":20:STMT1\n", "", "line 1, :25:: the field stands before the beginning of a statement (:20:)"),
        (":20:STMT1", "{4:\nhello\n:20:STMT1", "line 2: 'hello' belongs to no field"),
    ],
)
def test_a_broken_statement_is_refused_with_its_line(old: str, new: str, said: str) -> None:
    with pytest.raises(Rejected) as rejection:
        read_bank_file(changed(old, new))
    assert rejection.value.code == "bank_file_malformed"
    assert said in rejection.value.sentence


def test_an_empty_envelope_is_refused() -> None:
    with pytest.raises(Rejected, match="the file holds no statement"):
        read_bank_file(b"{4:\n-}")
