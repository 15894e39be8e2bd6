"""``karez check`` finds a book in order, and one that somebody has changed behind its back."""

import json
from pathlib import Path

from karez.ledger.invariants import INVARIANTS
from karez.services.payments import invariants as payments
from karez.storage.database import Database, connect
from tests.cli.bank_making import GOOD_ROWS, czech, write
from tests.cli.conftest import Run


def test_every_invariant_of_a_good_book_holds(karez: Run, tmp_path: Path) -> None:
    karez("replay", "berka", write(tmp_path / "trans.asc", czech(*GOOD_ROWS)))
    result = karez("check", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    report = json.loads(result.stdout)
    assert report["holds"] is True
    assert [each["name"] for each in report["invariants"]] == [
        each.__name__ for each in (*INVARIANTS, *payments.INVARIANTS)
    ]
    for_people = karez("check").stdout
    assert f"All {len(INVARIANTS) + len(payments.INVARIANTS)} invariants hold." in for_people
    assert "every unit sums to zero" in for_people


def test_a_transfer_that_was_changed_in_the_database_is_found(
    karez: Run, database: Database, tmp_path: Path
) -> None:
    karez("replay", "berka", write(tmp_path / "trans.asc", czech(*GOOD_ROWS)))
    with connect(database.owner) as conn:
        conn.execute("UPDATE transfer SET amount = amount + 1 WHERE user_data = 26")
    result = karez("check", "--json")
    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert report["holds"] is False
    broken = {each["name"]: each["violations"] for each in report["invariants"] if each["violations"]}
    assert "balance_slices_agree_with_transfers" in broken
    for_people = karez("check")
    assert for_people.returncode == 1
    (first, *_) = broken["balance_slices_agree_with_transfers"]
    assert first["sentence"] in for_people.stdout


def test_a_database_that_cannot_be_reached_is_told_in_one_sentence(
    karez: Run, settings: dict[str, str]
) -> None:
    settings["KAREZ_DATABASE_URL"] = "postgresql://127.0.0.1:1/none"
    result = karez("check", "--json")
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
