"""The order of a day is the one that leads from balance to balance, and roundings do not add up."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from karez.cli.berka.bank_rows import BankRow
from karez.cli.berka.day_order import ROUNDING_MAX_MINOR, order_day
from karez.cli.berka.postings import plan_postings
from karez.cli.berka.words import Counterpart

DAY = date(1993, 1, 5)


def row(
    transaction: int, change_minor: int, balance_minor: int, day: date = DAY, account: int = 1
) -> BankRow:
    return BankRow(transaction, account, day, change_minor, balance_minor, Counterpart.CASH, transaction + 1)


def numbers(rows: list[BankRow]) -> list[int]:
    return [each.transaction for each in rows]


def test_the_rows_are_put_into_the_order_that_leads_from_balance_to_balance() -> None:
    rows = [row(1, 10_000, 40_000), row(2, -20_000, 30_000)]
    assert numbers(order_day(rows, 50_000)) == [2, 1]


def test_a_wrong_turn_is_taken_back() -> None:
    """Row 1 fits first as well as row 2, but nothing follows it."""
    rows = [row(1, 100, 1_100), row(2, 50, 1_050), row(3, -50, 1_000)]
    assert numbers(order_day(rows, 1_000)) == [2, 3, 1]


def test_rows_that_do_not_follow_come_last() -> None:
    rows = [row(1, 500, 99_999), row(2, 500, 1_500)]
    assert numbers(order_day(rows, 1_000)) == [2, 1]


def test_an_unusual_day_with_many_equal_rows_ends_soon() -> None:
    rows = [row(number, 0, 1_000) for number in range(1, 40)] + [row(99, 7_777, 1)]
    assert len(order_day(rows, 1_000)) == 40


@given(
    st.lists(st.tuples(st.integers(-50_000, 50_000), st.integers(-10, 10)), min_size=1, max_size=7),
    st.randoms(use_true_random=False),
)
def test_every_shuffled_day_of_a_bank_that_rounds_is_booked_to_its_balances(changes, random) -> None:  # type: ignore[no-untyped-def]
    balance_minor, rows = 0, []
    for number, (change_minor, rounding_minor) in enumerate(changes):
        balance_minor += change_minor + rounding_minor
        rows.append(row(number, change_minor, balance_minor))
    random.shuffle(rows)
    held_minor = 0
    for posting in plan_postings(rows):
        held_minor += posting.row.change_minor + posting.rounding_minor
        assert abs(posting.rounding_minor) <= ROUNDING_MAX_MINOR
        assert held_minor == posting.row.balance_minor


def test_more_than_a_rounding_is_never_booked() -> None:
    rows = [row(1, 1_000, 1_000), row(2, 100, 1_111, date(1993, 1, 6)), row(3, 100, 1_200, date(1993, 1, 7))]
    assert [posting.rounding_minor for posting in plan_postings(rows)] == [0, 0, 0]


def test_days_are_booked_in_their_order_whatever_the_order_of_the_file() -> None:
    rows = [
        row(3, 100, 300, date(1993, 1, 7)),
        row(1, 100, 100, date(1993, 1, 5)),
        row(9, 100, 100, date(1993, 1, 6), account=2),
        row(2, 100, 200, date(1993, 1, 6)),
    ]
    assert [posting.row.transaction for posting in plan_postings(rows)] == [1, 2, 9, 3]
