"""What a shop pays for its payments.

A plan is a list of terms, each for one category of goods or for all others. A payment's fee is a share of it and a
fixed part, rounded half up to the minor unit once, within a minimum and a maximum, and never more than the payment.
It is the plan's that was valid when the payment was made.

Worked example: 0.60 % and 0.10, at least 0.20, of a payment of 12.30 CNY: 0.0738 rounds to 0.07, with 0.10 it is
0.17, so the fee is 0.20. What happens to it when the payment is refunded is part of the plan, too.
"""

from bisect import bisect_right
from collections.abc import Sequence
from uuid import UUID

import msgspec

from karez.core.money import AMOUNT_MAX_MINOR
from karez.core.outcomes import Rejected
from karez.services.payments.refunds.rules import RefundFeePolicy
from karez.services.payments.trades.timers import timers_of

RATE_MAX_BPS = 10_000
TERMS_MAX = 50

_FIXED_MAX_MINOR = AMOUNT_MAX_MINOR // 1_000


class FeeTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The fee for one category.

    Attributes:
        category: For which; left out, for every category that has no terms of its own.
        rate_bps: Share of the payment in hundredths of a percent.
        fixed_minor: Part that every payment costs.
        minimum_minor: The least.
        maximum_minor: The most; left out, there is no such limit.
    """

    category: str | None = None
    rate_bps: int = 0
    fixed_minor: int = 0
    minimum_minor: int = 0
    maximum_minor: int | None = None


class FeePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed with a shop for one currency.

    Attributes:
        shop: With whom.
        currency: ISO 4217 letters.
        valid_from_ns: For payments from this moment on, until the next plan.
        terms: At most one for each category, and one for all others.
        refund_fee_policy: Whether fees are kept when a payment is refunded, or return in proportion.
    """

    shop: UUID
    currency: str
    valid_from_ns: int
    terms: tuple[FeeTerms, ...]
    refund_fee_policy: RefundFeePolicy

    def terms_for(self, category: str) -> FeeTerms:
        """Return the terms of a category."""
        by_category = {each.category: each for each in self.terms}
        return by_category.get(category) or by_category[None]


def check_terms(terms: Sequence[FeeTerms]) -> None:
    """Refuse terms that leave a category open or make no sense.

    Rejections: ``fee_terms_incomplete``, ``fee_terms_repeated``, ``fee_terms_out_of_range``, ``category_unknown``.
    """
    categories = [each.category for each in terms]
    if None not in categories:
        raise Rejected(
            "fee_terms_incomplete",
            "One of the terms must be for all other categories; leave its category out.",
        )
    if len(set(categories)) < len(categories):
        raise Rejected("fee_terms_repeated", "Two of the terms are for the same category; keep one of them.")
    for each in terms:
        if each.category is not None:
            timers_of(each.category)
        maximum_minor = _FIXED_MAX_MINOR if each.maximum_minor is None else each.maximum_minor
        if not (
            0 <= each.rate_bps <= RATE_MAX_BPS
            and 0 <= each.fixed_minor <= _FIXED_MAX_MINOR
            and 0 <= each.minimum_minor <= maximum_minor <= _FIXED_MAX_MINOR
        ):
            raise Rejected(
                "fee_terms_out_of_range",
                f"The terms for {each.category or 'all other categories'!r} cannot be: a rate is 0 to {RATE_MAX_BPS} "
                "basis points, no part is below 0, and the minimum is at most the maximum.",
            )


def fee_of(terms: FeeTerms, amount_minor: int) -> int:
    """Return the fee of one payment in minor units.

    Args:
        terms: Of the payment's category.
        amount_minor: What the shop got of it, at least 0.
    """
    fee_minor = round_half_up(amount_minor * terms.rate_bps, RATE_MAX_BPS) + terms.fixed_minor
    fee_minor = max(fee_minor, terms.minimum_minor)
    if terms.maximum_minor is not None:
        fee_minor = min(fee_minor, terms.maximum_minor)
    return min(fee_minor, amount_minor)


def round_half_up(dividend: int, divisor: int) -> int:
    """Return the quotient of two numbers that are not negative, rounded to the nearest, halves up."""
    return (2 * dividend + divisor) // (2 * divisor)


class AgreedPlans:
    """The plans of one shop in one currency, by the moment from which they are valid.

    Args:
        plans: At least one.
    """

    def __init__(self, plans: Sequence[FeePlan]) -> None:
        self._plans = sorted(plans, key=lambda plan: plan.valid_from_ns)
        self._starts_ns = [plan.valid_from_ns for plan in self._plans]

    def valid_at(self, moment_ns: int) -> FeePlan:
        """Return the plan for a payment that was made at a moment; the first one also for those before it."""
        return self._plans[max(bisect_right(self._starts_ns, moment_ns) - 1, 0)]
