"""Rules as data: what cannot work is refused, and what is written is read back."""

import msgspec
import pytest

from karez.services.payments.fraud.attempts import Subject, Window
from karez.services.payments.fraud.rules import (
    DEFAULTS,
    LOOKED_AT_MAX,
    AmountBand,
    Rule,
    ScoreAbove,
    Unfamiliar,
    Velocity,
    check_rule,
)
from tests.parties.making import refused


def velocity(measure: str, limit: int, currency: str | None = None, **more: object) -> Velocity:
    return msgspec.convert(
        {
            "kind": "velocity",
            "subject": Subject.CARD,
            "window": Window.DAY,
            "measure": measure,
            "limit": limit,
            "outcome": "refuse",
            "currency": currency,
            **more,
        },
        Velocity,
    )


@pytest.mark.parametrize("name", list(DEFAULTS))
def test_every_rule_of_the_program_can_work_and_is_read_back_from_json(name: str) -> None:
    check_rule(name, DEFAULTS[name])
    assert msgspec.json.decode(msgspec.json.encode(DEFAULTS[name]), type=Rule) == DEFAULTS[name]


@pytest.mark.parametrize(
    "rule",
    [
        velocity("count", 0),
        velocity("stopped", LOOKED_AT_MAX - 1),
        velocity("amount", 10**15, "CNY"),
        velocity("count", 1, "CNY", exact=True),
        velocity("amount", 10**15, "CNY", exact=True),
        AmountBand(currency="JPY", from_minor=1, below_minor=2, outcome="refuse"),
        Unfamiliar(subject="shop", currency="CNY", limit_minor=0, outcome="challenge"),
        ScoreAbove(model="m", limit_bps=9_999, outcome="refuse"),
    ],
)
def test_a_rule_at_its_bounds_is_accepted(rule: Rule) -> None:
    check_rule("rule_1", rule, ["m"])


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (velocity("count", -1), "fraud_rule_invalid"),
        (velocity("stopped", -1), "fraud_rule_invalid"),
        (velocity("count", LOOKED_AT_MAX), "fraud_rule_invalid"),
        (velocity("count", 5, "CNY"), "fraud_rule_invalid"),
        (velocity("amount", 100), "fraud_rule_invalid"),
        (velocity("amount", -1, "CNY"), "fraud_rule_invalid"),
        (velocity("amount", 100, "XXX"), "currency_unknown"),
        (AmountBand(currency="CNY", from_minor=0, outcome="refuse"), "fraud_rule_invalid"),
        (AmountBand(currency="CNY", from_minor=5, below_minor=5, outcome="refuse"), "fraud_rule_invalid"),
        (AmountBand(currency="XXX", from_minor=5, outcome="refuse"), "currency_unknown"),
        (Unfamiliar(subject="shop", currency="CNY", limit_minor=-1, outcome="refuse"), "fraud_rule_invalid"),
        (Unfamiliar(subject="shop", currency="", limit_minor=1, outcome="refuse"), "currency_unknown"),
        (ScoreAbove(model="m", limit_bps=10_000, outcome="refuse"), "fraud_rule_invalid"),
        (ScoreAbove(model="m", limit_bps=-1, outcome="refuse"), "fraud_rule_invalid"),
        (ScoreAbove(model="n", limit_bps=1, outcome="refuse"), "fraud_rule_invalid"),
        (velocity("count", 5, exact=True), "fraud_rule_invalid"),
        (velocity("count", 0, "CNY", exact=True), "fraud_rule_invalid"),
        (velocity("stopped", 5, "CNY", exact=True), "fraud_rule_invalid"),
        (velocity("count", 5, "CNY", exact=True, outcome="challenge"), "fraud_rule_invalid"),
        (velocity("amount", 2**63, "CNY"), "fraud_rule_invalid"),
    ],
)
def test_a_rule_that_could_never_do_what_it_says_is_refused(rule: Rule, code: str) -> None:
    with refused(code):
        check_rule("rule_1", rule, ["m"])


@pytest.mark.parametrize("name", ["", "Card", "1st", "a b", "a" * 41, "卡"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with refused("fraud_rule_invalid"):
        check_rule(name, velocity("count", 1))
