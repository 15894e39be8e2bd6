"""What a shop pays for a payment, to the minor unit."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.ids import NIL
from karez.core.outcomes import Rejected
from karez.services.payments.settlement.fees import (
    AgreedPlans,
    FeePlan,
    FeeTerms,
    check_terms,
    fee_of,
    round_half_up,
)

AMOUNTS = st.integers(1, 10**15)
TERMS = st.builds(
    FeeTerms,
    rate_bps=st.integers(0, 10_000),
    fixed_minor=st.integers(0, 10_000),
    minimum_minor=st.integers(0, 1_000),
    maximum_minor=st.none() | st.integers(1_000, 10**9),
)


def plan(valid_from_ns: int, *terms: FeeTerms) -> FeePlan:
    return FeePlan(
        shop=NIL, currency="CNY", valid_from_ns=valid_from_ns, terms=terms, refund_fee_policy="keep"
    )


@pytest.mark.parametrize(
    ("terms", "amount_minor", "fee_minor"),
    [
        (FeeTerms(rate_bps=60, fixed_minor=10, minimum_minor=20), 1_230, 20),
        (FeeTerms(rate_bps=60), 10_000, 60),
        (FeeTerms(rate_bps=50), 100, 1),
        (FeeTerms(rate_bps=49), 100, 0),
        (FeeTerms(rate_bps=60, maximum_minor=100), 100_000, 100),
        (FeeTerms(minimum_minor=50), 30, 30),
        (FeeTerms(), 30, 0),
    ],
)
def test_a_fee_is_rounded_once_and_kept_within_its_limits(
    terms: FeeTerms, amount_minor: int, fee_minor: int
) -> None:
    assert fee_of(terms, amount_minor) == fee_minor


@given(terms=TERMS, amount_minor=AMOUNTS)
def test_a_payment_never_costs_more_than_it_brings(terms: FeeTerms, amount_minor: int) -> None:
    assert 0 <= fee_of(terms, amount_minor) <= amount_minor


@given(rate_bps=st.integers(0, 10_000), amount_minor=AMOUNTS)
def test_the_share_is_what_decimal_arithmetic_rounds_half_up(rate_bps: int, amount_minor: int) -> None:
    exact = Decimal(amount_minor) * rate_bps / 10_000
    assert fee_of(FeeTerms(rate_bps=rate_bps), amount_minor) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@given(st.integers(0, 10**18), st.integers(1, 10**9))
def test_halves_go_up(dividend: int, divisor: int) -> None:
    quotient = round_half_up(dividend, divisor)
    assert -divisor < 2 * (dividend - quotient * divisor) <= divisor or 2 * dividend % divisor == 0
    assert (2 * quotient - 1) * divisor <= 2 * dividend < (2 * quotient + 1) * divisor


def test_a_category_without_terms_of_its_own_pays_as_all_others() -> None:
    agreed = plan(0, FeeTerms(rate_bps=60), FeeTerms(category="digital", rate_bps=100))
    assert agreed.terms_for("digital").rate_bps == 100
    assert agreed.terms_for("fresh").rate_bps == 60


def test_a_payment_pays_by_the_plan_that_was_valid_when_it_was_made() -> None:
    plans = AgreedPlans([plan(200, FeeTerms(rate_bps=2)), plan(100, FeeTerms(rate_bps=1))])
    rates = [plans.valid_at(moment_ns).terms[0].rate_bps for moment_ns in (50, 100, 199, 200, 300)]
    assert rates == [1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ((FeeTerms(category="goods"),), "fee_terms_incomplete"),
        ((FeeTerms(), FeeTerms()), "fee_terms_repeated"),
        ((FeeTerms(), FeeTerms(category="houses")), "category_unknown"),
        ((FeeTerms(rate_bps=10_001),), "fee_terms_out_of_range"),
        ((FeeTerms(rate_bps=-1),), "fee_terms_out_of_range"),
        ((FeeTerms(minimum_minor=2, maximum_minor=1),), "fee_terms_out_of_range"),
    ],
)
def test_terms_that_cannot_be_are_refused_by_name(terms: tuple[FeeTerms, ...], code: str) -> None:
    with pytest.raises(Rejected) as refused:
        check_terms(terms)
    assert refused.value.code == code
