"""In which order the bank booked the transactions of one account on one day.

The file does not say, but every row tells the balance after it: a row can follow a balance if its own change
leads to its own balance, give or take the rounding. The order is found by search, row after row, and back a
step where no row fits. Days have few rows (7 at most in the published parts) and rarely two choices.

Worked example: the account holds 500.00; the rows are +100.00 -> 400.00 and -200.00 -> 300.00. Only the second
can follow 500.00, then the first follows 300.00.
"""

from collections.abc import Sequence

from karez.cli.berka.bank_rows import BankRow

ROUNDING_MAX_MINOR = 10
"""Amounts and balances are published rounded to 0.10 CZK."""

_STEPS_MAX = 20_000


def misses_by(row: BankRow, balance_minor: int) -> int:
    """Return by how much the row's own balance differs from a balance and the row's change."""
    return row.balance_minor - (balance_minor + row.change_minor)


def order_day(rows: Sequence[BankRow], opening_minor: int) -> list[BankRow]:
    """Return the rows of one account and day in the order that leads furthest from balance to balance.

    Args:
        rows: All rows of the day.
        opening_minor: The balance before the day.

    Returns:
        The rows that follow from the opening balance, then those that do not, by their number.
    """
    best: list[BankRow] = []
    chain: list[BankRow] = []
    remaining = sorted(rows, key=lambda row: row.transaction)
    steps_left = _STEPS_MAX

    def extend(balance_minor: int) -> bool:
        """Follow every choice in turn; true once all rows are in the chain."""
        nonlocal best, steps_left
        if len(chain) > len(best):
            best = chain.copy()
        if not remaining:
            return True
        fitting = [row for row in remaining if abs(misses_by(row, balance_minor)) <= ROUNDING_MAX_MINOR]
        for row in sorted(fitting, key=lambda row: abs(misses_by(row, balance_minor))):
            steps_left -= 1
            if steps_left < 0:
                return False
            place = remaining.index(row)
            chain.append(remaining.pop(place))
            if extend(row.balance_minor):
                return True
            remaining.insert(place, chain.pop())
        return False

    extend(opening_minor)
    return best + [row for row in sorted(rows, key=lambda row: row.transaction) if row not in best]
