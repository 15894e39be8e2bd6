"""Small files of a bank, in both forms of the data."""

from pathlib import Path
from typing import NamedTuple

HEADER = [
    "trans_id",
    "account_id",
    "date",
    "type",
    "operation",
    "amount",
    "balance",
    "k_symbol",
    "bank",
    "account",
]

_CZECH = {
    "cash in": ("PRIJEM", "VKLAD", ""),
    "cash out": ("VYDAJ", "VYBER", ""),
    "old cash out": ("VYBER", "VYBER", ""),
    "card": ("VYDAJ", "VYBER KARTOU", ""),
    "from bank": ("PRIJEM", "PREVOD Z UCTU", "DUCHOD"),
    "to bank": ("VYDAJ", "PREVOD NA UCET", "SIPO"),
    "interest": ("PRIJEM", "", "UROK"),
    "penalty": ("VYDAJ", "VYBER", "SANKC. UROK"),
    "fee": ("VYDAJ", "VYBER", "SLUZBY"),
}
_ENGLISH = {
    "cash in": ("credit", "credit in cash", ""),
    "cash out": ("withdrawal", "withdrawal in cash", ""),
    "old cash out": ("withdrawal in cash", "withdrawal in cash", ""),
    "card": ("withdrawal", "credit card withdrawal", ""),
    "from bank": ("credit", "collection from another bank", ""),
    "to bank": ("withdrawal", "remittance to another bank", " "),
    "interest": ("credit", "", "interest credited"),
    "penalty": ("withdrawal", "withdrawal in cash", "sanction interest if negative balance"),
    "fee": ("withdrawal", "withdrawal in cash", "payment for statement"),
}


class Row(NamedTuple):
    """One transaction: the bank's numbers, the day as YYMMDD, what it is, the amount and the balance after it."""

    transaction: int
    account: int
    day: str
    kind: str
    amount: str
    balance: str


def czech(*rows: Row) -> str:
    """The rows as the original writes them."""
    lines = [";".join(f'"{name}"' for name in HEADER)]
    for row in rows:
        type_, operation, symbol = _CZECH[row.kind]
        lines.append(
            f'{row.transaction};{row.account};{row.day};"{type_}";"{operation}";{row.amount};{row.balance};'
            f'"{symbol}";"AB";12345678'
        )
    return "\r\n".join(lines) + "\r\n"


def english(*rows: Row) -> str:
    """The rows as the translation writes them, without an end of the last line."""
    lines = [";".join(HEADER)]
    for row in rows:
        fields = (row.transaction, row.account, row.day, *_ENGLISH[row.kind][:2], row.amount, row.balance)
        lines.append(";".join(map(str, fields)) + f";{_ENGLISH[row.kind][2]};;")
    return "\n".join(lines)


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("latin-1"))
    return path


GOOD_ROWS = (
    Row(11, 1, "930105", "cash in", "1000.00", "1000.00"),
    Row(21, 2, "930105", "cash in", "500.00", "500.00"),
    # These three chain as 13, 14, 12 only; no order of their numbers, kinds or amounts would do.
    Row(12, 1, "930110", "cash in", "300.00", "1050.00"),
    Row(13, 1, "930110", "cash out", "50.00", "950.00"),
    Row(14, 1, "930110", "to bank", "200.00", "750.00"),
    # A rounding of 0.10, which has to be made good before the next row.
    Row(15, 1, "930131", "interest", "3.30", "1053.40"),
    Row(16, 1, "930228", "interest", "3.30", "1056.80"),
    Row(22, 2, "930131", "card", "700.00", "-200.00"),
    Row(23, 2, "930228", "penalty", "1.50", "-201.50"),
    Row(24, 2, "930228", "from bank", "301.50", "100.00"),
    Row(25, 2, "930301", "old cash out", "20.00", "80.00"),
    Row(26, 2, "930302", "fee", "14.60", "65.40"),
)
"""Two accounts, everything in order."""
