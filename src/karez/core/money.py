"""Money as whole minor units of an ISO 4217 currency.

An amount is an integer: 12.30 CNY is ``Money(1230, "CNY")``, 500 JPY is ``Money(500, "JPY")``. Amounts
are at most 2**63 - 1 minor units, so that each fits a PostgreSQL ``bigint`` and a numpy ``int64``.

Source of the exponents and of the currencies' digits: ISO 4217:2015, columns "minor unit" and "numeric code".
"""

import re
from dataclasses import dataclass

from karez.core.outcomes import Rejected

AMOUNT_MAX_MINOR = 2**63 - 1

_DIGITS_MAX = len(str(AMOUNT_MAX_MINOR))
_AMOUNT = re.compile(r"([+-]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]+))?")

_CURRENCIES_BY_EXPONENT = {
    0: "CLP152 ISK352 JPY392 KRW410 PYG600 RWF646 UGX800 VND704 XAF950 XOF952",
    2: "AED784 AUD036 BRL986 CAD124 CHF756 CNY156 CZK203 DKK208 EUR978 GBP826 HKD344 HUF348 IDR360 ILS376"
    " INR356 KES404 KZT398 MOP446 MXN484 MYR458 NGN566 NOK578 NZD554 PHP608 PKR586 PLN985 QAR634 RON946"
    " RUB643 SAR682 SEK752 SGD702 THB764 TRY949 TWD901 TZS834 UAH980 USD840 UZS860 ZAR710",
    3: "BHD048 IQD368 JOD400 KWD414 LYD434 OMR512 TND788",
}
_EXPONENT_BY_CURRENCY = {
    currency[:3]: exponent
    for exponent, currencies in _CURRENCIES_BY_EXPONENT.items()
    for currency in currencies.split()
}
_DIGITS_BY_CURRENCY = {
    currency[:3]: currency[3:]
    for currencies in _CURRENCIES_BY_EXPONENT.values()
    for currency in currencies.split()
}
_CURRENCY_BY_DIGITS = {digits: currency for currency, digits in _DIGITS_BY_CURRENCY.items()}


def currency_exponent(currency: str) -> int:
    """Return how many decimal digits one major unit of a currency has.

    Args:
        currency: ISO 4217 letters, upper case.

    Rejections: ``currency_unknown``.
    """
    try:
        return _EXPONENT_BY_CURRENCY[currency]
    except KeyError:
        raise Rejected(
            "currency_unknown", f"Currency {currency!r} is not known; use ISO 4217 letters, for example CNY."
        ) from None


def currency_digits(currency: str) -> str:
    """Return the three digits by which machines name a currency: ``currency_digits("CNY") == "156"``.

    Args:
        currency: ISO 4217 letters, upper case.

    Rejections: ``currency_unknown``.
    """
    currency_exponent(currency)
    return _DIGITS_BY_CURRENCY[currency]


def currency_of_digits(digits: str) -> str:
    """Return the letters of a currency: ``currency_of_digits("156") == "CNY"``.

    Args:
        digits: Three digits of ISO 4217.

    Rejections: ``currency_unknown``.
    """
    try:
        return _CURRENCY_BY_DIGITS[digits]
    except KeyError:
        raise Rejected(
            "currency_unknown",
            f"Currency {digits[:3]!r} is not known; use the digits of ISO 4217, for example 156 for CNY.",
        ) from None


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency; sums, differences and comparisons refuse to mix currencies."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if abs(self.amount_minor) > AMOUNT_MAX_MINOR:
            raise _too_large()

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + other._in(self.currency), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - other._in(self.currency), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor < other._in(self.currency)

    def __le__(self, other: "Money") -> bool:
        return self.amount_minor <= other._in(self.currency)

    def __str__(self) -> str:
        return format_minor(self.amount_minor, currency_exponent(self.currency)) + " " + self.currency

    def _in(self, currency: str) -> int:
        if self.currency != currency:
            raise Rejected(
                "currency_mismatch",
                f"{self.currency} and {currency} cannot be combined; exchange one of the two amounts first.",
            )
        return self.amount_minor


def format_minor(amount_minor: int, exponent: int) -> str:
    """Write an amount as people read it: ``format_minor(-1234567, 2) == "-12,345.67"``."""
    sign = "-" if amount_minor < 0 else ""
    whole, fraction = divmod(abs(amount_minor), 10**exponent)
    return f"{sign}{whole:,}" + (f".{fraction:0{exponent}}" if exponent else "")


def parse_amount(text: str, exponent: int) -> int:
    """Read a decimal amount such as ``"-12,345.67"`` exactly into minor units.

    Args:
        text: ASCII digits with an optional sign, either no commas or one between all thousands, and at most
            ``exponent`` decimals: ``"1.000"`` is no amount of CNY, because many would read it as 1,000.
        exponent: Decimal digits of the major unit.

    Rejections: ``amount_malformed``, ``amount_too_precise``, ``amount_too_large``.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise Rejected("amount_malformed", f"{text[:40]!r} is not an amount; write it like 1234.50.")
    sign, whole, fraction = match[1], match[2].replace(",", ""), match[3] or ""
    if len(fraction) > exponent:
        raise Rejected(
            "amount_too_precise", f"{text[:40]!r} has more than {exponent} decimals; round it first."
        )
    digits = (whole + fraction.ljust(exponent, "0")).lstrip("0") or "0"
    if len(digits) > _DIGITS_MAX or int(digits) > AMOUNT_MAX_MINOR:
        raise _too_large()
    return -int(digits) if sign == "-" else int(digits)


def _too_large() -> Rejected:
    return Rejected(
        "amount_too_large", f"An amount is at most {AMOUNT_MAX_MINOR} minor units; split it into several."
    )
