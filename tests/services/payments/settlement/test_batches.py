"""What a batch comes to, and that nothing of it is lost between one and the next."""

from hypothesis import given
from hypothesis import strategies as st

from karez.core.ids import NIL
from karez.services.payments.settlement.batches import LineKind, Movement, add_up, divide, line_fee
from karez.services.payments.settlement.fees import AgreedPlans, FeePlan, FeeTerms

KEEP, PROPORTIONAL = (
    AgreedPlans(
        [
            FeePlan(
                shop=NIL,
                currency="CNY",
                valid_from_ns=0,
                terms=(FeeTerms(rate_bps=60),),
                refund_fee_policy=policy,
            )
        ]
    )
    for policy in ("keep", "proportional")
)


def movement(kind: LineKind, amount_minor: int, trade_minor: int = 0, before_minor: int = 0) -> Movement:
    return Movement(
        NIL,
        "CNY",
        kind,
        NIL,
        NIL,
        "x",
        "goods",
        amount_minor,
        0,
        trade_minor or amount_minor,
        before_minor,
        0,
    )


KINDS: st.SearchStrategy[LineKind] = st.sampled_from(["payment", "refund", "chargeback", "chargeback_won"])
AMOUNTS = st.integers(1, 10**12)


@st.composite
def movements(draw: st.DrawFn) -> Movement:
    kind, amount_minor = draw(KINDS), draw(AMOUNTS)
    if kind == "refund":
        before_minor, more_minor = draw(AMOUNTS), draw(AMOUNTS)
        whole_minor = before_minor + amount_minor + more_minor
        return movement(kind, -amount_minor, whole_minor, before_minor)
    return movement(kind, -amount_minor if kind == "chargeback" else amount_minor)


BATCHES = st.lists(st.lists(movements(), max_size=8), max_size=8)


@given(st.lists(AMOUNTS, min_size=1, max_size=6))
def test_parts_of_a_trade_cost_together_what_the_whole_costs(parts: list[int]) -> None:
    released = [
        line_fee(PROPORTIONAL, movement("release", part, 0, sum(parts[:number])))
        for number, part in enumerate(parts[:-1])
    ]
    rest = line_fee(PROPORTIONAL, movement("payment", parts[-1], sum(parts), sum(parts[:-1])))
    assert min([*released, rest]) >= 0
    assert sum(released) + rest == line_fee(PROPORTIONAL, movement("payment", sum(parts)))


def test_a_large_refund_is_carried_until_new_payments_cover_it() -> None:
    lines = [movement("payment", 10_000), movement("payment", 5_000), movement("refund", -20_000, 20_000)]
    totals = add_up(KEEP, lines)
    assert (totals.payments, totals.refunds, totals.fee_minor, totals.net_minor) == (2, 1, 90, -5_090)
    monday = divide(0, totals)
    assert (monday.paid_minor, monday.carried_minor) == (0, -5_090)
    tuesday = divide(monday.carried_minor, add_up(KEEP, [movement("payment", 6_000)]))
    assert (tuesday.paid_minor, tuesday.carried_minor) == (6_000 - 36 - 5_090, 0)


def test_a_fee_comes_back_in_proportion_or_not_at_all() -> None:
    refund = movement("refund", -5_000, 10_000)
    assert line_fee(PROPORTIONAL, refund) == -30
    assert line_fee(KEEP, refund) == 0


@given(parts=st.lists(st.integers(1, 10**6), min_size=1, max_size=12))
def test_a_payment_refunded_in_any_parts_gets_its_whole_fee_back(parts: list[int]) -> None:
    whole = sum(parts)
    returned = sum(
        line_fee(PROPORTIONAL, movement("refund", -part, whole, sum(parts[:number])))
        for number, part in enumerate(parts)
    )
    assert returned == -line_fee(PROPORTIONAL, movement("payment", whole))


@given(batches=BATCHES)
def test_what_is_paid_and_carried_is_what_the_lines_come_to(batches: list[list[Movement]]) -> None:
    carried_minor = paid_minor = 0
    for lines in batches:
        division = divide(carried_minor, add_up(PROPORTIONAL, lines))
        assert division.paid_minor >= 0 >= division.carried_minor
        assert 0 in (division.paid_minor, division.carried_minor)
        carried_minor, paid_minor = division.carried_minor, paid_minor + division.paid_minor
    lines = [each for batch in batches for each in batch]
    fees_minor = sum(line_fee(PROPORTIONAL, each) for each in lines)
    assert paid_minor + carried_minor == sum(each.amount_minor for each in lines) - fees_minor


@given(lines=st.lists(movements(), max_size=20))
def test_the_fee_of_a_batch_is_the_sum_of_its_lines_fees(lines: list[Movement]) -> None:
    assert add_up(PROPORTIONAL, lines).fee_minor == sum(line_fee(PROPORTIONAL, each) for each in lines)
