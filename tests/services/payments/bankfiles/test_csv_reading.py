"""A bank's table is read by its column names, and each fault in it is told with its line."""

import pytest

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.csv_reading import COLUMNS
from karez.services.payments.bankfiles.reading import read_bank_file
from karez.services.payments.bankfiles.statements import Direction
from tests.services.payments.bankfiles.making import DAY, entry

HEADER = "account,booking_date,amount,currency"
ROW = "123,2026-03-02,-12.50,CNY"


def test_a_row_with_all_columns_is_an_entry_with_all_of_it() -> None:
    row = "123;2026-03-02;-1234,50;CNY;2026-03-03;PO-1;BATCH-1;B-1;DE89;Shop;thank you"
    (read,) = read_bank_file(f"{';'.join(COLUMNS)}\r\n{row}\r\n".encode())
    assert (read.account, read.until_day) == ("123", DAY)
    assert read.entries == (
        entry(
            value_day=DAY.replace(day=3),
            amount_minor=123450,
            direction=Direction.DEBIT,
            references=("PO-1", "BATCH-1"),
            bank_reference="B-1",
            counterparty="DE89",
            counterparty_name="Shop",
            text="thank you",
        ),
    )


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_come_in_any_order_with_any_usual_separator(separator: str, mark: str) -> None:
    lines = [["currency", " Amount ", "text", "account", "booking_date"]]
    lines.append(["CNY", "+10", f'"said ""{separator}"" and\nwent on"', "123", "2026-03-02"])
    table = mark + "\n".join(map(separator.join, lines))
    (read,) = read_bank_file(table.encode())
    assert read.entries == (entry(text=f'said "{separator}" and\nwent on'),)


def test_each_account_has_its_own_statement() -> None:
    table = "\n".join([HEADER, ROW, ROW.replace("123", "77"), ROW, ""])
    first, second = read_bank_file(table.encode())
    assert (first.account, len(first.entries)) == ("123", 2)
    assert (second.account, len(second.entries)) == ("77", 1)


def test_words_that_stand_for_no_reference_are_none() -> None:
    table = f"{HEADER},reference\n{ROW},NOTPROVIDED\n{ROW},nonref\n"
    assert [each.references for each in read_bank_file(table.encode())[0].entries] == [(), ()]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([HEADER, *[ROW] * 15, "123,2026-03-02,\"12,3x\",CNY"], "line 17: amount '12,3x' is not an amount"),
        ([HEADER, "123,2026-03-02,1 000.00,CNY"], "line 2: amount '1 000.00' is not an amount"),
        ([HEADER, "123,2026-03-02,\"1,234.50\",CNY"], "line 2: amount '1,234.50' is not an amount"),
        ([HEADER, "123,2026-03-02,--1,CNY"], "line 2: amount '--1' is not an amount"),
        ([HEADER, "123,2026-03-02,,CNY"], "line 2: amount '' is not an amount"),
        ([HEADER, "123,2026-03-02,1.234,CNY"], "line 2: amount '1.234' has more decimals than CNY has"),
        ([HEADER, "123,2026-03-02,1.00,cny"], "line 2: currency 'cny' is not known"),
        ([HEADER, "123,02.03.2026,1.00,CNY"], "line 2, booking_date: '02.03.2026' is not a day like 2026-03-01"),
        ([HEADER, "123,2026-13-02,1.00,CNY"], "line 2, booking_date: '2026-13-02' is not a day of the calendar"),
        ([HEADER + ",value_date", ROW + ",x"], "line 2, value_date: 'x' is not a day"),
        ([HEADER, ",2026-03-02,1.00,CNY"], "line 2: the account is empty"),
        ([HEADER, ROW, "", ROW + ",x"], "line 4: there are 5 fields and 4 columns"),
        ([HEADER, ROW, '123,"'], "line 3: this is not a row of a table"),
        ([HEADER, ROW, '123,"x"y,1,CNY'], "line 3: this is not a row of a table"),
        ([HEADER.replace("amount", "sum"), ROW], "line 1: the column 'amount' is missing"),
        ([HEADER + ",colour", ROW + ",red"], "line 1: the column 'colour' is not one of account,"),
        ([HEADER + ",amount", ROW + ",1"], "line 1: the column 'amount' is there twice"),
        ([HEADER], "line 2: the file holds no entries"),
        ([""], "line 1: the column 'account' is missing"),
    ],
)  # fmt: skip
def test_a_broken_table_is_refused_with_its_line(table: list[str], said: str) -> None:
    with pytest.raises(Rejected) as rejection:
        read_bank_file("\n".join(table).encode())
    assert rejection.value.code == "bank_file_malformed"
    assert said in rejection.value.sentence


def test_a_table_that_is_not_utf_8_is_refused_with_its_line() -> None:
    with pytest.raises(Rejected, match="line 3: the file is not UTF-8"):
        read_bank_file("\n".join([HEADER, ROW, "123,2026-03-02,1,CNÄ"]).encode("latin-1"))
