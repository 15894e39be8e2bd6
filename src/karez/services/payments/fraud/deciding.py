"""The decision about an attempt: pure, and complete in its reasons."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from karez.services.payments.fraud.attempts import NOTHING, Observed, PaymentAttempt, Subject
from karez.services.payments.fraud.rules import (
    AmountBand,
    NamedRule,
    ScoreAbove,
    Stop,
    Unfamiliar,
    Velocity,
)

Outcome = Literal["allow", "challenge", "refuse"]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that was hit.

    Attributes:
        rule: Its name; ``blocked_card`` and the like for the lists.
        version: Of its parameters; 0 is the program's own.
        outcome: What it asks for.
        seen: The figure that was seen.
        limit: What would still be allowed.
    """

    rule: str
    version: int
    outcome: Stop
    seen: int
    limit: int


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to an attempt, and why.

    Attributes:
        outcome: ``allow``; ``challenge``: the payer must confirm first; ``refuse``.
        reasons: Every rule that was hit, also those that the payer's confirmation has answered.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]


def decide(rules: Sequence[NamedRule], attempt: PaymentAttempt, observed: Observed) -> Decision:
    """Decide about an attempt.

    Whoever is blocked is refused, whatever else is known. Whoever is trusted is not counted, and not unfamiliar; the
    other subjects of the payment and its amount are judged all the same.

    Args:
        rules: Those that hold.
        attempt: What is judged.
        observed: What is known.
    """
    reasons = (*_blocked(observed), *_hits(rules, attempt, observed))
    asked_for = {reason.outcome for reason in reasons}
    outcome: Outcome = "allow"
    if "refuse" in asked_for:
        outcome = "refuse"
    elif "challenge" in asked_for and not attempt.confirmed:
        outcome = "challenge"
    return Decision(outcome=outcome, reasons=reasons)


def _blocked(observed: Observed) -> Iterable[Reason]:
    for subject in Subject:
        if subject in observed.blocked:
            yield Reason(rule=f"blocked_{subject}", version=0, outcome="refuse", seen=1, limit=0)


def _hits(rules: Sequence[NamedRule], attempt: PaymentAttempt, observed: Observed) -> Iterable[Reason]:
    for named in rules:
        hit = _excess(named, attempt, observed)
        if hit is not None:
            seen, limit = hit
            yield Reason(
                rule=named.name, version=named.version, outcome=named.rule.outcome, seen=seen, limit=limit
            )


def _excess(named: NamedRule, attempt: PaymentAttempt, observed: Observed) -> tuple[int, int] | None:
    """Return the figure that is too high and its limit, or none if the rule is kept."""
    match named.rule:
        case Velocity():
            return _velocity(named.rule, attempt, observed)
        case AmountBand(currency=currency, from_minor=from_minor, below_minor=below_minor):
            amount_minor = attempt.amount_minor
            in_band = from_minor <= amount_minor and (below_minor is None or amount_minor < below_minor)
            return (amount_minor, from_minor - 1) if currency == attempt.currency and in_band else None
        case Unfamiliar(subject=subject, currency=currency, limit_minor=limit_minor):
            knows = observed.knows_shop if subject == "shop" else observed.knows_device
            if knows or currency != attempt.currency or _is_left_alone(Subject(subject), attempt, observed):
                return None
            return (attempt.amount_minor, limit_minor) if attempt.amount_minor > limit_minor else None
        case ScoreAbove(limit_bps=limit_bps):
            score = attempt.score
            return None if score is None or score.fraud_bps <= limit_bps else (score.fraud_bps, limit_bps)


def _velocity(rule: Velocity, attempt: PaymentAttempt, observed: Observed) -> tuple[int, int] | None:
    if _is_left_alone(rule.subject, attempt, observed):
        return None
    before = observed.seen.get((rule.subject, rule.window), NOTHING)
    match rule.measure:
        case "count":
            seen = before.count + 1
        case "amount":
            if rule.currency != attempt.currency:
                return None
            seen = before.amount_minor + attempt.amount_minor
        case "stopped":
            seen = before.stopped
    return (seen, rule.limit) if seen > rule.limit else None


def _is_left_alone(subject: Subject, attempt: PaymentAttempt, observed: Observed) -> bool:
    return subject in observed.trusted or not attempt.takes_part(subject)
