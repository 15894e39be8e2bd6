"""The kinds of rules, their parameters, and those that hold until the operator changes them.

A rule says what is too much and what then happens: ``challenge`` asks the payer to confirm in a second way,
``refuse`` stops the payment. All rules are looked at and each that is hit is told; the severest counts. The set of
rules is data: the operator replaces it as a whole, and until then ``DEFAULTS`` hold.

Velocity is an estimate unless it is ``exact``: of many payments at the same moment some pass above the limit, because
none of them sees the others. An exact one is kept by the book (``exact.py``), whatever happens at once.

Worked example: ``card_hour_stopped`` refuses a card after 5 stopped attempts in an hour. Whoever tries out stolen
cards on one of them is stopped at the sixth attempt, whatever its amount.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from karez.core.money import AMOUNT_MAX_MINOR, currency_exponent
from karez.core.outcomes import Rejected
from karez.services.payments.fraud.attempts import Subject, Window

Stop = Literal["challenge", "refuse"]
Measure = Literal["count", "amount", "stopped"]

LOOKED_AT_MAX = 250
"""So many of a subject's latest attempts in 24 hours are looked at; a count that is higher is not known."""

_NAME = re.compile("[a-z][a-z0-9_]{0,39}")
_BPS_MAX = 10_000


class Velocity(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="velocity"
):
    """Too much of one subject in a window that ends now.

    Attributes:
        subject: Of whom.
        window: How far back.
        measure: ``count`` and ``amount`` are of allowed payments with this one; ``stopped`` of earlier attempts.
        limit: What is still allowed, as a number or in minor units.
        outcome: What happens above it.
        currency: Of ``amount`` and of an exact rule, in ISO 4217 letters; payments in others are left alone.
        exact: Whether the limit holds also for payments at the same moment; then it refuses.
    """

    subject: Subject
    window: Window
    measure: Measure
    limit: int
    outcome: Stop
    currency: str | None = None
    exact: bool = False


class AmountBand(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="amount_band"
):
    """An amount between two bounds.

    Attributes:
        currency: ISO 4217 letters; payments in others are left alone.
        from_minor: The lowest amount of the band.
        below_minor: The lowest amount above it; none has no upper end.
        outcome: What happens.
    """

    currency: str
    from_minor: int
    below_minor: int | None = None
    outcome: Stop


class Unfamiliar(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="unfamiliar"
):
    """Much money to a shop, or from a device, that the person has never used.

    Attributes:
        subject: ``shop`` or ``device``.
        currency: ISO 4217 letters; payments in others are left alone.
        limit_minor: What is still allowed.
        outcome: What happens above it.
    """

    subject: Literal["shop", "device"]
    currency: str
    limit_minor: int
    outcome: Stop


class ScoreAbove(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="score_above"
):
    """A model that finds fraud too probable.

    Attributes:
        model: Its name in ``models.MODELS``.
        limit_bps: What is still allowed, in hundredths of a percent.
        outcome: What happens above it.
    """

    model: str
    limit_bps: int
    outcome: Stop


Rule = Velocity | AmountBand | Unfamiliar | ScoreAbove


@dataclass(frozen=True, slots=True)
class NamedRule:
    """A rule that holds.

    Attributes:
        name: What it is called.
        version: Of the set that it belongs to; 0 is the program's own.
        rule: Its parameters.
    """

    name: str
    version: int
    rule: Rule


def check_rule(name: str, rule: Rule, models: Collection[str] = ()) -> None:
    """Refuse a rule that could never do what it says.

    Args:
        name: What it is called.
        rule: Its parameters.
        models: The names of those that exist.

    Rejections: ``fraud_rule_invalid``, ``currency_unknown``.
    """
    if not _NAME.fullmatch(name):
        raise _invalid(name[:40], "a name has up to 40 small letters, digits and underscores")
    match rule:
        case Velocity():
            _check_velocity(name, rule)
        case AmountBand():
            currency_exponent(rule.currency)
            if rule.from_minor < 1 or (rule.below_minor is not None and rule.below_minor <= rule.from_minor):
                raise _invalid(name, "a band begins at 1 or more and ends above its beginning")
        case Unfamiliar():
            currency_exponent(rule.currency)
            _check_limit(name, rule.limit_minor)
        case ScoreAbove():
            if not 0 <= rule.limit_bps < _BPS_MAX:
                raise _invalid(name, f"a score's limit is from 0 to {_BPS_MAX - 1}")
            if rule.model not in models:
                raise _invalid(name, f"there is no model {rule.model[:40]!r}; this Karez has {len(models)}")


def _check_velocity(name: str, rule: Velocity) -> None:
    _check_limit(name, rule.limit)
    if rule.currency is not None:
        currency_exponent(rule.currency)
    if rule.exact:
        if rule.measure == "stopped" or rule.outcome != "refuse" or rule.currency is None or rule.limit == 0:
            raise _invalid(
                name, "an exact rule refuses above 1 or more payments, or above a sum, in one currency"
            )
        return
    if rule.measure == "amount":
        if rule.currency is None:
            raise _invalid(name, "a sum of amounts needs its currency")
        return
    if rule.currency is not None:
        raise _invalid(name, "numbers of payments are counted over all currencies; leave it out")
    if rule.limit >= LOOKED_AT_MAX:
        raise _invalid(name, f"a number is below {LOOKED_AT_MAX}, because so many are looked at")


def _check_limit(name: str, limit: int) -> None:
    if not 0 <= limit <= AMOUNT_MAX_MINOR:
        raise _invalid(name, f"a limit is from 0 to {AMOUNT_MAX_MINOR}")


def _invalid(name: str, why: str) -> Rejected:
    return Rejected("fraud_rule_invalid", f"The rule {name!r} cannot work: {why}.", rule=name)


def _velocity(
    subject: Subject, window: Window, measure: Measure, limit: int, outcome: Stop, currency: str | None = None
) -> Velocity:
    return Velocity(
        subject=subject, window=window, measure=measure, limit=limit, outcome=outcome, currency=currency
    )


DEFAULTS: Mapping[str, Rule] = {
    "person_minute_count": _velocity(Subject.PERSON, Window.MINUTE, "count", 30, "challenge"),
    "person_day_amount": _velocity(Subject.PERSON, Window.DAY, "amount", 500_000_00, "challenge", "CNY"),
    "person_hour_stopped": _velocity(Subject.PERSON, Window.HOUR, "stopped", 20, "refuse"),
    "card_minute_count": _velocity(Subject.CARD, Window.MINUTE, "count", 10, "challenge"),
    "card_hour_stopped": _velocity(Subject.CARD, Window.HOUR, "stopped", 5, "refuse"),
    "device_hour_count": _velocity(Subject.DEVICE, Window.HOUR, "count", 120, "challenge"),
    "device_hour_stopped": _velocity(Subject.DEVICE, Window.HOUR, "stopped", 10, "refuse"),
    "large_amount": AmountBand(currency="CNY", from_minor=200_000_00, outcome="challenge"),
}
"""The program's own rules, by name: what people do not meet who pay for themselves.

None counts by shop, so nobody can spoil a shop's business by attempts that fail. Money limits are for CNY only: the
operator makes those of other currencies.
"""
