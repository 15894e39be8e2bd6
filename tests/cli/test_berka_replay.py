"""A bank's years on our book: every balance is there, a second run changes nothing, a wrong day is found."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from karez.storage.database import Database, connect
from tests.cli.bank_making import GOOD_ROWS, Row, czech, english, write
from tests.cli.conftest import Run


def report(karez: Run, *paths: Path, code: int = 0) -> dict[str, Any]:
    result = karez("replay", "berka", *paths, "--json")
    assert result.returncode == code, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def count(database: Database, statement: str) -> int:
    with connect(database.owner) as conn:
        row = conn.execute(statement.encode()).fetchone()
        assert row is not None
        return int(row[0])


def test_every_balance_of_the_bank_is_on_the_book_and_a_second_run_changes_nothing(
    karez: Run, database: Database, tmp_path: Path
) -> None:
    write(tmp_path / "trans.asc", czech(*GOOD_ROWS))
    write(tmp_path / "trans.csv", english(*GOOD_ROWS[:5]))
    first = report(karez, tmp_path)
    assert (first["rows"], first["rows_matching"], first["failing"]) == (17, 17, [])
    assert first["accounts"] == 4
    # Rows and the two roundings of the interest.
    assert first["transfers_new"] == 17 + 2
    assert count(database, "SELECT count(*) FROM transfer") == 19
    assert count(database, "SELECT sum(amount) FROM transfer WHERE code = 7") == 20
    second = report(karez, tmp_path)
    assert second["transfers_new"] == 0
    for name in ("rows", "rows_matching", "failing", "accounts"):
        assert second[name] == first[name]
    assert count(database, "SELECT count(*) FROM transfer") == 19
    assert count(database, "SELECT count(*) FROM institution WHERE number = 1 AND kind = 'operator'") == 1


def test_a_longer_file_goes_on_where_the_shorter_one_ended(karez: Run, tmp_path: Path) -> None:
    path = tmp_path / "trans.csv"
    write(path, english(*GOOD_ROWS[:5]))
    assert report(karez, path)["transfers_new"] == 5
    write(path, english(*GOOD_ROWS))
    longer = report(karez, path)
    assert (longer["transfers_new"], longer["rows_matching"]) == (len(GOOD_ROWS) + 2 - 5, len(GOOD_ROWS))


def test_a_day_that_the_book_cannot_reproduce_is_found(karez: Run, tmp_path: Path) -> None:
    wrong = Row(17, 1, "930305", "cash in", "10.00", "1070.10")
    path = write(tmp_path / "trans.asc", czech(*GOOD_ROWS, wrong))
    found = report(karez, path, code=1)
    assert found["rows_matching"] == found["rows"] - 1
    assert found["failing"] == [
        {
            "bank": "berka-original",
            "account": 1,
            "date": "1993-03-05",
            "rows": 1,
            "largest_difference_minor": -330,
            "file": str(path),
            "lines": [len(GOOD_ROWS) + 2],
        }
    ]
    for_people = karez("replay", "berka", path)
    assert for_people.returncode == 1
    assert "account 1 on 1993-03-05" in for_people.stdout


def test_the_last_day_of_a_cut_file_may_fail(karez: Run, tmp_path: Path) -> None:
    """Row 24 is cut away, and row 27 of the same day cannot be reached without it."""
    rows = (*GOOD_ROWS[:9], Row(27, 2, "930228", "fee", "1.00", "99.00"), GOOD_ROWS[9])
    path = write(tmp_path / "trans.asc", czech(*rows)[:-40])
    result = karez("replay", "berka", path, "--json")
    assert result.returncode == 0
    found = json.loads(result.stdout)
    assert [(day["account"], day["date"]) for day in found["failing"]] == [(2, "1993-02-28")]
    assert found["warnings"] == [
        {
            "file": str(path),
            "line": 12,
            "sentence": f"{path}, line 12: the file is cut within its last line, which was left out.",
        }
    ]
    assert f"{path}, line 12" in result.stderr


def test_what_counts_is_what_the_database_holds(karez: Run, database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "trans.asc", czech(*GOOD_ROWS))
    assert report(karez, path)["failing"] == []
    with connect(database.owner) as conn:
        conn.execute("UPDATE transfer SET amount = amount + 11 WHERE user_data = 26")
    found = report(karez, path, code=1)
    assert [(day["account"], day["largest_difference_minor"]) for day in found["failing"]] == [(2, -11)]
    # The bookkeeper remembers the balance that it had committed.
    assert found["accounts_otherwise"] == [2]


def test_a_file_that_says_something_else_about_a_booked_transaction_is_reported(
    karez: Run, tmp_path: Path
) -> None:
    path = write(tmp_path / "trans.asc", czech(*GOOD_ROWS))
    report(karez, path)
    changed = GOOD_ROWS[-1]._replace(amount="15.60", balance="64.40")
    write(path, czech(*GOOD_ROWS[:-1], changed))
    found = report(karez, path, code=1)
    assert [(remark["line"], "another amount" in remark["sentence"]) for remark in found["refused"]] == [
        (len(GOOD_ROWS) + 1, True)
    ]
    assert [day["account"] for day in found["failing"]] == [2]


def test_nothing_is_booked_of_files_of_which_one_cannot_be_used(
    karez: Run, database: Database, tmp_path: Path
) -> None:
    good = write(tmp_path / "trans1.asc", czech(*GOOD_ROWS))
    bad = write(tmp_path / "trans2.asc", czech(Row(99, 9, "930105", "fee", "1.0.0", "1.00")))
    result = karez("replay", "berka", good, bad, "--json")
    assert (result.returncode, result.stdout) == (2, "")
    assert f"{bad}, line 2: " in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert count(database, "SELECT count(*) FROM account") == 0


def test_an_interrupted_run_is_taken_up_again(karez: Run, database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "trans.asc", czech(*GOOD_ROWS))
    report(karez, path)
    with connect(database.owner) as conn:
        _forget_after(conn, 8)
    again = report(karez, path)
    assert again["transfers_new"] == len(GOOD_ROWS) + 2 - 8
    assert (again["rows_matching"], again["accounts_otherwise"]) == (len(GOOD_ROWS), [])


def _forget_after(conn: psycopg.Connection[Any], kept: int) -> None:
    """Bring the book back to where it stood after so many transfers."""
    row = conn.execute(
        "SELECT timestamp_ns FROM transfer ORDER BY timestamp_ns OFFSET %s LIMIT 1", (kept,)
    ).fetchone()
    assert row is not None
    conn.execute("DELETE FROM transfer WHERE timestamp_ns >= %s", row)
    conn.execute("DELETE FROM balance_slice")
    conn.execute("UPDATE book_writer SET replay_from_ns = 0")


@pytest.mark.parametrize(
    ("name", "rows", "matching", "accounts"),
    [("feup_trans_test.csv", 30_200, 30_200, 354), ("trans_head_49102.asc", 49_102, 49_070, 1_229)],
)
def test_the_published_years_of_the_bank(
    karez: Run, shared_data: Path, name: str, rows: int, matching: int, accounts: int
) -> None:
    first = report(karez, shared_data / "berka" / name)
    assert (first["rows"], first["rows_matching"], first["accounts"]) == (rows, matching, accounts)
    assert {day["date"] for day in first["failing"]} <= {"1994-03-31"}
    assert first["transfers_new"] >= rows
    second = report(karez, shared_data / "berka" / name)
    assert second["transfers_new"] == 0
    assert (second["rows_matching"], second["failing"]) == (matching, first["failing"])
