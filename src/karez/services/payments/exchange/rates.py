"""What a price costs in another currency, as a pure rule over whole numbers.

A bank gives a rate for a pair: one whole unit of the base costs ``ask`` and brings ``bid`` whole units of the counter
currency, both with ``scale`` decimals. Whoever buys the base pays the ask; whoever pays with the base gets the bid.
What the bank gets is rounded up to the minor unit; so is what the payer pays, which has Karez's margin on top. The
difference is the margin, and since both are rounded up and the margin's rate is not negative, it is never below 0.

Worked example: 10.00 USD at 7.1234 CNY are 71.234 CNY: the bank gets 71.24. With a margin of 1 % the payer pays
71.234 * 1.01 = 71.94634, which is 71.95. The margin is 0.71.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from karez.core.outcomes import Rejected
from karez.services.payments.house import Currency

SCALE_MAX = 12
PRICE_MAX = 10**15
MARGIN_MAX_BPS = 2_000

_ONE_BPS = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A bank's rate.

    Attributes:
        id: Which one.
        bank: Number of the institution.
        base: The currency whose one whole unit is priced.
        counter: The currency of the prices.
        bid: What one base brings, with ``scale`` decimals.
        ask: What one base costs, with ``scale`` decimals, at least the bid.
        scale: How many decimals bid and ask have.
        valid_until_ns: It is not used from this moment on.
    """

    id: UUID
    bank: int
    base: str
    counter: str
    bid: int
    ask: int
    scale: int
    valid_until_ns: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a price costs in another currency, in minor units of the latter.

    Attributes:
        bank_minor: What the bank gets.
        margin_minor: What Karez earns, at least 0.
    """

    bank_minor: int
    margin_minor: int

    @property
    def paid_minor(self) -> int:
        """Return what the payer pays."""
        return self.bank_minor + self.margin_minor


def check_rate(rate: Rate, now_ns: int) -> None:
    """Refuse a rate that cannot be.

    Rejections: ``exchange_rate_out_of_range``, ``exchange_rate_expired``.
    """
    if rate.base == rate.counter or not 0 < rate.bid <= rate.ask <= PRICE_MAX:
        raise Rejected(
            "exchange_rate_out_of_range",
            f"A rate is of two currencies, and its bid is above 0 and at most its ask; {rate.base}/{rate.counter} "
            f"{rate.bid}/{rate.ask} is not.",
        )
    if not 0 <= rate.scale <= SCALE_MAX:
        raise Rejected(
            "exchange_rate_out_of_range", f"A rate has 0 to {SCALE_MAX} decimals; round it to that first."
        )
    if rate.valid_until_ns <= now_ns:
        raise Rejected(
            "exchange_rate_expired",
            "The rate ends before it begins; give it a later end, or check your clock.",
        )


def cost_of(rate: Rate, price_minor: int, priced: Currency, paid: Currency, margin_bps: int) -> Cost:
    """Return what a price costs.

    Args:
        rate: Of the two currencies, whichever of them is its base.
        price_minor: The price, above 0.
        priced: In which currency it is.
        paid: In which currency it is paid.
        margin_bps: What Karez adds, in hundredths of a percent.
    """
    numerator, denominator = price_minor * 10**paid.exponent, 10**priced.exponent
    if rate.base == priced.code:
        numerator, denominator = numerator * rate.ask, denominator * 10**rate.scale
    else:
        numerator, denominator = numerator * 10**rate.scale, denominator * rate.bid
    bank_minor = _rounded_up(numerator, denominator)
    paid_minor = _rounded_up(numerator * (_ONE_BPS + margin_bps), denominator * _ONE_BPS)
    return Cost(bank_minor, paid_minor - bank_minor)


def best_rate(rates: Iterable[Rate], price_minor: int, priced: Currency, paid: Currency) -> Rate:
    """Return the rate at which a price costs least; of equal ones that of the bank with the lowest number.

    Rejections: ``exchange_rate_missing``.
    """
    ranked = [(cost_of(rate, price_minor, priced, paid, 0).bank_minor, rate.bank, rate) for rate in rates]
    if not ranked:
        raise Rejected(
            "exchange_rate_missing",
            f"No bank gives a rate for {paid.code} and {priced.code} just now; try again shortly, or pay in "
            f"{priced.code}.",
        )
    return min(ranked, key=lambda each: each[:2])[2]


def given_back(cost: Cost, price_minor: int, before_minor: int, part_minor: int) -> Cost:
    """Return what goes back to the payer when a part of the price does, at the rate at which it was paid.

    Each part brings the difference of what is due before and after it, rounded down. So in however many parts the
    price goes back, together they never bring more than was paid, and exactly that once all of it has gone back.

    Args:
        cost: Of the whole price.
        price_minor: The price.
        before_minor: What has gone back of it before.
        part_minor: What goes back of it now; with the former at most the price.
    """
    assert 0 <= before_minor <= before_minor + part_minor <= price_minor

    def due(whole_minor: int) -> int:
        after_minor = whole_minor * (before_minor + part_minor) // price_minor
        return after_minor - whole_minor * before_minor // price_minor

    return Cost(due(cost.bank_minor), due(cost.margin_minor))


def _rounded_up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
