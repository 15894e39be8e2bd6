"""How far a bank may be off before somebody has to look."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What is agreed with a bank.

    Attributes:
        days: Calendar days between the expected day and the booking, either way; over a weekend, three.
        fee_max_minor: The largest amount that a bank takes as a fee.
        fee_max_bps: The largest part of an amount that it takes, in hundredths of a percent.
    """

    days: int = 3
    fee_max_minor: int = 5_000
    fee_max_bps: int = 500

    def is_near(self, first: date, second: date) -> bool:
        """Tell whether two days are close enough to be those of one payment."""
        return abs(first.toordinal() - second.toordinal()) <= self.days

    def is_fee(self, difference_minor: int, amount_minor: int) -> bool:
        """Tell whether a difference looks like a bank's fee.

        Args:
            difference_minor: What the bank has more than expected; below zero where it has less.
            amount_minor: What was expected, signed.
        """
        fee_minor = -difference_minor
        return 0 < fee_minor <= min(self.fee_max_minor, abs(amount_minor) * self.fee_max_bps // 10_000)
