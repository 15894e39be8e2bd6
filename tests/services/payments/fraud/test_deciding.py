"""What is decided about an attempt, and that every reason is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.services.payments.fraud.attempts import Observed, Seen, Subject, Window
from karez.services.payments.fraud.deciding import Decision, Kind, Reason, decide
from karez.services.payments.fraud.rules import (
    DEFAULTS,
    AmountBand,
    Measure,
    NamedRule,
    Stop,
    Unfamiliar,
    Velocity,
)
from tests.services.payments.fraud.making import attempt, only, seen_of

NOTHING_KNOWN = Observed({})
DEFAULT_RULES = tuple(NamedRule(name, 0, rule) for name, rule in DEFAULTS.items())


def velocity(subject: Subject, measure: Measure, limit: int, outcome: Stop = "refuse") -> Velocity:
    currency = "CNY" if measure == "amount" else None
    return Velocity(
        subject=subject,
        window=Window.HOUR,
        measure=measure,
        limit=limit,
        outcome=outcome,
        currency=currency,
    )


def hit(outcome: Stop, seen: int, limit: int, kind: Kind = "frequency") -> Reason:
    return Reason(rule="the_rule", version=3, kind=kind, outcome=outcome, seen=seen, limit=limit)


def test_a_small_payment_that_nothing_speaks_against_is_allowed() -> None:
    assert decide(DEFAULT_RULES, attempt(), NOTHING_KNOWN) == Decision(outcome="allow", reasons=())


@pytest.mark.parametrize("subject", list(Subject))
def test_this_payment_counts_with_those_before_it(subject: Subject) -> None:
    rules = only(velocity(subject, "count", 5))
    four = Observed(seen_of(subject, Window.HOUR, count=4))
    five = Observed(seen_of(subject, Window.HOUR, count=5))
    assert decide(rules, attempt(), four).outcome == "allow"
    assert decide(rules, attempt(), five) == Decision(outcome="refuse", reasons=(hit("refuse", 6, 5),))


@pytest.mark.parametrize("subject", list(Subject))
def test_amounts_are_summed_up_to_the_limit_and_not_above(subject: Subject) -> None:
    rules = only(velocity(subject, "amount", 100_00))
    before = Observed(seen_of(subject, Window.HOUR, amount_minor=90_00))
    assert decide(rules, attempt(10_00), before).outcome == "allow"
    assert decide(rules, attempt(10_01), before).reasons == (hit("refuse", 100_01, 100_00, "amount"),)


def test_a_sum_of_one_currency_leaves_payments_in_another_alone() -> None:
    rules = only(velocity(Subject.PERSON, "amount", 100_00))
    assert decide(rules, attempt(900_00, currency="EUR"), NOTHING_KNOWN).outcome == "allow"


def test_stopped_attempts_count_without_this_one() -> None:
    rules = only(velocity(Subject.CARD, "stopped", 5))
    five = Observed(seen_of(Subject.CARD, Window.HOUR, stopped=5))
    six = Observed(seen_of(Subject.CARD, Window.HOUR, stopped=6))
    assert decide(rules, attempt(), five).outcome == "allow"
    assert decide(rules, attempt(), six).reasons == (hit("refuse", 6, 5, "safety"),)


def test_a_rule_looks_at_its_own_subject_and_window_only() -> None:
    rules = only(velocity(Subject.CARD, "count", 5))
    other = Observed(
        seen_of(Subject.DEVICE, Window.HOUR, count=99)
        | seen_of(Subject.CARD, Window.DAY, count=99)
        | seen_of(Subject.CARD, Window.HOUR, count=4, stopped=99)
    )
    assert decide(rules, attempt(), other).outcome == "allow"


def test_a_payment_without_a_card_is_not_judged_by_cards() -> None:
    rules = only(velocity(Subject.CARD, "count", 0))
    assert decide(rules, attempt(card=None), NOTHING_KNOWN).outcome == "allow"
    assert decide(rules, attempt(), NOTHING_KNOWN).outcome == "refuse"


@pytest.mark.parametrize(
    ("amount_minor", "outcome"),
    [(99_99, "allow"), (100_00, "challenge"), (499_99, "challenge"), (500_00, "allow")],
)
def test_a_band_begins_at_its_first_amount_and_ends_below_its_last(amount_minor: int, outcome: str) -> None:
    band = AmountBand(currency="CNY", from_minor=100_00, below_minor=500_00, outcome="challenge")
    assert decide(only(band), attempt(amount_minor), NOTHING_KNOWN).outcome == outcome


def test_a_band_without_an_end_has_none_and_is_of_one_currency() -> None:
    band = AmountBand(currency="CNY", from_minor=100_00, outcome="refuse")
    assert decide(only(band), attempt(10**12), NOTHING_KNOWN).reasons == (
        hit("refuse", 10**12, 99_99, "amount"),
    )
    assert decide(only(band), attempt(10**12, currency="EUR"), NOTHING_KNOWN).outcome == "allow"


def test_much_money_to_an_unfamiliar_shop_is_challenged() -> None:
    rules = only(Unfamiliar(subject="shop", currency="CNY", limit_minor=100_00, outcome="challenge"))
    assert decide(rules, attempt(100_01), NOTHING_KNOWN).reasons == (
        hit("challenge", 100_01, 100_00, "unfamiliar"),
    )
    assert decide(rules, attempt(100_00), NOTHING_KNOWN).outcome == "allow"
    assert decide(rules, attempt(100_01), Observed({}, knows_shop=True)).outcome == "allow"
    assert decide(rules, attempt(100_01), Observed({}, knows_device=True)).outcome == "challenge"
    assert decide(rules, attempt(100_01, currency="EUR"), NOTHING_KNOWN).outcome == "allow"


def test_much_money_from_an_unfamiliar_device_is_challenged() -> None:
    rules = only(Unfamiliar(subject="device", currency="CNY", limit_minor=100_00, outcome="challenge"))
    assert decide(rules, attempt(100_01), Observed({}, knows_shop=True)).outcome == "challenge"
    assert decide(rules, attempt(100_01), Observed({}, knows_device=True)).outcome == "allow"
    assert decide(rules, attempt(100_01, device=None), NOTHING_KNOWN).outcome == "allow"


@pytest.mark.parametrize("subject", list(Subject))
def test_whoever_is_blocked_is_refused_without_any_rule(subject: Subject) -> None:
    blocked = Observed({}, blocked=frozenset({subject}), trusted=frozenset(set(Subject) - {subject}))
    decision = decide((), attempt(confirmed=True), blocked)
    assert decision.outcome == "refuse"
    assert [reason.rule for reason in decision.reasons] == [f"blocked_{subject}"]


def test_whoever_is_trusted_is_not_counted_and_the_others_are() -> None:
    busy = Observed(
        {(subject, Window.HOUR): Seen(count=9) for subject in Subject}, trusted=frozenset({Subject.SHOP})
    )
    assert decide(only(velocity(Subject.SHOP, "count", 5)), attempt(), busy).outcome == "allow"
    assert decide(only(velocity(Subject.CARD, "count", 5)), attempt(), busy).outcome == "refuse"


def test_a_trusted_shop_is_not_unfamiliar_and_its_amounts_are_still_judged() -> None:
    trusted = Observed({}, trusted=frozenset({Subject.SHOP}))
    unfamiliar = Unfamiliar(subject="shop", currency="CNY", limit_minor=0, outcome="refuse")
    band = AmountBand(currency="CNY", from_minor=1, outcome="refuse")
    assert decide(only(unfamiliar), attempt(), trusted).outcome == "allow"
    assert decide(only(band), attempt(), trusted).outcome == "refuse"


def test_a_payer_who_confirms_passes_a_challenge_and_no_refusal() -> None:
    challenged = only(velocity(Subject.CARD, "count", 0, "challenge"))
    refused = only(velocity(Subject.CARD, "count", 0, "refuse"))
    assert decide(challenged, attempt(), NOTHING_KNOWN).outcome == "challenge"
    assert decide(challenged, attempt(confirmed=True), NOTHING_KNOWN).outcome == "allow"
    assert decide(refused, attempt(confirmed=True), NOTHING_KNOWN).outcome == "refuse"


def test_an_answered_challenge_stays_among_the_reasons() -> None:
    challenged = only(velocity(Subject.CARD, "count", 0, "challenge"))
    assert decide(challenged, attempt(confirmed=True), NOTHING_KNOWN).reasons == (hit("challenge", 1, 0),)


@given(st.lists(st.sampled_from(["challenge", "refuse"]), max_size=6), st.booleans())
def test_the_severest_rule_counts_and_all_are_told(outcomes: list[Stop], confirmed: bool) -> None:
    rules = tuple(
        NamedRule(f"rule_{number}", 0, velocity(Subject.CARD, "count", 0, outcome))
        for number, outcome in enumerate(outcomes)
    )
    decision = decide(rules, attempt(confirmed=confirmed), NOTHING_KNOWN)
    assert [reason.outcome for reason in decision.reasons] == outcomes
    if "refuse" in outcomes:
        assert decision.outcome == "refuse"
    elif outcomes and not confirmed:
        assert decision.outcome == "challenge"
    else:
        assert decision.outcome == "allow"
