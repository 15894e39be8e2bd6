"""The decision about an attempt: pure, and complete in its reasons."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from karez.core.outcomes import Unavailable
from karez.services.payments.fraud.attempts import NOTHING, Observed, PaymentAttempt, Subject
from karez.services.payments.fraud.models import MODELS, Model, Score
from karez.services.payments.fraud.rules import (
    AmountBand,
    NamedRule,
    ScoreAbove,
    Stop,
    Unfamiliar,
    Velocity,
)

Outcome = Literal["allow", "challenge", "refuse"]
Kind = Literal["frequency", "amount", "unfamiliar", "safety"]
"""All that a payer is told of why."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that was hit.

    Attributes:
        rule: Its name; ``blocked_card`` and the like for the lists.
        version: Of the set of rules; 0 is the program's own.
        kind: What the payer is told of it.
        outcome: What it asks for.
        seen: The figure that was seen.
        limit: What would still be allowed.
        model_says: Why a model thinks so.
    """

    rule: str
    version: int
    kind: Kind
    outcome: Stop
    seen: int
    limit: int
    model_says: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to an attempt, and why.

    Attributes:
        outcome: ``allow``; ``challenge``: the payer must confirm first; ``refuse``.
        reasons: Every rule that was hit, also those that the payer's confirmation has answered.
        score_bps: The highest figure of a model, in hundredths of a percent, where one was asked.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    score_bps: int | None = None

    @property
    def kinds(self) -> list[Kind]:
        """Return what the payer is told: of what kind the rules are that ask for what happens."""
        return sorted({reason.kind for reason in self.reasons if reason.outcome == self.outcome})


@dataclass(frozen=True, slots=True)
class _Hit:
    seen: int
    limit: int
    model_says: tuple[str, ...] = ()


def decide(
    rules: Sequence[NamedRule],
    attempt: PaymentAttempt,
    observed: Observed,
    models: Mapping[str, Model] = MODELS,
) -> Decision:
    """Decide about an attempt.

    Whoever is blocked is refused, whatever else is known. Whoever is trusted is not counted, and not unfamiliar; the
    other subjects of the payment and its amount are judged all the same.

    Args:
        rules: Those that hold.
        attempt: What is judged.
        observed: What is known.
        models: Those that exist.

    Raises:
        Unavailable: ``fraud_rule_unreadable``, where a rule asks a model that this release does not have.
    """
    names = {named.rule.model for named in rules if isinstance(named.rule, ScoreAbove)}
    scores = {name: _ask(name, models)(attempt, observed) for name in sorted(names)}
    reasons = (*_blocked(observed), *_hits(rules, attempt, observed, scores))
    asked_for = {reason.outcome for reason in reasons}
    outcome: Outcome = "allow"
    if "refuse" in asked_for:
        outcome = "refuse"
    elif "challenge" in asked_for and not attempt.confirmed:
        outcome = "challenge"
    score_bps = max((score.fraud_bps for score in scores.values()), default=None)
    return Decision(outcome=outcome, reasons=reasons, score_bps=score_bps)


def reason_of(named: NamedRule, seen: int, limit: int, model_says: tuple[str, ...] = ()) -> Reason:
    """Return that a rule was hit."""
    return Reason(
        rule=named.name,
        version=named.version,
        kind=_kind(named),
        outcome=named.rule.outcome,
        seen=seen,
        limit=limit,
        model_says=model_says,
    )


def is_left_alone(subject: Subject, attempt: PaymentAttempt, observed: Observed) -> bool:
    """Tell whether a subject is not counted: it is trusted, or there is none."""
    return subject in observed.trusted or not attempt.takes_part(subject)


def _ask(name: str, models: Mapping[str, Model]) -> Model:
    if name not in models:
        raise Unavailable(
            "fraud_rule_unreadable",
            f"A fraud rule asks the model {name!r}, which this release does not have; replace the set of rules, or "
            "install the release that has it.",
        )
    return models[name]


def _kind(named: NamedRule) -> Kind:
    match named.rule:
        case Velocity(measure="count"):
            return "frequency"
        case Velocity(measure="amount") | AmountBand():
            return "amount"
        case Unfamiliar():
            return "unfamiliar"
        case _:
            return "safety"


def _blocked(observed: Observed) -> Iterable[Reason]:
    for subject in Subject:
        if subject in observed.blocked:
            yield Reason(
                rule=f"blocked_{subject}", version=0, kind="safety", outcome="refuse", seen=1, limit=0
            )


def _hits(
    rules: Sequence[NamedRule], attempt: PaymentAttempt, observed: Observed, scores: Mapping[str, Score]
) -> Iterable[Reason]:
    for named in rules:
        hit = _excess(named, attempt, observed, scores)
        if hit is not None:
            yield reason_of(named, hit.seen, hit.limit, hit.model_says)


def _excess(
    named: NamedRule, attempt: PaymentAttempt, observed: Observed, scores: Mapping[str, Score]
) -> _Hit | None:
    """Return the figure that is too high and its limit, or none if the rule is kept."""
    match named.rule:
        case Velocity():
            return _velocity(named.rule, attempt, observed)
        case AmountBand(currency=currency, from_minor=from_minor, below_minor=below_minor):
            amount_minor = attempt.amount_minor
            in_band = from_minor <= amount_minor and (below_minor is None or amount_minor < below_minor)
            return _Hit(amount_minor, from_minor - 1) if currency == attempt.currency and in_band else None
        case Unfamiliar(subject=subject, currency=currency, limit_minor=limit_minor):
            knows = observed.knows_shop if subject == "shop" else observed.knows_device
            if knows or currency != attempt.currency or is_left_alone(Subject(subject), attempt, observed):
                return None
            return _Hit(attempt.amount_minor, limit_minor) if attempt.amount_minor > limit_minor else None
        case ScoreAbove(model=model, limit_bps=limit_bps):
            score = scores[model]
            return _Hit(score.fraud_bps, limit_bps, score.reasons) if score.fraud_bps > limit_bps else None


def _velocity(rule: Velocity, attempt: PaymentAttempt, observed: Observed) -> _Hit | None:
    if rule.exact or is_left_alone(rule.subject, attempt, observed):
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
    return _Hit(seen, rule.limit) if seen > rule.limit else None
