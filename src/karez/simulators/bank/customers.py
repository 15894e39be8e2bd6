"""Customers to begin with, the same ones for the same number: for demonstrations."""

from karez.simulators.bank.store import Account

_FIRST_ACCOUNT = 6_222_021_000_000_000_000
_FIRST_CARD = 999_900_000_000_000
_BALANCE_MINOR = 1_000_000


def customers(count: int, currency: str) -> list[Account]:
    """Return customers with an account and a card each, and 10,000.00 on it."""
    return [
        Account(
            number=str(_FIRST_ACCOUNT + number),
            holder=f"Customer {number}",
            currency=currency,
            balance_minor=_BALANCE_MINOR,
            card=_with_check_digit(str(_FIRST_CARD + number)),
            phone=f"+86139{number:08}",
        )
        for number in range(1, count + 1)
    ]


def _with_check_digit(digits: str) -> str:
    """Append the check digit of ISO/IEC 7812-1, annex B (Luhn)."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return digits + str(-sum(value // 10 + value % 10 for value in doubled) % 10)
