"""A model is one function; a rule asks it by its name."""

from typing import Any

import pytest

from karez.core.outcomes import Unavailable
from karez.services.payments.fraud.attempts import Observed, PaymentAttempt, Subject, Window
from karez.services.payments.fraud.deciding import decide
from karez.services.payments.fraud.models import Model, Score
from karez.services.payments.fraud.rules import ScoreAbove
from tests.services.payments.fraud.making import attempt, only, seen_of


def toy(now: PaymentAttempt, observed: Observed) -> Score:
    """Finds round amounts strange, and the more so the oftener they come."""
    seen = observed.seen.get((Subject.PERSON, Window.HOUR))
    times = 1 if seen is None else 1 + seen.count
    return Score(0.2 * times, ("a round amount",)) if now.amount_minor % 10_000 == 0 else Score(0.0)


TOYS: dict[str, Model] = {"toy-1": toy}
RULES = only(ScoreAbove(model="toy-1", limit_bps=5_000, outcome="challenge"))
BUSY = Observed(seen_of(Subject.PERSON, Window.HOUR, count=2))


@pytest.mark.parametrize(
    ("amount_minor", "observed", "outcome", "score_bps"),
    [
        (10_000, Observed({}), "allow", 2_000),
        (10_000, BUSY, "challenge", 6_000),
        (10_001, BUSY, "allow", 0),
    ],
)
def test_a_model_counts_above_its_limit(
    amount_minor: int, observed: Observed, outcome: str, score_bps: int
) -> None:
    decision = decide(RULES, attempt(amount_minor), observed, TOYS)
    assert (decision.outcome, decision.score_bps) == (outcome, score_bps)


def test_what_a_model_says_is_among_the_reasons_and_the_payer_hears_safety_only() -> None:
    decision = decide(RULES, attempt(10_000), BUSY, TOYS)
    (reason,) = decision.reasons
    assert (reason.seen, reason.limit, reason.model_says) == (6_000, 5_000, ("a round amount",))
    assert decision.kinds == ["safety"]


@pytest.mark.parametrize(("fraud", "fraud_bps"), [(-1.0, 0), (0.00004, 0), (0.5, 5_000), (7.0, 10_000)])
def test_a_score_is_kept_between_0_and_1(fraud: float, fraud_bps: int) -> None:
    assert Score(fraud).fraud_bps == fraud_bps


def test_a_model_that_is_missing_lets_nothing_pass() -> None:
    models: Any = {}
    with pytest.raises(Unavailable) as unavailable:
        decide(RULES, attempt(), Observed({}), models)
    assert unavailable.value.code == "fraud_rule_unreadable"
