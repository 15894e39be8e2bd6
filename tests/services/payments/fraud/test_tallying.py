"""Payments that are judged together find each other, as if they had come one after the other."""

from hypothesis import given
from hypothesis import strategies as st

from karez.services.payments.fraud.attempts import Observed, PaymentAttempt, Seen, Subject, Window
from karez.services.payments.fraud.deciding import decide
from karez.services.payments.fraud.observing import looking
from karez.services.payments.fraud.rules import NamedRule, Velocity
from karez.services.payments.fraud.tallying import Tally
from tests.services.payments.fraud.making import (
    ANA,
    BAKERY,
    BEN,
    CARD,
    DEVICE,
    OTHER_CARD,
    TEA_HOUSE,
    attempt,
)

ATTEMPTS = st.builds(
    attempt,
    st.integers(1, 500),
    person=st.sampled_from([ANA, BEN]),
    shop=st.sampled_from([TEA_HOUSE, BAKERY]),
    card=st.sampled_from([CARD, OTHER_CARD, None]),
    device=st.sampled_from([DEVICE, None]),
    currency=st.sampled_from(["CNY", "EUR"]),
)
RULES = st.builds(
    lambda subject, window, measure, limit: Velocity(
        subject=subject,
        window=window,
        measure=measure,
        limit=limit,
        outcome="refuse",
        currency="CNY" if measure == "amount" else None,
    ),
    st.sampled_from(list(Subject)),
    st.sampled_from(list(Window)),
    st.sampled_from(["count", "amount", "stopped"]),
    st.integers(0, 1_000),
)


def seen_by_hand(before: list[tuple[PaymentAttempt, str]], now: PaymentAttempt, subject: Subject) -> Seen:
    seen = Seen()
    for earlier, outcome in before:
        if now.takes_part(subject) and getattr(earlier, subject) == getattr(now, subject):
            amount_minor = earlier.amount_minor if earlier.currency == now.currency else 0
            seen += Seen(1, amount_minor) if outcome == "allow" else Seen(stopped=1)
    return seen


@given(st.lists(ATTEMPTS, max_size=12), st.lists(RULES, max_size=4))
def test_a_batch_is_judged_like_the_same_payments_one_by_one(
    batch: list[PaymentAttempt], velocities: list[Velocity]
) -> None:
    rules = tuple(NamedRule(f"rule_{number}", 0, rule) for number, rule in enumerate(velocities))
    tally = Tally(looking(rules))
    before: list[tuple[PaymentAttempt, str]] = []
    for each in batch:
        together = decide(rules, each, tally.added_to(Observed({}), each))
        by_hand = {
            (subject, window): seen_by_hand(before, each, subject) for subject in Subject for window in Window
        }
        assert together == decide(rules, each, Observed(by_hand))
        tally.add(each, together.outcome)
        before.append((each, together.outcome))


@given(st.lists(ATTEMPTS, min_size=1, max_size=30), st.integers(0, 5))
def test_a_limit_is_never_passed_within_a_batch(batch: list[PaymentAttempt], limit: int) -> None:
    rule = Velocity(
        subject=Subject.PERSON, window=Window.HOUR, measure="count", limit=limit, outcome="refuse"
    )
    rules = (NamedRule("the_rule", 0, rule),)
    tally = Tally(looking(rules))
    allowed = {ANA: 0, BEN: 0}
    for each in batch:
        decision = decide(rules, each, tally.added_to(Observed({}), each))
        tally.add(each, decision.outcome)
        allowed[each.person] += decision.outcome == "allow"
    assert all(count <= limit for count in allowed.values())
