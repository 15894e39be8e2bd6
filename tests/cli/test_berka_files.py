"""The bank's files are read to the end before anything is booked, and what is wrong is named with its line."""

from datetime import date
from pathlib import Path

import pytest

from karez.cli.berka.bank_files import read_bank_files
from karez.cli.berka.words import Counterpart
from karez.core.outcomes import Rejected
from tests.cli.bank_making import GOOD_ROWS, Row, czech, english, write


def test_both_forms_of_the_data_say_the_same(tmp_path: Path) -> None:
    original, translated = read_bank_files(
        [write(tmp_path / "trans.asc", czech(*GOOD_ROWS)), write(tmp_path / "trans.csv", english(*GOOD_ROWS))]
    )
    assert original.rows == translated.rows
    assert original.words.bank != translated.words.bank
    first, fee = original.rows[0], original.rows[-1]
    assert (first.transaction, first.account, first.day) == (11, 1, date(1993, 1, 5))
    assert (first.change_minor, first.balance_minor, first.line) == (100_000, 100_000, 2)
    assert (fee.change_minor, fee.counterpart) == (-1_460, Counterpart.FEES)


def test_in_a_directory_the_transactions_are_told_from_the_other_tables(tmp_path: Path) -> None:
    write(tmp_path / "trans.asc", czech(*GOOD_ROWS))
    write(tmp_path / "account.asc", '"account_id";"district_id"\r\n1;2\r\n')
    write(tmp_path / "empty.csv", "")
    (file,) = read_bank_files([tmp_path, tmp_path / "trans.asc"])
    assert file.path.name == "trans.asc"


def test_a_last_line_that_is_cut_is_left_out_and_named(tmp_path: Path) -> None:
    whole = czech(*GOOD_ROWS)
    for size in (len(whole) - 30, len(whole) - 60):
        (file,) = read_bank_files([write(tmp_path / "trans.asc", whole[:size])])
        assert len(file.rows) == len(GOOD_ROWS) - 1
        assert file.cut_line == len(GOOD_ROWS) + 1


def test_a_last_line_without_an_end_is_whole_if_its_columns_are(tmp_path: Path) -> None:
    (file,) = read_bank_files([write(tmp_path / "trans.csv", english(*GOOD_ROWS))])
    assert (len(file.rows), file.cut_line) == (len(GOOD_ROWS), None)


GOOD = czech(*GOOD_ROWS[:2])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "columns"),
        (GOOD.replace('"balance"', '"saldo"'), 1, "columns"),
        (czech(), 1, "no transaction"),
        (GOOD.replace("930105", "931305", 1), 2, "date"),
        (GOOD.replace("930105", "1993-01-05", 1), 2, "date"),
        (GOOD.replace("PRIJEM", "GIVEN", 1), 2, "type"),
        (GOOD.replace("VKLAD", "LOTTERY", 1), 2, "operation"),
        (GOOD + english(GOOD_ROWS[3]).splitlines()[1] + "\r\n", 4, "type"),
        (GOOD.replace(";500.00;", ";500.001;", 1), 3, "decimals"),
        (GOOD.replace(";500.00;", ";-500.00;", 1), 3, "amount"),
        (GOOD.replace("21;2;", "21;two;", 1), 3, "account_id"),
        (GOOD.replace(";12345678", "", 1), 2, "9 columns"),
        (GOOD.replace('"VKLAD"', '"VKLAD', 1), 2, ""),
        (GOOD + "\r\n", 4, "columns"),
        (czech(GOOD_ROWS[0], GOOD_ROWS[1], GOOD_ROWS[0]), 4, "line 2"),
        (czech(GOOD_ROWS[0], Row(11, 9, "930106", "fee", "1.00", "1.00")), 3, "line 2"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = write(tmp_path / "trans.asc", text)
    with pytest.raises(Rejected) as refused:
        read_bank_files([path])
    assert refused.value.code == "file_unreadable"
    assert f"{path}, line {line}: " in refused.value.sentence
    assert words in refused.value.sentence


def test_a_transaction_that_stands_in_two_files_is_refused_with_both_places(tmp_path: Path) -> None:
    first = write(tmp_path / "trans1.asc", czech(*GOOD_ROWS[:2]))
    second = write(tmp_path / "trans2.asc", czech(*GOOD_ROWS[1:]))
    with pytest.raises(Rejected, match=f"{second}, line 2: .* {first}, line 3"):
        read_bank_files([first, second])


def test_a_directory_without_transactions_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "account.asc", '"account_id"\r\n1\r\n')
    with pytest.raises(Rejected, match="holds no file of transactions"):
        read_bank_files([tmp_path])
